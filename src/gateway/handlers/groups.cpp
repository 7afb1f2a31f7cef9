// What the handlers of groups share.
#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {

using coordination::GroupError;

coordination::Caller caller_of(const kafka::RequestHeader& header, const RequestContext& context) {
  const net::Connection& connection = context.connection;
  const bool is_local = connection.transport() == net::Transport::unix_socket;
  coordination::Caller caller;
  if (is_local) caller.connection = coordination::ConnectionId(connection.id().value());
  caller.client_id = header.client_id.value_or("");
  // As Kafka's tools show it: "/127.0.0.1", without the port.
  caller.client_host = is_local ? connection.peer()
                                : "/" + connection.peer().substr(0, connection.peer().rfind(':'));
  return caller;
}

GroupError check_partition(const coordination::TopicPartition& partition,
                           const RequestContext& context) {
  constexpr auto topic_authorization_failed =
      static_cast<GroupError>(ErrorCode::topic_authorization_failed);
  if (!context.may(Operation::read, Resource::topic(partition.topic)))
    return topic_authorization_failed;
  const auto topic = context.services.topics.find(partition.topic);
  const bool exists = topic && partition.partition >= 0 &&
                      static_cast<uint32_t>(partition.partition) < topic->partitions;
  return exists ? GroupError::none : GroupError::unknown_topic_or_partition;
}

}  // namespace ringmain::gateway
