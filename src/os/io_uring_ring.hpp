// IoUringRing: one io_uring in the fastest mode that the kernel has, with registered buffers and
// a table of registered files where these are allowed. One thread, the one that made it.
#pragma once

#include <liburing.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/disk_buffers.hpp"

namespace ringmain::os {

class IoUringRing {
 public:
  // An error says why the kernel (or a container's rules) refuses io_uring.
  static Result<std::unique_ptr<IoUringRing>> create(uint32_t entries);
  ~IoUringRing();
  IoUringRing(const IoUringRing&) = delete;
  IoUringRing& operator=(const IoUringRing&) = delete;

  // Each empty, or why it was refused: the ring then works without.
  std::string register_buffers(const DiskBuffers& buffers);
  std::string register_file_table(uint32_t places);

  // `fd` -1 empties the place.
  bool register_file(uint32_t place, int fd) noexcept;

  // An entry to fill in; the caller never has more outstanding than `entries`.
  io_uring_sqe& next_entry() noexcept;

  // Gives the entries to the kernel and waits for `wait_count` completions, across signals.
  // False: the kernel lacked memory for some; they stay, and go with the next submit.
  Result<bool> submit(uint32_t wait_count);

  // Lets the kernel run what has completed into the ring (the faster modes wait for a call).
  Status collect();

  // The next completion, without a system call.
  bool next_completion(io_uring_cqe& into) noexcept;

  Status register_eventfd(int fd);

  // "deferred completions", "cooperative", "plain".
  const std::string& mode() const noexcept { return mode_; }

 private:
  IoUringRing() = default;

  io_uring ring_{};
  std::string mode_;
};

}  // namespace ringmain::os
