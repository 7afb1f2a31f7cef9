// GroupService: what the gateway wants from whoever coordinates groups.
//
// Loop thread only; no call waits. What has to (for other members, for the log) is answered by a
// callback later, on the loop's thread, or within the call. Errors are Kafka's own, per group,
// member or partition.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coordination/messages.hpp"
#include "net/connection.hpp"

namespace ringmain::gateway {

class GroupService {
 public:
  template <class Reply>
  using Done = std::function<void(const Reply&)>;
  using Caller = coordination::Caller;  // its ticket is the service's to fill in

  virtual ~GroupService() = default;

  // none if the group can be coordinated here; coordinator_not_available while __consumer_offsets
  // is being made.
  virtual coordination::GroupError ready_for(const std::string& group) = 0;

  virtual void join(Caller caller, coordination::JoinRequest request,
                    Done<coordination::JoinReply> done) = 0;
  virtual void sync(Caller caller, coordination::SyncRequest request,
                    Done<coordination::SyncReply> done) = 0;
  virtual coordination::GroupError heartbeat(const coordination::HeartbeatRequest& request) = 0;
  // A heartbeat that is answered as soon as there is something to tell, or when its time is over.
  virtual void await_rebalance(Caller caller, const coordination::AwaitRequest& request,
                               Done<coordination::HeartbeatReply> done) = 0;
  virtual coordination::LeaveReply leave(const coordination::LeaveRequest& request) = 0;

  // An offset that is answered with none is in the log, as durable as __consumer_offsets is set.
  virtual void commit(Caller caller, const coordination::CommitRequest& request,
                      Done<coordination::CommitReply> done) = 0;
  // nullptr: all that the group has committed.
  virtual coordination::FetchReply fetch(
      const std::string& group, const std::vector<coordination::TopicPartition>* partitions) = 0;
  virtual void delete_offsets(Caller caller, const std::string& group,
                              const std::vector<coordination::TopicPartition>& partitions,
                              Done<coordination::DeleteOffsetsReply> done) = 0;

  virtual coordination::Description describe(const std::string& group) = 0;
  virtual coordination::Listing list(const std::vector<std::string>& states) = 0;
  virtual void delete_group(Caller caller, const std::string& group,
                            Done<coordination::DeleteGroupReply> done) = 0;

  // A connection has ended. A local one says that its process is gone, or has left the bus.
  virtual void closed(const net::Connection&) {}
};

}  // namespace ringmain::gateway
