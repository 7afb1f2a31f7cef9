// The life of a deferred reply.
#include "net/connection.hpp"

#include <utility>

namespace ringmain::net {

DeferredReply Connection::defer() {
  begin_deferral();
  return DeferredReply(weak_from_this());
}

DeferredReply& DeferredReply::operator=(DeferredReply&& other) noexcept {
  if (this != &other) {
    abandon();
    connection_ = std::move(other.connection_);
  }
  return *this;
}

DeferredReply::~DeferredReply() {
  abandon();
}

void DeferredReply::send(Reply reply) {
  const auto connection = std::exchange(connection_, {}).lock();
  if (connection) connection->end_deferral(std::move(reply));
}

void DeferredReply::abandon() noexcept {
  const auto connection = std::exchange(connection_, {}).lock();
  if (connection) connection->close("a request was dropped without an answer");
}

}  // namespace ringmain::net
