// Mapping: a range of a file in memory, shared with every process that maps it.
//
// Never larger than the file, so that touching it raises no SIGBUS (as long as nobody
// truncates the file). A child made by fork does not inherit it.
#pragma once

#include <sys/types.h>

#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/result.hpp"
#include "os/huge_pages.hpp"

namespace ringmain::os {

enum class Access { read_only, read_write };
enum class Populate { for_read, for_write };

class Mapping {
 public:
  // The mapping outlives `fd`, which is only borrowed. Any offset will do.
  static Result<Mapping> map(int fd, uint64_t offset, uint64_t length_bytes, Access access);

  Mapping() = default;  // empty
  Mapping(Mapping&&) noexcept = default;
  Mapping& operator=(Mapping&&) noexcept = default;

  explicit operator bool() const noexcept { return region_.get_address() != nullptr; }
  std::byte* data() const noexcept { return static_cast<std::byte*>(region_.get_address()); }
  uint64_t size_bytes() const noexcept { return region_.get_size(); }
  std::span<std::byte> bytes() const noexcept { return {data(), region_.get_size()}; }
  Access access() const noexcept { return access_; }

  // Page tables for the range, now and with errors reported, instead of a fault at the
  // first touch. On a kernel before 5.14 it reads one byte a page: the pages of an
  // allocated file are then mapped, and the first write still takes a short fault.
  Status populate(uint64_t offset, uint64_t length_bytes, Populate purpose);

  // Asks for 2 MiB pages. False: there can be none.
  bool ask_for_huge() noexcept;
  // The same of shared memory, and says what pages touched from now on may be (slow). Memory may be
  // too fragmented to grant it: huge_mapped_bytes() tells the truth.
  PageKind advise_huge();

  // How much of the mapping is in 2 MiB pages right now (/proc/self/smaps; slow).
  Result<uint64_t> huge_mapped_bytes() const;

 private:
  Mapping(boost::interprocess::mapped_region&& region, Access access, dev_t device) noexcept
      : region_(std::move(region)), access_(access), device_(device) {}

  boost::interprocess::mapped_region region_;
  Access access_ = Access::read_only;
  dev_t device_ = 0;  // of the file: its mount decides about huge pages
};

// Brings bytes of a mapped file into memory, to be read. False: a touch would raise SIGBUS, because the
// file was cut, or its medium fails. True on a kernel before 5.14, which cannot tell.
bool bring_in(std::span<const std::byte> mapped) noexcept;

}  // namespace ringmain::os
