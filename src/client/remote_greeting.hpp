// How a conversation with a Kafka broker over TCP begins: connect, and ask which versions of which
// requests it serves; and how it goes on for who sends one request at a time. Any thread; waits.
#pragma once

#include <span>
#include <string>

#include "client/broker_versions.hpp"
#include "client/wake.hpp"
#include "kafka/frame.hpp"
#include "net/endpoint.hpp"
#include "os/deadline.hpp"
#include "os/fd.hpp"

namespace ringmain::client {

struct Greeted {
  os::UniqueFd socket;
  BrokerVersions versions;
};

// Errors: broker_unavailable (no such host, nobody listens, or whoever does is no Kafka broker),
// request_timed_out, closed (`wake` told to stop; while it connects, that is not heard).
Result<Greeted> connect_and_greet(const net::Endpoint& endpoint, const std::string& client_id,
                                  os::Deadline deadline, Wake* wake = nullptr);

// Sends a frame; gives the one that comes next, without its size. Errors: closed (by the other side,
// or `wake` told to stop), request_timed_out, io, and a size above the limit. After an error the
// socket is of no use.
Result<kafka::Bytes> exchange_frames(int socket, std::span<const std::byte> frame,
                                     std::size_t answer_max_bytes, os::Deadline deadline,
                                     Wake* wake = nullptr);

}  // namespace ringmain::client
