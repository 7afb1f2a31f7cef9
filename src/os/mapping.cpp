// Mappings through Boost.Interprocess; its exceptions end here.
#include "os/mapping.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/interprocess/exceptions.hpp>

#include "base/parse.hpp"
#include "os/file.hpp"

namespace ringmain::os {
namespace {

namespace bip = boost::interprocess;

// Boost's MemoryMappable over a descriptor that somebody else owns. (file_mapping opens a
// path of its own, and we get our files as descriptors from the broker.)
class BorrowedFile {
 public:
  explicit BorrowedFile(int fd) : fd_(fd) {}
  bip::mapping_handle_t get_mapping_handle() const {
    return bip::ipcdetail::mapping_handle_from_file_handle(fd_);
  }

 private:
  int fd_;
};

struct PageRange {
  std::byte* begin;
  size_t length_bytes;
};

size_t page_bytes() {
  static const auto bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

// madvise wants a page's start: that of the page which holds `begin`.
PageRange whole_pages(std::byte* begin, uint64_t length_bytes) {
  const size_t before = reinterpret_cast<uintptr_t>(begin) % page_bytes();
  return {begin - before, length_bytes + before};
}

int advise(std::byte* begin, uint64_t length_bytes, int advice) {
  const PageRange range = whole_pages(begin, length_bytes);
  int error;
  do {
    error = ::madvise(range.begin, range.length_bytes, advice) == 0 ? 0 : errno;
  } while (error == EINTR || error == EAGAIN);
  return error;
}

// Only within the range itself: the rest of its first page need not be ours to read.
void touch_for_read(const std::byte* begin, uint64_t length_bytes) {
  const volatile std::byte* bytes = begin;  // volatile: the reads are what we are here for
  [[maybe_unused]] std::byte seen{};
  for (uint64_t at = 0; at < length_bytes; at += page_bytes()) seen = bytes[at];
  seen = bytes[length_bytes - 1];
}

tl::unexpected<Error> fail_range(int fd, uint64_t offset, uint64_t length_bytes,
                                 std::string_view why) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("cannot map bytes {} to {} of {}: {}", offset, offset + length_bytes,
                          describe_fd(fd), why));
}

Result<bip::mapped_region> map_region(int fd, uint64_t offset, uint64_t length_bytes,
                                      Access access) {
  const bip::mode_t mode = access == Access::read_only ? bip::read_only : bip::read_write;
  try {
    return bip::mapped_region(BorrowedFile(fd), mode, static_cast<bip::offset_t>(offset),
                              length_bytes);
  } catch (const bip::interprocess_exception& failure) {
    return fail_errno(
        fmt::format("cannot map {} of {} {}", format_bytes(length_bytes), describe_fd(fd),
                    access == Access::read_only ? "for reading" : "for writing"),
        failure.get_native_error());
  }
}

}  // namespace

Result<Mapping> Mapping::map(int fd, uint64_t offset, uint64_t length_bytes, Access access) {
  struct stat found;
  if (::fstat(fd, &found) != 0) {
    const int error = errno;
    return fail_errno("cannot map " + describe_fd(fd), error);
  }
  if (length_bytes == 0) return fail_range(fd, offset, length_bytes, "the range is empty");
  const auto file_bytes = static_cast<uint64_t>(found.st_size);
  if (offset > file_bytes || length_bytes > file_bytes - offset) {
    return fail_range(fd, offset, length_bytes,
                      fmt::format("the file has only {} bytes", file_bytes));
  }
  RINGMAIN_TRY_ASSIGN(region, map_region(fd, offset, length_bytes, access));
  Mapping mapping(std::move(region), access, found.st_dev);
  if (const int error = advise(mapping.data(), length_bytes, MADV_DONTFORK); error != 0) {
    return fail_errno("cannot keep the mapping of " + describe_fd(fd) + " from child processes",
                      error);
  }
  return mapping;
}

Status Mapping::populate(uint64_t offset, uint64_t length_bytes, Populate purpose) {
  if (offset > size_bytes() || length_bytes > size_bytes() - offset) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot populate bytes {} to {} of a mapping of {} bytes", offset,
                            offset + length_bytes, size_bytes()));
  }
  if (purpose == Populate::for_write && access_ == Access::read_only) {
    return fail(ErrorCode::invalid_argument, "cannot populate a read-only mapping for writing");
  }
  if (length_bytes == 0) return {};

  const int advice = purpose == Populate::for_write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
  const int error = advise(data() + offset, length_bytes, advice);
  if (error == 0) return {};
  if (error == EINVAL) {
    touch_for_read(data() + offset, length_bytes);
    return {};
  }
  const std::string what =
      fmt::format("cannot populate {} of shared memory", format_bytes(length_bytes));
  if (error == ENOMEM) return fail(ErrorCode::no_space, what + ": the machine is out of memory");
  if (error == EFAULT) {  // where a touch would have been SIGBUS
    return fail(
        ErrorCode::no_space,
        what + ": the file was cut, or has a hole and its file system is full; allocate first");
  }
  return fail_errno(what, error);
}

bool Mapping::ask_for_huge() noexcept {
  return size_bytes() >= huge_page_bytes && advise(data(), size_bytes(), MADV_HUGEPAGE) == 0;
}

PageKind Mapping::advise_huge() {
  return ask_for_huge() ? page_kind_after_advice(device_) : PageKind::base_4k;
}

Result<uint64_t> Mapping::huge_mapped_bytes() const {
  const auto begin = reinterpret_cast<uintptr_t>(data());
  return huge_bytes_in(begin, begin + size_bytes());
}

bool bring_in(std::span<const std::byte> mapped) noexcept {
  if (mapped.empty()) return true;
  // madvise changes none of the bytes.
  const int error = advise(const_cast<std::byte*>(mapped.data()), mapped.size(), MADV_POPULATE_READ);
  return error != EFAULT && error != EIO && error != EHWPOISON;
}

}  // namespace ringmain::os
