// What a Bus holds: the connection that everything made from it shares.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "client/admin_client.hpp"
#include "client/bus_connection.hpp"
#include "client/call.hpp"
#include "client/remote_cluster.hpp"
#include "ringmain/bus.hpp"

namespace ringmain {
namespace client {

// The way to shared memory, for whoever needs it. A Bus over TCP has none: then it throws Exception(invalid_state).
class LocalConnection {
 public:
  LocalConnection() = default;
  LocalConnection(std::shared_ptr<BusConnection> connection) : connection_(std::move(connection)) {}

  operator const std::shared_ptr<BusConnection>&() const { return checked(); }
  BusConnection& operator*() const { return *checked(); }
  BusConnection* operator->() const { return checked().get(); }
  explicit operator bool() const noexcept { return connection_ != nullptr; }

 private:
  const std::shared_ptr<BusConnection>& checked() const {
    if (connection_) return connection_;
    throw Exception({ErrorCode::invalid_state,
                     "this needs the shared memory of a bus on this host, and the Bus was opened with BusOptions::bootstrap, "
                     "which reaches a broker over TCP: name a bus directory instead"});
  }
  std::shared_ptr<BusConnection> connection_;
};

}  // namespace client

class Bus::Impl {
 public:
  explicit Impl(std::shared_ptr<client::BusConnection> opened, std::string client_id = {})
      : connection(opened), call(std::move(opened)), admin(call, std::move(client_id)) {}
  explicit Impl(std::shared_ptr<client::RemoteCluster> cluster, std::string client_id = {})
      : remote(std::move(cluster)), call(remote), admin(call, std::move(client_id)) {}

  // Another Bus on the same connection, for what must outlive this one or its moves. Its admin asks
  // in the name of `client_id`.
  static Bus share(const Impl& impl, std::string client_id) {
    if (impl.remote) return Bus(std::make_unique<Impl>(impl.remote, std::move(client_id)));
    return Bus(std::make_unique<Impl>(std::shared_ptr<client::BusConnection>(impl.connection), std::move(client_id)));
  }

  // Whether there is somebody to ask right now, as far as that is known.
  bool is_online() const { return remote || connection->is_online(); }
  const std::string& client_id() const { return remote ? remote->client_id() : connection->client_id(); }

  const client::LocalConnection connection;
  const std::shared_ptr<client::RemoteCluster> remote;  // with BusOptions::bootstrap, else none
  const std::shared_ptr<client::Call> call;
  client::AdminClient admin;
};

}  // namespace ringmain
