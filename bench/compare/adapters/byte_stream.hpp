// Messages of one size over two byte streams of the kernel: what pipes and sockets have in common.
// Each message is written by itself, as soon as it is there; a read takes all that has come.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "adapters/list.hpp"
#include "base/result.hpp"
#include "cli/exit.hpp"
#include "os/cpu.hpp"

namespace ringmain::bench {

// With spinning, the descriptors are non-blocking, and a call that would wait is made again at
// once.
inline void set_waiting(int fd, Waits waits) {
  const int flags = ::fcntl(fd, F_GETFL);
  const int wanted = waits == Waits::spinning ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags < 0 || ::fcntl(fd, F_SETFL, wanted) != 0)
    throw Exception(fail_errno("cannot choose how a descriptor waits").value());
}

class ByteStream {
 public:
  ByteStream(int in, int out, size_t message_bytes)
      : in_(in),
        out_(out),
        message_bytes_(message_bytes),
        room_(message_bytes),
        buffer_(std::max(message_bytes, read_bytes)) {}

  char* claim() noexcept { return room_.data(); }

  void publish() {
    for (size_t done = 0; done < message_bytes_;) {  // ends: with the message, or with an error
      const ssize_t written = ::write(out_, room_.data() + done, message_bytes_ - done);
      if (written >= 0) {
        done += static_cast<size_t>(written);
      } else if (!is_passing()) {
        throw Exception(fail_errno("cannot write a message").value());
      }
    }
  }

  const char* receive() {
    if (end_ - begin_ < message_bytes_) read_more();
    return buffer_.data() + begin_;
  }

  void release() noexcept { begin_ += message_bytes_; }

 private:
  static constexpr size_t read_bytes = 64 * 1024;

  static bool is_passing() noexcept {
    if (errno != EAGAIN && errno != EINTR) return false;
    os::pause();
    return true;
  }

  void read_more() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    while (end_ < message_bytes_) {  // ends: with a message, or with an error
      const ssize_t got = ::read(in_, buffer_.data() + end_, buffer_.size() - end_);
      if (got > 0) {
        end_ += static_cast<size_t>(got);
      } else if (got == 0) {
        throw tools::Failure("the other side closed the stream");
      } else if (!is_passing()) {
        throw Exception(fail_errno("cannot read a message").value());
      }
    }
  }

  const int in_, out_;
  const size_t message_bytes_;
  std::vector<char> room_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // of what was read and not given out
};

}  // namespace ringmain::bench
