// The APIs of groups: their handlers' declarations, and what they share. They need
// Services::groups.
#pragma once

#include "coordination/messages.hpp"
#include "gateway/group_service.hpp"
#include "gateway/handlers/handler.hpp"
#include "gateway/handlers/later.hpp"
#include "kafka/generated/describe_groups.hpp"
#include "kafka/generated/heartbeat.hpp"
#include "kafka/generated/leave_group.hpp"
#include "kafka/generated/list_groups.hpp"
#include "kafka/generated/offset_fetch.hpp"

namespace ringmain::gateway {

// A group of a thousand members hands in as many assignments; decoded, each item takes many times
// its bytes on the wire.
inline constexpr size_t group_request_max_bytes = 16 << 20;
inline constexpr size_t group_items_max = 100'000;

kafka::HeartbeatResponse heartbeat(const kafka::HeartbeatRequest& request, RequestContext& context);
kafka::LeaveGroupResponse leave_group(const kafka::LeaveGroupRequest& request,
                                      RequestContext& context);
kafka::OffsetFetchResponse offset_fetch(const kafka::OffsetFetchRequest& request,
                                        RequestContext& context);
kafka::DescribeGroupsResponse describe_groups(const kafka::DescribeGroupsRequest& request,
                                              RequestContext& context);
kafka::ListGroupsResponse list_groups(const kafka::ListGroupsRequest& request,
                                      RequestContext& context);

// These may answer later.
Result<net::Reply> join_group(kafka::Reader& body, const kafka::RequestHeader& header,
                              RequestContext& context);
Result<net::Reply> sync_group(kafka::Reader& body, const kafka::RequestHeader& header,
                              RequestContext& context);
Result<net::Reply> await_rebalance(kafka::Reader& body, const kafka::RequestHeader& header,
                                   RequestContext& context);
Result<net::Reply> offset_commit(kafka::Reader& body, const kafka::RequestHeader& header,
                                 RequestContext& context);
Result<net::Reply> offset_delete(kafka::Reader& body, const kafka::RequestHeader& header,
                                 RequestContext& context);
Result<net::Reply> delete_groups(kafka::Reader& body, const kafka::RequestHeader& header,
                                 RequestContext& context);

// As the coordinator is to know who asks. Only the end of a local connection says that its process
// is gone.
coordination::Caller caller_of(const kafka::RequestHeader& header, const RequestContext& context);

// none, or why this topic's offsets are not for the asking client.
coordination::GroupError check_partition(const coordination::TopicPartition& partition,
                                         const RequestContext& context);

// What goes to the socket; a response that cannot be expressed ends the connection.
template <class Response>
net::Reply reply_with(const Response& response, const kafka::RequestHeader& header) {
  auto frame = kafka::response_frame(response, header);
  net::Reply reply;
  reply.close = !frame;
  if (frame) reply.bytes = std::move(*frame);
  return reply;
}

}  // namespace ringmain::gateway
