// Errors of the disk, real and simulated: codes that a caller can act on. Pure.
#pragma once

#include <string>

#include "base/result.hpp"
#include "os/disk.hpp"

namespace ringmain::os {

// "<what>: <the system's words>", with a code of those that disk.hpp lists.
tl::unexpected<Error> fail_disk(const std::string& what, int error);

// Refuses a range that is empty, or that no file can hold.
Status check_range(const std::string& path, DiskRange range);

}  // namespace ringmain::os
