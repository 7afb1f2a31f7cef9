// AttachService: the private APIs, by which a local client gets at a partition's shared memory.
//
// Called for Unix connections only; the gateway refuses the others and asks the Authorizer
// first. Loop thread only. Errors go into the response, with a message.
#pragma once

#include <vector>

#include "kafka/generated/attach.hpp"
#include "kafka/generated/detach.hpp"
#include "kafka/generated/hello.hpp"
#include "kafka/generated/locks.hpp"
#include "kafka/generated/log_file.hpp"
#include "net/connection.hpp"

namespace ringmain::gateway {

// A response and the descriptors that travel beside it; borrowed until the loop is back
// from this request.
template <class Response>
struct WithFds {
  Response response{};
  std::vector<int> fds{};
};

// The values of AttachRequest::role and DetachRequest::role.
enum class AttachRole : int8_t { consumer = 0, producer = 1, exclusive_producer = 2, observer = 3 };

class AttachService {
 public:
  virtual ~AttachService() = default;

  virtual WithFds<kafka::HelloResponse> hello(net::Connection& client,
                                              const kafka::HelloRequest& request) = 0;
  // `request.role` is one of AttachRole.
  virtual WithFds<kafka::AttachResponse> attach(net::Connection& client,
                                                const kafka::AttachRequest& request) = 0;
  virtual kafka::DetachResponse detach(net::Connection& client,
                                       const kafka::DetachRequest& request) = 0;
  // With the file's descriptor, opened read-only. offset_out_of_range: below the log's start, or
  // not on disk (yet); invalid_state: nothing of that topic is on disk.
  virtual WithFds<kafka::LogFileResponse> log_file(net::Connection& client,
                                                   const kafka::LogFileRequest& request) = 0;
  virtual kafka::LocksResponse locks(net::Connection& client,
                                     const kafka::LocksRequest& request) = 0;

  // The connection is gone, whatever it had attached; every connection, TCP ones too.
  virtual void closed(net::Connection& client) = 0;
};

}  // namespace ringmain::gateway
