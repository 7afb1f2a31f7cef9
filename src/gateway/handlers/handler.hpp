// Handler: how the gateway serves one Kafka API; all of them stand in list.cpp.
//
// To add an API: its schema in src/kafka/schema, its function in a file of its own here,
// its line in list.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gateway/services.hpp"
#include "kafka/api.hpp"
#include "kafka/frame.hpp"
#include "net/connection.hpp"

namespace ringmain::gateway {

// What a handler has besides its request.
struct RequestContext {
  const Services& services;
  const GatewayOptions& options;
  net::Connection& connection;
  int16_t api_version;
  std::vector<int> reply_fds{};  // travel beside the response; borrowed

  bool may(Operation operation, const Resource& resource) const {
    return services.authorizer.may(connection, operation, resource);
  }
  BrokerIdentity identity() const { return services.broker.identity(connection); }
};

// Requests that administer are short; their decoded form and their answer take many times
// their bytes, so a longer one is an attempt on our memory. 4 MiB name 80,000 topics.
inline constexpr size_t administration_max_bytes = 4 << 20;

struct Handler {
  int16_t key;
  const char* name;
  int16_t min_version;  // what is advertised is what the schema has
  int16_t max_version;
  size_t request_max_bytes;  // with its header; socket.request.max.bytes holds besides
  // An error closes the connection: the bytes were no such request.
  Result<net::Reply> (*serve)(kafka::Reader& body, const kafka::RequestHeader& header,
                              RequestContext& context);
  bool needs_groups = false;  // served where Services::groups is there
};

// By ascending key.
std::span<const Handler> all_handlers();

// nullptr for an API that is not served.
const Handler* find_handler(int16_t key);

template <class Request, class Response, Response (*answer)(const Request&, RequestContext&)>
Result<net::Reply> decode_and_answer(kafka::Reader& body, const kafka::RequestHeader& header,
                                     RequestContext& context) {
  RINGMAIN_TRY_ASSIGN(request, Request::decode(body, header.api_version));
  const Response response = answer(request, context);
  RINGMAIN_TRY_ASSIGN(frame, kafka::response_frame(response, header));
  return net::Reply{std::move(frame), std::move(context.reply_fds)};
}

// The code and the sentence of an answer. Sentences are cut where a client could not
// read them in the classic encoding.
void set_error(auto& part_of_response, int16_t api_key, const Error& error) {
  constexpr size_t message_max_bytes = 1000;
  part_of_response.error_code = kafka::wire_error(api_key, error.code);
  if constexpr (requires { part_of_response.error_message; }) {
    part_of_response.error_message = error.message.substr(0, message_max_bytes);
  }
}

}  // namespace ringmain::gateway
