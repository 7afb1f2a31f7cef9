// BlockingDiskQueue: writes with pwrite and fdatasync in the calling thread, for where io_uring
// is refused. submit() blocks until all that was taken on is done.
#pragma once

#include <optional>

#include "os/disk_queue_core.hpp"
#include "os/eventfd.hpp"

namespace ringmain::os {

class BlockingDiskQueue final : public DiskQueueCore {
 public:
  BlockingDiskQueue(const DiskQueueOptions& options, DiskBuffers buffers,
                    DurableWrite durable_write, const std::string& why);

  Status submit() override;
  Result<uint32_t> reap(ReapWait wait, const DiskCallback& done) override;
  Result<int> completion_fd() override;

 private:
  Result<std::shared_ptr<DiskFileState>> state_of(DiskFile& file) override;
  void start(uint32_t place) override;
  void finish_batch();
  Status write_all(DiskOperation& next, bool with_sync);

  DurableWrite durable_write_;
  std::vector<uint32_t> batch_;  // writes that one submit() has yet to do
  std::optional<EventFd> completed_;
};

}  // namespace ringmain::os
