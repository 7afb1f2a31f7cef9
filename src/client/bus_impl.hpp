// What a Bus holds: the connection that everything made from it shares.
#pragma once

#include <memory>

#include "client/admin_client.hpp"
#include "client/bus_connection.hpp"
#include "ringmain/bus.hpp"

namespace ringmain {

class Bus::Impl {
 public:
  explicit Impl(std::shared_ptr<client::BusConnection> opened)
      : connection(std::move(opened)), admin(connection) {}

  std::shared_ptr<client::BusConnection> connection;
  client::AdminClient admin;
};

}  // namespace ringmain
