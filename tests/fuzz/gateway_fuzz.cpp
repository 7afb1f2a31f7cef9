// Fuzzes everything behind a connection: any bytes as a request, to a gateway with a broker
// in memory. An answer must be a whole frame; what is no request must close the connection.
// USES gateway
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "unit/gateway/fakes.hpp"

namespace {

using namespace ringmain;

// What a client reads: the length tells how many bytes follow.
bool is_whole_frame(const std::vector<std::byte>& bytes) {
  if (bytes.size() < 8) return false;
  uint32_t size = 0;
  for (size_t i = 0; i < 4; ++i) size = size << 8 | std::to_integer<uint32_t>(bytes[i]);
  return size == bytes.size() - 4;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gateway::FakeTopics topics;
  (void)topics.create({"a", 2}, gateway::Commit::apply);
  gateway::FakeBroker broker;
  gateway::FakeAttach attach;
  const gateway::AllowEverything authorizer;
  gateway::Gateway gateway({topics, broker, attach, authorizer}, {},
                           [](net::LogLevel, std::string_view) {});
  for (const auto transport : {net::Transport::tcp, net::Transport::unix_socket}) {
    const auto connection = std::make_shared<gateway::FakeConnection>(transport);
    const net::Reply reply = gateway.handle(*connection, std::as_bytes(std::span(data, size)));
    const bool answered = is_whole_frame(reply.bytes) && !reply.close;
    const bool closed = reply.bytes.empty() && reply.close;
    if (!answered && !closed) std::abort();
  }
  return 0;
}
