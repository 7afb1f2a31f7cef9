// IoUringQueue: the DiskQueue of the real disk, on io_uring. A write is one entry (RWF_DSYNC) or
// two (the write and an fdatasync linked to it), a sync one; each entry gives one completion.
#pragma once

#include <memory>
#include <optional>

#include "os/disk_queue_core.hpp"
#include "os/disk_real_file.hpp"
#include "os/eventfd.hpp"
#include "os/io_uring_files.hpp"
#include "os/io_uring_ring.hpp"

namespace ringmain::os {

class IoUringQueue final : public DiskQueueCore {
 public:
  static Result<std::unique_ptr<IoUringQueue>> create(
      const DiskQueueOptions& options, DiskBuffers buffers, DurableWrite durable_write,
      std::shared_ptr<std::atomic<uint64_t>> closed_files);
  ~IoUringQueue() override;

  Status submit() override;
  Result<uint32_t> reap(ReapWait wait, const DiskCallback& done) override;
  Result<int> completion_fd() override;

 private:
  enum class Step : uint8_t { write, sync };

  // Of the operation at the same place.
  struct Progress {
    uint32_t entries_out = 0;  // given to the ring, not completed
    int write_error = 0;       // errno of the write entry
    int sync_error = 0;        // errno of the sync entry
    bool is_synced = false;    // the sync entry covered all bytes
    bool link_broken = false;  // the two may have been submitted apart
    // Through the operation's life:
    bool syncs_apart = false;  // a sync entry, not RWF_DSYNC
    uint32_t retries = 0;
  };

  IoUringQueue(const DiskQueueOptions& options, DiskBuffers buffers, DurableWrite durable_write,
               std::unique_ptr<IoUringRing> ring,
               std::shared_ptr<std::atomic<uint64_t>> closed_files);

  Result<std::shared_ptr<DiskFileState>> state_of(DiskFile& file) override;
  void start(uint32_t place) override;
  void write_rest(uint32_t place);
  void sync_alone(uint32_t place);
  void set_target(io_uring_sqe& entry, const DiskOperation& next);
  Status submit_entries(uint32_t wait_count);
  Status wait_for_one();
  bool take_completions();
  void entry_completed(uint32_t place, Step step, int result);
  void decide(uint32_t place);

  DurableWrite durable_write_;
  std::unique_ptr<IoUringRing> ring_;
  std::optional<IoUringFiles> files_;
  std::optional<EventFd> completed_;
  std::vector<Progress> progress_;  // by place
};

}  // namespace ringmain::os
