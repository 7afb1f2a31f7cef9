// Calls to a Kafka cluster over TCP: finds its brokers from the addresses of some, and sends each
// request to the one it is for. What is for any goes to the one that answered last; while that one is
// gone, to the next that can be reached. Thread safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/call.hpp"
#include "client/remote_connection.hpp"

namespace ringmain::client {

// HOST:PORT of a broker, or of several with commas between them. Error: invalid_argument.
Result<std::vector<net::Endpoint>> bootstrap_addresses(const std::string& text);

class RemoteCluster final : public Call {
 public:
  // `bootstrap`: see bootstrap_addresses(); the first that answers is taken. Errors: invalid_argument (no address), and those of
  // RemoteConnection::connect().
  static Result<std::shared_ptr<RemoteCluster>> open(const std::string& bootstrap,
                                                     std::string client_id, RemoteTimes times = {});

  // The same cluster over connections of its own, with times of its own; connected when used.
  std::shared_ptr<RemoteCluster> twin(std::string client_id, RemoteTimes times);

  Result<std::vector<To>> all_brokers() override;
  bool is_local() const noexcept override { return false; }

  // Where a broker is. Error: invalid_request (there is none of that number), and those of a call.
  Result<net::Endpoint> endpoint(std::int32_t broker_id);
  // It is not where it was: looked for anew when it is wanted again.
  void forget(std::int32_t broker_id);
  const std::string& client_id() const noexcept { return client_id_; }
  // Those that it was opened with, the one that answered last first.
  std::vector<net::Endpoint> addresses();
  const RemoteTimes& times() const noexcept { return times_; }

 private:
  using Connection = std::shared_ptr<RemoteConnection>;

  RemoteCluster(const std::vector<net::Endpoint>& addresses, std::string client_id, RemoteTimes times);

  Result<std::int16_t> best_version(To to, std::int16_t api_key, Versions versions) override;
  Result<kafka::Bytes> exchange(To to, std::span<const std::byte> frame) override;
  const std::string& own_client_id() const noexcept override { return client_id_; }

  Result<Connection> connection(To to);
  Connection any();
  // The first of all the brokers that can be reached is any() from now on.
  Status find_any();
  // Asks who is there.
  Status refresh();

  const std::string client_id_;
  const RemoteTimes times_;
  const std::vector<Connection> bootstrap_;  // connected when first used, as all; at least one
  std::mutex mutex_;                         // guards what follows
  Connection any_;
  std::map<std::int32_t, Connection> brokers_;  // by id
  std::int32_t controller_id_ = -1;
  bool is_fresh_ = false;
};

}  // namespace ringmain::client
