// Connects to a TCP address, from a thread that may wait: not for the event loop.
#pragma once

#include "net/endpoint.hpp"
#include "os/deadline.hpp"
#include "os/fd.hpp"

namespace ringmain::net {

// Tries the addresses of the host's name one after the other. The socket sends small requests at
// once. Asking for the name is the system resolver's, with time limits of its own. Errors:
// broker_unavailable (no such host, or nobody listens), request_timed_out, io.
Result<os::UniqueFd> connect_tcp(const Endpoint& endpoint, os::Deadline deadline);

}  // namespace ringmain::net
