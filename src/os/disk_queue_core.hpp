// DiskQueueCore: what every queue does alike: buffers, checks, which operations are in flight,
// and which sync waits for which writes. The derived queue does the I/O.
//
// An operation is taken on (submit_write), ready (a sync: once the writes it covers are done),
// started (start_ready hands it to the derived queue), and finished with its result (finish),
// which is reported once (report). One thread.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "os/disk.hpp"
#include "os/disk_buffers.hpp"

namespace ringmain::os {

// What queues share of an open file; operations in flight keep it alive.
struct DiskFileState {
  explicit DiskFileState(std::string path_of_file) : path(std::move(path_of_file)) {}
  virtual ~DiskFileState() = default;
  DiskFileState(const DiskFileState&) = delete;
  DiskFileState& operator=(const DiskFileState&) = delete;

  const std::string path;

  // Set for good when a sync failed: the kernel has then forgotten which pages were lost, and a
  // later sync would succeed without them. Any thread; nothing is ordered by it.
  std::atomic<bool> sync_failed{false};
};

Status refuse_sync_after_failure(const DiskFileState& file);

struct DiskOperation {
  enum class Kind : uint8_t { write, sync };

  Kind kind = Kind::write;
  std::shared_ptr<DiskFileState> file;  // null: this place is free
  DiskToken token;
  DiskWrite write;
  uint32_t written_bytes = 0;          // across short writes
  uint32_t checksum = 0;               // of the bytes, for queues that check that they stay
  uint64_t sequence = 0;               // the order in which operations were taken on
  uint32_t awaited_writes = 0;         // a sync: that must finish before it starts
  std::optional<Error> awaited_error;  // of one of these, if it failed

  bool is_write() const noexcept { return kind == Kind::write; }
  bool is_synced_write() const noexcept {
    return is_write() && write.durability == Durability::synced;
  }
};

class DiskQueueCore : public DiskQueue {
 public:
  uint32_t buffer_bytes() const noexcept final { return buffers_.bytes_each(); }
  std::optional<uint32_t> take_buffer() noexcept final;
  void give_back(uint32_t buffer) noexcept final;
  std::span<std::byte> buffer(uint32_t buffer) noexcept final { return buffers_[buffer]; }
  uint32_t in_flight() const noexcept final;
  uint32_t room() const noexcept final { return depth() - in_flight(); }
  const DiskQueueCapabilities& capabilities() const noexcept final { return capabilities_; }
  Status submit_write(DiskFile& file, const DiskWrite& write, DiskToken token) final;
  Status submit_sync(DiskFile& file, DiskToken token) final;

 protected:
  DiskQueueCore(const DiskQueueOptions& options, DiskBuffers buffers);

  // The state behind a file of the same disk, or why it cannot be written.
  virtual Result<std::shared_ptr<DiskFileState>> state_of(DiskFile& file) = 0;
  virtual void taken_on(uint32_t /*place*/) {}
  // Called once for each operation whose turn has come, in the order they were taken on. May finish
  // it.
  virtual void start(uint32_t place) = 0;

  uint32_t depth() const noexcept { return static_cast<uint32_t>(operations_.size()); }
  DiskOperation& operation(uint32_t place) noexcept { return operations_[place]; }
  std::span<std::byte> unwritten_bytes(const DiskOperation& operation) const noexcept;
  const DiskBuffers& buffers() const noexcept { return buffers_; }

  void start_ready();
  bool anything_ready() const noexcept { return !ready_.empty(); }
  bool anything_to_report() const noexcept { return !completions_.empty(); }
  bool anything_active() const noexcept { return active_ > 0; }
  // A failure of a sync, or of a write that was to be synced, marks the file: sync_failed.
  void finish(uint32_t place, Result<uint64_t> result);
  uint32_t report(const DiskCallback& done);
  void check_thread() const noexcept;

  DiskQueueCapabilities capabilities_;

 private:
  struct Completion {
    DiskToken token;
    Result<uint64_t> result;
  };

  Status check_write(const DiskFileState& file, const DiskWrite& write) const;
  Result<uint32_t> take_on(DiskOperation operation);
  void complete(uint32_t place, Result<uint64_t> result);
  void write_finished(const DiskOperation& write, const Result<uint64_t>& result);

  DiskBuffers buffers_;
  std::vector<DiskOperation> operations_;  // `depth` places
  std::vector<uint32_t> free_places_;
  std::deque<uint32_t> ready_;          // not started, nothing to wait for
  std::deque<Completion> completions_;  // finished, not reported
  uint32_t active_ = 0;                 // taken on, not finished
  uint64_t next_sequence_ = 0;
  bool reporting_ = false;
  std::thread::id owner_;
};

Status check(const DiskQueueOptions& options);

}  // namespace ringmain::os
