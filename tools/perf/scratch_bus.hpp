// A bus of a benchmark's own, in folders of its own, whose broker is started and killed as the
// benchmark likes. Everything goes with the object. One thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "ringmain/bus.hpp"

namespace ringmain::tools {

class ScratchBus {
 public:
  // In a new folder inside `parent`; its shared memory is in one beside that of other buses.
  explicit ScratchBus(const std::string& parent);
  ~ScratchBus();
  ScratchBus(const ScratchBus&) = delete;
  ScratchBus& operator=(const ScratchBus&) = delete;

  // Returns when the broker answers on its socket. `check` is called now and then, and may throw.
  void start_broker(const std::function<void()>& check);
  // SIGKILL, and reaped.
  void kill_broker();
  // SIGTERM: a clean stop, which ends when all is on disk.
  void stop_broker(const std::function<void()>& check);
  // With no broker running: what a power cut would take.
  void remove_shared_memory() const;

  // Throws if no broker runs.
  Bus open() const;

  const std::string& folder() const noexcept { return folder_; }
  const std::string& shm_folder() const noexcept { return shm_folder_; }
  pid_t broker_pid() const noexcept { return pid_; }

 private:
  std::string folder_, shm_folder_;
  pid_t pid_ = -1;
};

}  // namespace ringmain::tools
