// Writing to standard output.
#include "cli/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "base/result.hpp"
#include "cli/exit.hpp"

namespace ringmain::tools {

void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {  // each turn writes something, waits for room, or throws
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EPIPE) {
      throw BrokenPipe();
    } else if (errno == EAGAIN) {  // a pipe that somebody else made non-blocking
      pollfd room{fd_, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      throw Exception(fail_errno("cannot write to standard output").value());
    }
  }
  buffer_.clear();
}

Output& standard_output() {
  static Output output(STDOUT_FILENO);
  return output;
}

}  // namespace ringmain::tools
