// The queue of the simulated disk: writes in flight wait in a list, and the seed says which
// of them completes when. It asserts that the bytes of a write stay as they were until then.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "os/disk_queue_core.hpp"
#include "os/eventfd.hpp"
#include "os/simulated_disk_machine.hpp"

namespace ringmain::os::simulated {

class Queue final : public DiskQueueCore {
 public:
  Queue(const DiskQueueOptions& options, DiskBuffers buffers, std::shared_ptr<Machine> machine);
  ~Queue() override;

  Status submit() override;
  Result<uint32_t> reap(ReapWait wait, const DiskCallback& done) override;
  Result<int> completion_fd() override;

  // The device may have got some of what was in flight; all of it fails.
  void power_goes();

 private:
  Result<std::shared_ptr<DiskFileState>> state_of(DiskFile& file) override;
  void taken_on(uint32_t place) override;
  void start(uint32_t place) override;
  void step(uint32_t place);
  void step_write(uint32_t place);
  void step_sync(uint32_t place);
  void check_bytes(const DiskOperation& write) const;
  bool run_some(bool at_least_one);

  std::shared_ptr<Machine> machine_;
  uint64_t epoch_;
  std::vector<uint32_t> started_;  // places
  std::optional<EventFd> completed_;
};

}  // namespace ringmain::os::simulated
