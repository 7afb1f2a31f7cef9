// Peek: looks here and there into a large file, without reading what lies around, and, where the kernel
// and the file system can do that, without keeping in the page cache what was not in it: who maps the
// file later gets large pages then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"

namespace ringmain::os {

class Peek {
 public:
  // `fd`, and others of the same open file, read without readahead as long as this object lives.
  explicit Peek(int fd) noexcept;
  ~Peek();
  Peek(const Peek&) = delete;
  Peek& operator=(const Peek&) = delete;

  // How many bytes were read: fewer than asked for at the file's end only. Error: what read(2) says.
  Result<size_t> read(uint64_t offset, std::span<std::byte> into) const;

 private:
  ssize_t read_some(uint64_t offset, std::span<std::byte> into) const noexcept;

  const int fd_;
};

}  // namespace ringmain::os
