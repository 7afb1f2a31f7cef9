// Call: one request to a broker, and its answer. What needs nothing but the Kafka protocol (Admin)
// is written once, on top of this; what carries it is BusConnection, over the Unix socket of a bus,
// or RemoteCluster, over TCP.
//
// Thread safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "kafka/frame.hpp"

namespace ringmain::client {

// Which broker of a cluster a request is for. A bus has one, which is all of them.
class To {
 public:
  static constexpr To any() { return {Kind::any, -1}; }
  static constexpr To controller() { return {Kind::controller, -1}; }
  static constexpr To broker(std::int32_t id) { return {Kind::broker, id}; }

  constexpr bool is_controller() const { return kind_ == Kind::controller; }
  constexpr bool is_broker() const { return kind_ == Kind::broker; }
  constexpr std::int32_t broker_id() const { return broker_id_; }

 private:
  enum class Kind { any, controller, broker };
  constexpr To(Kind kind, std::int32_t id) : kind_(kind), broker_id_(id) {}
  Kind kind_;
  std::int32_t broker_id_;
};

// Versions of a request that the asking side can do with.
struct Versions {
  std::int16_t least;
  std::int16_t most;

  template <class Request>
  static constexpr Versions of() {
    return {Request::min_version, Request::max_version};
  }
};

// An answer, with its bytes: what it has of records points into them.
template <class Response>
struct Said {
  kafka::Bytes message;
  Response response;
  std::int16_t version = 0;  // that it was asked in
};

class Call {
 public:
  virtual ~Call() = default;

  // Sends a request and waits for its answer. The response's own error code is the caller's.
  // `client_id`: who asks; empty: as the connection was opened. Errors: broker_unavailable,
  // request_timed_out, unsupported_version, and what the socket and the codec say. After an error
  // nobody knows whether the broker has done it.
  template <class Response, class Request>
  Result<Said<Response>> ask(const Request& request, To to = To::any(),
                             Versions versions = Versions::of<Request>(),
                             const std::string& client_id = {}) {
    RINGMAIN_TRY_ASSIGN(version, best_version(to, Request::api_key, versions));
    const std::int32_t correlation =
        next_correlation_.fetch_add(1, std::memory_order_relaxed) & 0x7fffffff;
    const kafka::RequestOptions options{version, correlation,
                                        client_id.empty() ? own_client_id() : client_id};
    RINGMAIN_TRY_ASSIGN(frame, kafka::request_frame(request, options));
    Said<Response> said;
    RINGMAIN_TRY_ASSIGN(message, exchange(to, frame));
    said.message = std::move(message);
    RINGMAIN_TRY_ASSIGN(response, kafka::decode_response<Response>(said.message, options));
    said.response = std::move(response);
    said.version = version;
    return said;
  }

  // One for each broker of the cluster.
  virtual Result<std::vector<To>> all_brokers() = 0;

  // A process of the broker's host, through its Unix socket: the private APIs are there.
  virtual bool is_local() const noexcept = 0;

 protected:
  virtual Result<std::int16_t> best_version(To to, std::int16_t api_key, Versions versions) = 0;
  // The answer without its size.
  virtual Result<kafka::Bytes> exchange(To to, std::span<const std::byte> frame) = 0;
  virtual const std::string& own_client_id() const noexcept = 0;

 private:
  std::atomic<std::int32_t> next_correlation_{1};
};

}  // namespace ringmain::client
