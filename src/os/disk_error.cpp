// Which errno becomes which code of the disk's.
#include "os/disk_error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>

namespace ringmain::os {
namespace {

ErrorCode disk_code_of(int error) noexcept {
  switch (error) {
    case ENOSPC:
    case EDQUOT:  // which limit it was is all one to the caller
      return ErrorCode::no_space;
    case EACCES:
    case EPERM:
      return ErrorCode::permission_denied;
    case EROFS:
      return ErrorCode::read_only;
    case ENOENT:
      return ErrorCode::not_found;
    case EEXIST:
      return ErrorCode::already_exists;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

tl::unexpected<Error> fail_disk(const std::string& what, int error) {
  return fail(disk_code_of(error), what + ": " + std::system_category().message(error));
}

Status check_range(const std::string& path, DiskRange range) {
  constexpr auto file_max_bytes = static_cast<uint64_t>(INT64_MAX);
  if (range.size_bytes > 0 && range.size_bytes <= file_max_bytes &&
      range.at <= file_max_bytes - range.size_bytes) {
    return {};
  }
  return fail(ErrorCode::invalid_argument, fmt::format("{} bytes at {} of {}: no range of a file",
                                                       range.size_bytes, range.at, path));
}

}  // namespace ringmain::os
