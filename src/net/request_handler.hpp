// RequestHandler: what a server hands every request to.
#pragma once

#include <cstddef>
#include <span>

#include "net/connection.hpp"

namespace ringmain::net {

// Loop thread only; calls do not nest, and neither may throw.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // `request` is a frame without its length, valid during this call. Requests of a
  // connection come in order, one at a time, and their replies leave in that order.
  virtual Reply handle(Connection& connection, std::span<const std::byte> request) = 0;

  // Once for each connection, whoever ended it, also if it never asked anything.
  virtual void closed(Connection& connection) = 0;
};

}  // namespace ringmain::net
