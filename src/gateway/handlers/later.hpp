// Later: the answer to a request, given within the handler's call or after it.
//
// A handler makes one, hands a copy to a callback, and returns what wait() says. Loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "net/connection.hpp"

namespace ringmain::gateway {

class Later {
 public:
  // From the callback, once.
  void send(net::Reply reply) const {
    if (state_->deferred) return state_->deferred->send(std::move(reply));
    state_->now = std::move(reply);
  }

  // At the handler's end: the reply if the callback has come, else the connection waits for it.
  net::Reply wait(net::Connection& connection) const {
    if (state_->now) return std::move(*state_->now);
    state_->deferred.emplace(connection.defer());
    return {};
  }

 private:
  struct State {
    std::optional<net::Reply> now;
    std::optional<net::DeferredReply> deferred;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace ringmain::gateway
