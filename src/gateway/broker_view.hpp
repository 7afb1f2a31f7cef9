// BrokerView: what clients are told about this broker and its cluster.
#pragma once

#include <cstdint>
#include <string>

#include "net/connection.hpp"

namespace ringmain::gateway {

struct BrokerIdentity {
  int32_t id = 1;
  std::string cluster_id;  // never empty: some clients insist
  // Where the asking client is to connect: the advertised address of its own listener.
  std::string host;
  uint16_t port = 0;
};

// Loop thread only.
class BrokerView {
 public:
  virtual ~BrokerView() = default;
  virtual BrokerIdentity identity(const net::Connection& connection) const = 0;
};

}  // namespace ringmain::gateway
