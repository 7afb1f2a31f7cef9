// Fuzzes everything behind a connection: any bytes as a request, to a gateway with a broker
// in memory. An answer must be a whole frame; what is no request must close the connection.
// USES gateway kafka
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "kafka/generated/messages.hpp"
#include "kafka/headers.hpp"
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

// The one request that a broker may leave without an answer.
bool is_produce_without_acks(std::span<const std::byte> frame) {
  kafka::Reader reader(frame);
  const auto header = kafka::RequestHeader::decode(reader);
  if (!header || header->api_key != kafka::ProduceRequest::api_key) return false;
  const auto request = kafka::ProduceRequest::decode(reader, header->api_version);
  return request && request->acks == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gateway::FakeTopics topics;
  gateway::FakeRecords records;
  (void)topics.create({"a", 2}, gateway::Commit::apply);
  gateway::FakeBroker broker;
  gateway::FakeAttach attach;
  const gateway::AllowEverything authorizer;
  gateway::Gateway gateway({topics, records, broker, attach, authorizer}, {},
                           [](net::LogLevel, std::string_view) {});
  const auto request = std::as_bytes(std::span(data, size));
  for (const auto transport : {net::Transport::tcp, net::Transport::unix_socket}) {
    const auto connection = std::make_shared<gateway::FakeConnection>(transport);
    net::Reply reply = gateway.handle(*connection, request);
    if (!connection->later_replies.empty()) reply = connection->later_replies.front();
    const bool answered = is_whole_frame(reply.bytes) && !reply.close;
    const bool closed = reply.bytes.empty() && reply.close;
    const bool silent = reply.bytes.empty() && !reply.close && is_produce_without_acks(request);
    if (!answered && !closed && !silent) std::abort();
  }
  return 0;
}
