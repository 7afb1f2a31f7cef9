// SimulatedDisk: a Disk in memory that can lose power, fail and dawdle, all from one seed.
//
// It keeps what is durable apart from what is not. A power cut leaves what disk.hpp promises and,
// of everything else, whatever the seed says: each unsynced write is kept, lost, or torn at blocks
// or at sectors of 512 bytes; a file has any of the sizes it had since its last sync; each name
// made, renamed or removed without a sync_directory() is there or not. What a lost write would have
// covered holds the bytes from before: a recycled file keeps its stale ones.
//
// Deterministic: the same seed and the same calls give the same bytes. One thread. Paths are
// absolute; "/" is there. For tests and simulators only.
#pragma once

#include <cstdint>
#include <memory>

#include "os/disk.hpp"

namespace ringmain::os {

// What counts as an operation: whatever changes the disk. A write that is to be synced is two,
// a write and a sync; so is each part of a short write one.
enum class DiskOperationKind : uint8_t {
  write,
  sync,
  create,
  rename,
  remove,
  allocate,
  truncate,
  punch_hole,
  make_directory,
  sync_directory,
};
inline constexpr uint32_t disk_operation_kinds = 10;

struct SimulatedDiskOptions {
  uint64_t seed = 0;
  bool shuffle_completions = true;   // queued writes complete in any order
  uint32_t delay_percent = 30;       // how often a queued write is not complete at a reap
  uint32_t short_write_percent = 0;  // how often a write of several blocks does only some of them
};

// Operations `nth` to `nth + count - 1` of the kind, counted from the call on, fail with `code`.
// A write that fails may have written a part.
struct SimulatedFault {
  DiskOperationKind kind = DiskOperationKind::write;
  uint64_t nth = 1;
  uint64_t count = 1;
  ErrorCode code = ErrorCode::io;
};

namespace simulated {
class Machine;
}

class SimulatedDisk final : public Disk {
 public:
  explicit SimulatedDisk(const SimulatedDiskOptions& options);
  ~SimulatedDisk() override;

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override;
  Result<std::unique_ptr<DiskFile>> open(const std::string& path, DiskOpen how) override;
  Result<uint64_t> file_size_bytes(const std::string& path) const override;
  Result<std::vector<DiskEntry>> list(const std::string& directory) const override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Result<bool> is_open(const std::string& path) const override;
  Status make_directories(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<DiskQueue>> make_queue(const DiskQueueOptions& options) override;

  void add_fault(const SimulatedFault& fault);
  void clear_faults();

  uint64_t operations() const noexcept;  // so far, of all kinds
  uint64_t operations(DiskOperationKind kind) const noexcept;

  // The power goes during the `nth` operation from now on (1: the next). That operation and all
  // later ones fail with ErrorCode::closed, until restart().
  void cut_power_at(uint64_t nth);
  void cut_power();
  bool has_power() const noexcept;

  // Power again: the disk holds what survived. Files and queues from before stay closed.
  void restart();
  void crash() {
    cut_power();
    restart();
  }

  // A disk that lies: it acknowledges this many syncs of files and synced writes, from the next one
  // on, and does not do them. The canary of a test of durability, which must notice.
  void forget_syncs(uint64_t count);

 private:
  std::shared_ptr<simulated::Machine> machine_;
};

}  // namespace ringmain::os
