// Reading lines.
#include "cli/line_reader.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/parse.hpp"
#include "base/result.hpp"
#include "cli/exit.hpp"

namespace ringmain::tools {

std::optional<std::string_view> LineReader::next() {
  size_t searched_to = begin_;
  for (;;) {  // each turn reads more, or returns
    if (stop_.requested()) return std::nullopt;
    if (const auto at = line_break_in(searched_to)) return take(*at - begin_, 1);
    const size_t held_bytes = end_ - begin_;
    if (held_bytes > longest_line_bytes_) {
      throw Failure(
          fmt::format("line {} of the input is longer than {}: no record can be that large",
                      line_number_ + 1, format_bytes(longest_line_bytes_)));
    }
    if (!read_more()) {
      if (stop_.requested() || held_bytes == 0) return std::nullopt;
      return take(held_bytes, 0);  // the last line may lack its line break
    }
    searched_to = begin_ + held_bytes;
  }
}

std::optional<size_t> LineReader::line_break_in(size_t from) const noexcept {
  if (from == end_) return std::nullopt;
  const void* found = std::memchr(buffer_.get() + from, '\n', end_ - from);
  if (found == nullptr) return std::nullopt;
  return static_cast<size_t>(static_cast<const char*>(found) - buffer_.get());
}

std::string_view LineReader::take(size_t size, size_t and_break) noexcept {
  const std::string_view line(buffer_.get() + begin_, size);
  begin_ += size + and_break;
  ++line_number_;
  return line;
}

// False: time is up. Ends early if a signal comes.
bool LineReader::await_input(int timeout_ms) const {
  std::array<pollfd, 2> waiting{{{fd_, POLLIN, 0}, {stop_.fd(), POLLIN, 0}}};
  const int ready = ::poll(waiting.data(), waiting.size(), timeout_ms);
  if (ready < 0 && errno != EINTR) throw Exception(fail_errno("cannot wait for standard input").value());
  return ready != 0;
}

bool LineReader::wait(std::chrono::nanoseconds timeout) const {
  const auto timeout_ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return !would_read() || await_input(static_cast<int>(std::clamp<int64_t>(timeout_ms, 0, INT32_MAX)));
}

// False at the end of the input, and on a stop signal.
bool LineReader::read_more() {
  make_room();
  for (;;) {  // until something comes, the input ends, or a stop signal comes
    await_input(-1);
    if (stop_.requested()) return false;
    const ssize_t read = ::read(fd_, buffer_.get() + end_, capacity_ - end_);
    if (read >= 0) {
      end_ += static_cast<size_t>(read);
      return read > 0;
    }
    if (errno != EINTR && errno != EAGAIN) {
      throw Exception(fail_errno("cannot read standard input").value());
    }
  }
}

// Moves what is left to the front, into a larger buffer if it fills half of this one.
void LineReader::make_room() {
  const size_t held_bytes = end_ - begin_;
  if (capacity_ - end_ >= read_bytes) return;
  if (capacity_ < held_bytes + read_bytes) {
    capacity_ = std::max(2 * capacity_, held_bytes + read_bytes);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    if (held_bytes != 0) std::memcpy(larger.get(), buffer_.get() + begin_, held_bytes);
    buffer_ = std::move(larger);
  } else {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held_bytes);
  }
  begin_ = 0;
  end_ = held_bytes;
}

}  // namespace ringmain::tools
