// Which broker is where.
#include "client/remote_cluster.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kafka/generated/metadata.hpp"

namespace ringmain::client {
namespace {

constexpr Versions kWithController{1, kafka::MetadataRequest::max_version};

std::vector<std::shared_ptr<RemoteConnection>> connections_to(const std::vector<net::Endpoint>& addresses,
                                                              const std::string& client_id, RemoteTimes times) {
  std::vector<std::shared_ptr<RemoteConnection>> all;
  for (const net::Endpoint& address : addresses)
    all.push_back(std::make_shared<RemoteConnection>(address, client_id, times));
  return all;
}

bool is_gone(const Error& error) noexcept {
  return error.code == ErrorCode::broker_unavailable || error.code == ErrorCode::request_timed_out;
}

}  // namespace

RemoteCluster::RemoteCluster(const std::vector<net::Endpoint>& addresses, std::string client_id, RemoteTimes times)
    : client_id_(std::move(client_id)),
      times_(times),
      bootstrap_(connections_to(addresses, client_id_, times)),
      any_(bootstrap_.front()) {}

Result<std::vector<net::Endpoint>> bootstrap_addresses(const std::string& text) {
  std::vector<net::Endpoint> addresses;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    RINGMAIN_TRY_ASSIGN(endpoint, net::parse_endpoint(std::string_view(text).substr(at, end - at)));
    if (endpoint.host.empty() || endpoint.port == 0)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' names no broker: give HOST:PORT, for example 127.0.0.1:9092", text));
    addresses.push_back(std::move(endpoint));
    at = end + 1;
  }
  return addresses;
}

Result<std::shared_ptr<RemoteCluster>> RemoteCluster::open(const std::string& bootstrap,
                                                           std::string client_id,
                                                           RemoteTimes times) {
  RINGMAIN_TRY_ASSIGN(addresses, bootstrap_addresses(bootstrap));
  const std::shared_ptr<RemoteCluster> cluster(new RemoteCluster(addresses, std::move(client_id), times));
  RINGMAIN_TRY(cluster->find_any());
  return cluster;
}

std::shared_ptr<RemoteCluster> RemoteCluster::twin(std::string client_id, RemoteTimes times) {
  return std::shared_ptr<RemoteCluster>(new RemoteCluster(addresses(), std::move(client_id), times));
}

std::vector<net::Endpoint> RemoteCluster::addresses() {
  std::vector<net::Endpoint> all{any()->endpoint()};
  for (const Connection& one : bootstrap_)
    if (one->endpoint() != all.front()) all.push_back(one->endpoint());
  return all;
}

RemoteCluster::Connection RemoteCluster::any() {
  const std::lock_guard lock(mutex_);
  return any_;
}

Status RemoteCluster::find_any() {
  std::vector<Connection> candidates{any()};
  candidates.insert(candidates.end(), bootstrap_.begin(), bootstrap_.end());
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, broker] : brokers_) candidates.push_back(broker);
  }
  std::optional<Error> why;  // of the first: the others are for help
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (std::find(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(i), candidates[i]) !=
        candidates.begin() + static_cast<std::ptrdiff_t>(i))
      continue;
    const Status connected = candidates[i]->connect();
    if (connected) {
      const std::lock_guard lock(mutex_);
      any_ = candidates[i];
      return {};
    }
    if (!why) why = connected.error();
  }
  return tl::make_unexpected(*why);
}

Result<net::Endpoint> RemoteCluster::endpoint(std::int32_t broker_id) {
  RINGMAIN_TRY_ASSIGN(chosen, connection(To::broker(broker_id)));
  return net::Endpoint(chosen->endpoint());
}

void RemoteCluster::forget(std::int32_t broker_id) {
  const std::lock_guard lock(mutex_);
  brokers_.erase(broker_id);
}

Status RemoteCluster::refresh() {
  kafka::MetadataRequest request;
  request.topics.emplace();  // none
  request.allow_auto_topic_creation = false;
  RINGMAIN_TRY_ASSIGN(said, ask<kafka::MetadataResponse>(request, To::any(), kWithController));
  const std::lock_guard lock(mutex_);
  std::map<std::int32_t, Connection> brokers;
  for (const auto& broker : said.response.brokers) {
    if (broker.port <= 0 || broker.port > 65535) continue;
    const net::Endpoint endpoint{broker.host, static_cast<std::uint16_t>(broker.port)};
    auto& connection = brokers[broker.node_id];
    if (const auto known = brokers_.find(broker.node_id); known != brokers_.end())
      connection = known->second;
    for (const Connection& given : bootstrap_)
      if (endpoint == given->endpoint()) connection = given;
    if (!connection || connection->endpoint() != endpoint)
      connection = std::make_shared<RemoteConnection>(endpoint, client_id_, times_);
  }
  // Of a single broker the address that we were given is as good as the one that it knows of
  // itself, or better: it may be behind a tunnel.
  if (brokers.size() == 1) brokers.begin()->second = any_;
  brokers_ = std::move(brokers);
  controller_id_ = said.response.controller_id;
  is_fresh_ = true;
  return {};
}

Result<RemoteCluster::Connection> RemoteCluster::connection(To to) {
  if (!to.is_broker() && !to.is_controller()) return any();
  for (const bool is_last_look : {false, true}) {
    bool is_fresh = false;
    {
      const std::lock_guard lock(mutex_);
      const auto found = brokers_.find(to.is_controller() ? controller_id_ : to.broker_id());
      if (found != brokers_.end()) return found->second;
      is_fresh = is_fresh_;
    }
    if (to.is_controller() && is_fresh)
      return any();  // a cluster that hides it passes requests on
    if (!is_last_look) RINGMAIN_TRY(refresh());
  }
  return fail(ErrorCode::invalid_request,
              fmt::format("there is no broker {} in the cluster of {}", to.broker_id(),
                          net::to_string(any()->endpoint())));
}

Result<std::vector<To>> RemoteCluster::all_brokers() {
  RINGMAIN_TRY(refresh());
  const std::lock_guard lock(mutex_);
  std::vector<To> all;
  for (const auto& [id, connection] : brokers_) all.push_back(To::broker(id));
  return all;
}

Result<std::int16_t> RemoteCluster::best_version(To to, std::int16_t api_key, Versions versions) {
  RINGMAIN_TRY_ASSIGN(chosen, connection(to));
  const auto version = chosen->best_version(api_key, versions);
  if (version || !is_gone(version.error())) return version;
  if (to.is_broker()) forget(to.broker_id());
  if (to.is_controller()) {
    const std::lock_guard lock(mutex_);
    is_fresh_ = false;
    brokers_.erase(controller_id_);
  }
  if (to.is_broker() || to.is_controller()) return version;
  RINGMAIN_TRY(find_any());
  return any()->best_version(api_key, versions);
}

Result<kafka::Bytes> RemoteCluster::exchange(To to, std::span<const std::byte> frame) {
  RINGMAIN_TRY_ASSIGN(chosen, connection(to));
  return chosen->exchange(frame);
}

}  // namespace ringmain::client
