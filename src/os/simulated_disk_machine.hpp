// The power, the faults and the count of operations of a simulated disk, which its files and
// queues share. One thread.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "os/disk_queue_core.hpp"
#include "os/simulated_disk.hpp"
#include "os/simulated_disk_names.hpp"

namespace ringmain::os::simulated {

class Queue;

// An open file. It is of no use after the power cut that ends its `epoch`.
struct FileState : DiskFileState {
  FileState(std::string path_of_file, std::shared_ptr<Node> node_of_file, uint64_t epoch_now,
            DiskOpen how)
      : DiskFileState(std::move(path_of_file)),
        node(std::move(node_of_file)),
        epoch(epoch_now),
        is_writable(how == DiskOpen::write) {
    ++node->handles;
  }
  ~FileState() override { --node->handles; }

  const std::shared_ptr<Node> node;
  const uint64_t epoch;
  const bool is_writable;
};

// What happens to one operation.
struct Verdict {
  enum class Kind : uint8_t { proceed, fail, power_cut };
  Kind kind = Kind::proceed;
  ErrorCode code = ErrorCode::none;  // of a failure

  bool proceeds() const noexcept { return kind == Kind::proceed; }
};

class Machine {
 public:
  explicit Machine(const SimulatedDiskOptions& options_of_disk)
      : options(options_of_disk), random(options_of_disk.seed) {}

  Status check_power(const std::string& what, uint64_t epoch_of_handle) const;
  Status check_power(const std::string& what) const { return check_power(what, epoch); }

  // Counts an operation and says what becomes of it. On power_cut the power is gone already,
  // and the operation's own effect may be applied: it then survives or not, as the seed says.
  Verdict begin(DiskOperationKind kind);
  // What a verdict other than proceed is to the caller: "<what>: ...".
  static tl::unexpected<Error> fail_with(const std::string& what, const Verdict& verdict);

  void cut_power();
  void restart();

  // One write or sync of a file, with the faults. A write gives how much it wrote.
  Result<uint64_t> write(FileState& file, uint64_t at, std::span<const std::byte> bytes);
  Status sync_all(FileState& file);
  Status sync_range(FileState& file, DiskRange range);

  void add_queue(Queue& queue) { queues_.push_back(&queue); }
  void remove_queue(Queue& queue) { std::erase(queues_, &queue); }

  const SimulatedDiskOptions options;
  Random random;
  Names names;
  uint64_t epoch = 0;
  bool has_power = true;
  uint64_t cut_at = 0;  // number of the operation; 0: none
  uint64_t forgotten_syncs = 0;
  uint64_t operations = 0;
  std::array<uint64_t, disk_operation_kinds> operations_by_kind{};
  std::vector<SimulatedFault> faults;  // their nth counts down

 private:
  template <class Sync>
  Status sync(FileState& file, Sync sync_content);

  std::vector<Queue*> queues_;
};

}  // namespace ringmain::os::simulated
