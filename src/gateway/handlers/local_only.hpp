// How the private APIs refuse a client that is no process of this host.
#pragma once

#include <string>

#include "gateway/handlers/handler.hpp"

namespace ringmain::gateway {

inline bool is_local(const RequestContext& context) {
  return context.connection.transport() == net::Transport::unix_socket;
}

template <class Response>
Response refused(ErrorCode code, std::string why) {
  Response response;
  set_error(response, Response::api_key, Error{code, std::move(why)});
  return response;
}

template <class Response>
Response refused_to_remote() {
  return refused<Response>(ErrorCode::cluster_authorization_failed,
                           "only a process of the broker's host may ask this: connect to the Unix "
                           "socket of its bus (--bus DIR), not over TCP");
}

}  // namespace ringmain::gateway
