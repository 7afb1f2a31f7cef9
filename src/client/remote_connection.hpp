// A TCP connection to one Kafka broker, Ringmain's or any other. It asks for the versions that the
// broker speaks before anything else, and connects anew when the broker has closed it between two
// requests. Thread safe: one request at a time.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "client/broker_versions.hpp"
#include "client/wake.hpp"
#include "net/endpoint.hpp"
#include "os/deadline.hpp"
#include "os/fd.hpp"

namespace ringmain::client {

struct RemoteTimes {
  std::int64_t connect_ns = 10'000'000'000;  // until the broker has said what it speaks
  std::int64_t answer_ns = 30'000'000'000;
};

class RemoteConnection {
 public:
  // `wake`, if there is one, outlives it: told to stop, it makes what waits for an answer fail.
  RemoteConnection(net::Endpoint endpoint, std::string client_id, RemoteTimes times = {},
                   Wake* wake = nullptr)
      : endpoint_(std::move(endpoint)), client_id_(std::move(client_id)), times_(times), wake_(wake) {}

  // Is connected, or becomes it. Errors: broker_unavailable (no such host, nobody listens, or
  // whoever does is no Kafka broker), request_timed_out.
  Status connect();

  // The highest version that both sides speak; unsupported_version if there is none.
  Result<std::int16_t> best_version(std::int16_t api_key, Versions versions);

  // Sends a frame, and gives its answer without the size. A frame is sent once: after an error
  // nobody knows whether it was done.
  Result<kafka::Bytes> exchange(std::span<const std::byte> frame);

  const net::Endpoint& endpoint() const noexcept { return endpoint_; }

 private:
  Status connected();
  bool has_ended() const noexcept;

  const net::Endpoint endpoint_;
  const std::string client_id_;
  const RemoteTimes times_;
  Wake* const wake_;
  std::mutex mutex_;  // guards what follows, and what is exchanged
  os::UniqueFd socket_;
  std::optional<BrokerVersions> versions_;
};

}  // namespace ringmain::client
