// A TCP connection to a Kafka broker that carries several requests at once: their answers come in
// the order in which they were sent. For a thread that waits in wait() alone, where another can
// wake it. One thread.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "client/broker_versions.hpp"
#include "client/frame_receiver.hpp"
#include "client/remote_greeting.hpp"
#include "client/wake.hpp"
#include "kafka/frame.hpp"
#include "net/endpoint.hpp"
#include "os/deadline.hpp"
#include "os/fd.hpp"

namespace ringmain::client {

class PipelinedConnection {
 public:
  // Connects, and asks what the broker serves. Errors: broker_unavailable (no such host, nobody
  // listens, or whoever does is no Kafka broker), request_timed_out, closed (told to stop).
  static Result<PipelinedConnection> open(net::Endpoint endpoint, std::string client_id,
                                          Wake& wake, os::Deadline deadline);

  // The highest version that both sides speak; unsupported_version if there is none.
  Result<std::int16_t> best_version(std::int16_t api_key, Versions versions) const {
    return versions_.best(api_key, versions);
  }

  // To be sent as soon as the socket takes it. What the cuts refer to stays until unsent_bytes()
  // is 0 or this is gone.
  void send(kafka::CutFrame frame);
  std::size_t unsent_bytes() const noexcept { return unsent_bytes_; }
  // Of which at least a byte is unsent.
  std::size_t unsent_frames() const noexcept { return frames_.size(); }

  // Sends what the socket takes, and waits until it takes more, something came, the bell rang, or
  // time is up. Error: network_exception.
  Status wait(Wake& wake, os::Deadline deadline);
  // The next answer that is here, without its size. Error: network_exception: the broker has closed
  // the connection, or sent what is no answer; nothing more comes then.
  Result<std::optional<kafka::Bytes>> next_answer();

  const net::Endpoint& endpoint() const noexcept { return endpoint_; }

 private:
  PipelinedConnection(net::Endpoint endpoint, Greeted greeted);

  Status send_some();
  Error lost(const std::string& why) const;

  net::Endpoint endpoint_;
  os::UniqueFd socket_;
  BrokerVersions versions_;
  std::deque<kafka::CutFrame> frames_;            // those that are not sent wholly
  std::deque<std::span<const std::byte>> pieces_;  // of frames_ and their cuts, what is unsent
  std::deque<std::size_t> pieces_of_frame_;        // how many of them each frame has left
  std::size_t unsent_bytes_ = 0;
  FrameReceiver receiver_;
};

}  // namespace ringmain::client
