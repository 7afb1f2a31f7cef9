// liburing's calls, with errors in words.
#include "os/io_uring_ring.hpp"

#include <fmt/format.h>
#include <sys/uio.h>

#include "base/assert.hpp"
#include "base/parse.hpp"

namespace ringmain::os {
namespace {

struct Mode {
  unsigned flags;
  const char* name;
};

// Best first: 6.1 has all, 5.19 the second.
constexpr Mode modes[] = {
    {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, "deferred completions"},
    {IORING_SETUP_COOP_TASKRUN, "cooperative completions"},
    {0, "plain"},
};

std::string reason_of(int error) {
  return std::system_category().message(error);
}

std::string setup_advice(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return " (see kernel.io_uring_disabled, or the container's seccomp profile)";
    case ENOSYS:
      return " (this kernel or container has no io_uring)";
    case ENOMEM:
      return " (RLIMIT_MEMLOCK may be too small)";
    default:
      return {};
  }
}

}  // namespace

Result<std::unique_ptr<IoUringRing>> IoUringRing::create(uint32_t entries) {
  int error = 0;
  for (const Mode& mode : modes) {
    std::unique_ptr<IoUringRing> made(new IoUringRing);
    error = -::io_uring_queue_init(entries, &made->ring_, mode.flags);
    if (error == 0) {
      made->mode_ = mode.name;
      return made;
    }
    made->ring_.ring_fd = -1;
    if (error != EINVAL) break;  // EINVAL: flags that this kernel does not know
  }
  return fail_errno("io_uring is refused" + setup_advice(error), error);
}

IoUringRing::~IoUringRing() {
  if (ring_.ring_fd >= 0) ::io_uring_queue_exit(&ring_);
}

std::string IoUringRing::register_buffers(const DiskBuffers& buffers) {
  std::vector<iovec> parts;
  for (uint32_t index = 0; index < buffers.count(); ++index) {
    parts.push_back({buffers[index].data(), buffers[index].size()});
  }
  const int error =
      -::io_uring_register_buffers(&ring_, parts.data(), static_cast<unsigned>(parts.size()));
  if (error == 0) return {};
  return fmt::format(
      "{}{}", reason_of(error),
      error == ENOMEM ? fmt::format(" (RLIMIT_MEMLOCK must allow {})",
                                    format_bytes(uint64_t{buffers.count()} * buffers.bytes_each()))
                      : "");
}

std::string IoUringRing::register_file_table(uint32_t places) {
  const int error = -::io_uring_register_files_sparse(&ring_, places);
  return error == 0 ? std::string{} : reason_of(error);
}

bool IoUringRing::register_file(uint32_t place, int fd) noexcept {
  return ::io_uring_register_files_update(&ring_, place, &fd, 1) == 1;
}

io_uring_sqe& IoUringRing::next_entry() noexcept {
  io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
  RINGMAIN_ASSERT(entry != nullptr);
  return *entry;
}

Result<bool> IoUringRing::submit(uint32_t wait_count) {
  while (true) {  // ends: at anything but a signal
    const int submitted = ::io_uring_submit_and_wait(&ring_, wait_count);
    if (submitted >= 0 || submitted == -EAGAIN || submitted == -EBUSY) {
      return ::io_uring_sq_ready(&ring_) == 0;
    }
    if (submitted != -EINTR) return fail_errno("cannot submit to io_uring", -submitted);
  }
}

Status IoUringRing::collect() {
  while (true) {  // ends: at anything but a signal
    const int error = -::io_uring_get_events(&ring_);
    if (error <= 0) return {};
    if (error != EINTR) return fail_errno("cannot collect from io_uring", error);
  }
}

bool IoUringRing::next_completion(io_uring_cqe& into) noexcept {
  io_uring_cqe* found = nullptr;
  unsigned head;
  io_uring_for_each_cqe(&ring_, head, found) {
    into = *found;
    ::io_uring_cq_advance(&ring_, 1);
    return true;
  }
  return false;
}

Status IoUringRing::register_eventfd(int fd) {
  const int error = -::io_uring_register_eventfd(&ring_, fd);
  if (error == 0) return {};
  return fail_errno("cannot have io_uring ring an eventfd", error);
}

}  // namespace ringmain::os
