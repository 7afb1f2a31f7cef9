// Standard output: buffered, and with errors that are noticed. One thread at a time.
#pragma once

#include <string>
#include <string_view>

namespace ringmain::tools {

// Throws BrokenPipe when the reader has gone, Exception(io, no_space) when the system refuses.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  void write(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= flush_at_bytes) flush();
  }
  void write_line(std::string_view line) {
    buffer_ += line;
    write("\n");
  }
  void flush();
  void discard() noexcept { buffer_.clear(); }

 private:
  static constexpr size_t flush_at_bytes = size_t{64} << 10;  // a pipe's usual capacity

  int fd_;
  std::string buffer_;
};

Output& standard_output();

}  // namespace ringmain::tools
