#include "client/remote_peers.hpp"

#include <fmt/format.h>

#include "client/remote_greeting.hpp"
#include "kafka/generated/find_coordinator.hpp"

namespace ringmain::client {
namespace {

constexpr Versions kFindOne{0, 3};

Result<Dialed> dial_broker(RemoteCluster& cluster, std::int32_t id) {
  const auto endpoint = cluster.endpoint(id);
  if (!endpoint && endpoint.error().code == ErrorCode::invalid_request)  // as long as nobody tells of it
    return fail(ErrorCode::broker_unavailable, endpoint.error().message);
  if (!endpoint) return tl::make_unexpected(endpoint.error());
  auto greeted = connect_and_greet(*endpoint, cluster.client_id(),
                                   os::Deadline::after_ns(cluster.times().connect_ns));
  if (!greeted) {
    cluster.forget(id);  // it may have started again elsewhere
    return tl::make_unexpected(greeted.error());
  }
  return Dialed{std::move(greeted->socket), std::move(greeted->versions)};
}

}  // namespace

Result<Dialed> RemoteBroker::dial() {
  return dial_broker(*cluster_, id_);
}

std::string RemoteBroker::name() const {
  return fmt::format("broker {}", id_);
}

Result<std::int32_t> RemoteCoordinator::broker() {
  {
    const std::lock_guard lock(mutex_);
    if (known_) return *known_;
  }
  kafka::FindCoordinatorRequest request;
  request.key = group_;
  RINGMAIN_TRY_ASSIGN(said,
                      cluster_->ask<kafka::FindCoordinatorResponse>(request, To::any(), kFindOne));
  if (said.response.error_code != 0) {
    const auto code = static_cast<ErrorCode>(said.response.error_code);
    return fail(code, fmt::format("group {}: nobody coordinates it at present ({})", group_,
                                  error_name(code)));
  }
  const std::lock_guard lock(mutex_);
  known_ = said.response.node_id;
  return *known_;
}

Result<Dialed> RemoteCoordinator::dial() {
  RINGMAIN_TRY_ASSIGN(id, broker());
  auto dialed = dial_broker(*cluster_, id);
  if (!dialed) look_anew();
  return dialed;
}

bool RemoteCoordinator::look_anew() {
  const std::lock_guard lock(mutex_);
  known_.reset();
  return true;
}

std::string RemoteCoordinator::name() const {
  return fmt::format("the coordinator of group {}", group_);
}

}  // namespace ringmain::client
