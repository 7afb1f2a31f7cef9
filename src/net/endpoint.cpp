// Parsing and printing of HOST:PORT.
#include "net/endpoint.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ringmain::net {
namespace {

tl::unexpected<Error> malformed(std::string_view text) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no address: give HOST:PORT, for example 127.0.0.1:9092 or "
                          "[::1]:9092, with a port from 0 to 65535",
                          text));
}

bool has_brackets(std::string_view host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']';
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port_digits = text.substr(colon + 1);

  Endpoint endpoint;
  const auto [parsed_to, error] =
      std::from_chars(port_digits.begin(), port_digits.end(), endpoint.port);
  if (error != std::errc{} || parsed_to != port_digits.end()) return malformed(text);

  const bool bracketed = has_brackets(host);
  if (bracketed) host = host.substr(1, host.size() - 2);
  // Without brackets nobody knows where an IPv6 address ends and its port begins.
  const bool has_colon = host.find(':') != std::string_view::npos;
  if (has_colon != bracketed || host.find_first_of("[]/ ") != std::string_view::npos) {
    return malformed(text);
  }
  endpoint.host = host;
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return fmt::format(fmt::runtime(is_ipv6 ? "[{}]:{}" : "{}:{}"), endpoint.host, endpoint.port);
}

}  // namespace ringmain::net
