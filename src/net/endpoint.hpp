// Endpoint: a TCP address as people write it, "HOST:PORT".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ringmain::net {

struct Endpoint {
  std::string host;   // a name or an address; without brackets; empty: every address
  uint16_t port = 0;  // 0: the system chooses

  bool operator==(const Endpoint&) const = default;
};

// "localhost:9092", "127.0.0.1:0", "[::1]:9092", ":9092".
Result<Endpoint> parse_endpoint(std::string_view text);

// The same way back, with brackets around an IPv6 address.
std::string to_string(const Endpoint& endpoint);

}  // namespace ringmain::net
