// Brokers of a cluster over TCP as links find them: one by its number, and the one that coordinates
// a group. Thread safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "client/link_peer.hpp"
#include "client/remote_cluster.hpp"

namespace ringmain::client {

class RemoteBroker final : public LinkPeer {
 public:
  RemoteBroker(std::shared_ptr<RemoteCluster> cluster, std::int32_t id)
      : cluster_(std::move(cluster)), id_(id) {}

  Result<Dialed> dial() override;
  bool is_local() const noexcept override { return false; }
  std::string name() const override;

 private:
  const std::shared_ptr<RemoteCluster> cluster_;
  const std::int32_t id_;
};

// Asked for by FindCoordinator, and remembered while it answers and says that it is the one.
class RemoteCoordinator final : public LinkPeer {
 public:
  RemoteCoordinator(std::shared_ptr<RemoteCluster> cluster, std::string group)
      : cluster_(std::move(cluster)), group_(std::move(group)) {}

  // Errors: also coordinator_not_available and the others of Kafka that say so.
  Result<Dialed> dial() override;
  bool look_anew() override;
  bool is_local() const noexcept override { return false; }
  std::string name() const override;

 private:
  Result<std::int32_t> broker();

  const std::shared_ptr<RemoteCluster> cluster_;
  const std::string group_;
  std::mutex mutex_;  // guards what follows
  std::optional<std::int32_t> known_;
};

}  // namespace ringmain::client
