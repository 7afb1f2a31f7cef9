// Gateway: bytes of a request in, bytes of its response out, for every Kafka API we serve.
//
// Runs on the event loop's thread. Whatever the bytes are: it answers, or it closes that
// connection with a log line; it never throws, and keeps nothing between requests.
// The APIs: handlers/list.cpp.
#pragma once

#include <string>

#include "gateway/services.hpp"
#include "kafka/headers.hpp"
#include "kafka/reader.hpp"
#include "net/log.hpp"
#include "net/request_handler.hpp"

namespace ringmain::gateway {

class Gateway final : public net::RequestHandler {
 public:
  Gateway(const Services& services, const GatewayOptions& options, net::Log log);

  net::Reply handle(net::Connection& connection, std::span<const std::byte> request) override;
  void closed(net::Connection& connection) override;

 private:
  // An error closes the connection.
  Result<net::Reply> dispatch(net::Connection& connection, std::span<const std::byte> request);
  Result<net::Reply> serve(net::Connection& connection, const kafka::RequestHeader& header,
                           kafka::Reader& body);
  net::Reply refuse(const net::Connection& connection, const std::string& why) const;

  const Services services_;
  const GatewayOptions options_;
  const net::Log log_;
};

}  // namespace ringmain::gateway
