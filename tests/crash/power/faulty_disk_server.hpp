// The process behind a FaultyDisk.
#pragma once

#include <string>

#include "faulty_disk.hpp"

namespace ringmain::crash {

// Built with libfuse3.
bool has_faulty_disk_server();
// Serves until it is unmounted; the result is the exit status.
int serve_faulty_disk(const std::string& folder, const std::string& mount_point,
                      FaultyDiskOrders& orders);

}  // namespace ringmain::crash
