// Lines of a file descriptor, in place, until the end or until it is told to stop.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "cli/stop_signal.hpp"

namespace ringmain::tools {

class LineReader {
 public:
  // A longer line is a Failure: without a bound, endless input without a line break would
  // take all memory.
  LineReader(int fd, size_t longest_line_bytes, const StopSignal& stop)
      : fd_(fd), longest_line_bytes_(longest_line_bytes), stop_(stop) {}

  // The next line without its line break; nullopt at the end of the input, or on a stop signal:
  // then a line that has come only in part is dropped. Valid until the next call.
  std::optional<std::string_view> next();

  // Whether next() may wait: no whole line is here.
  bool would_read() const noexcept { return !line_break_in(begin_); }

  // Waits until next() would not, or at least there is more of a line; false: time is up.
  bool wait(std::chrono::nanoseconds timeout) const;

  size_t line_number() const noexcept { return line_number_; }  // of the last line, from 1

 private:
  static constexpr size_t read_bytes = size_t{256} << 10;

  std::optional<size_t> line_break_in(size_t from) const noexcept;
  std::string_view take(size_t size, size_t and_break) noexcept;
  bool await_input(int timeout_ms) const;
  bool read_more();
  void make_room();

  int fd_;
  size_t longest_line_bytes_;
  const StopSignal& stop_;

  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;  // what was not given out yet: [begin_, end_)
  size_t end_ = 0;
  size_t line_number_ = 0;
};

}  // namespace ringmain::tools
