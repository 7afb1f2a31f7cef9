// Words that listeners, connections and the server share.
#pragma once

#include <cstdint>

#include "base/strong_id.hpp"

namespace ringmain::net {

enum class Transport {
  unix_socket,  // a process of this host: credentials known, descriptors can travel
  tcp,
};

using ListenerId = StrongId<struct ListenerIdTag, uint32_t>;
using ConnectionId = StrongId<struct ConnectionIdTag, uint64_t>;  // from 1; never given twice

}  // namespace ringmain::net
