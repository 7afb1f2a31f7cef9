// What a Bus holds: the connection that everything made from it shares.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "client/admin_client.hpp"
#include "client/bus_connection.hpp"
#include "ringmain/bus.hpp"

namespace ringmain {

class Bus::Impl {
 public:
  explicit Impl(std::shared_ptr<client::BusConnection> opened, std::string client_id = {})
      : connection(std::move(opened)), admin(connection, std::move(client_id)) {}

  // Another Bus on the same connection, for what must outlive this one or its moves. Its admin asks
  // in the name of `client_id`.
  static Bus share(const Impl& impl, std::string client_id) {
    return Bus(std::make_unique<Impl>(impl.connection, std::move(client_id)));
  }

  std::shared_ptr<client::BusConnection> connection;
  client::AdminClient admin;
};

}  // namespace ringmain
