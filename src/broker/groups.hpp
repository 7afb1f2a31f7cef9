// Drives the coordinators of groups: their clock, their records in __consumer_offsets, and the requests of the gateway.
// Broker's thread; no call waits.
//
// The topic is made when somebody first asks for a coordinator. A partition of it is read from its start before its
// groups are served: in steps, between other work; until then its groups are told COORDINATOR_LOAD_IN_PROGRESS.
//
//   unread --load()--> loading --at the end that it had then--> served
//
// Death: what a commit was answered with is in the log as the topic's ack.durability says, and is read again by the next
// broker. Members and generations go on where the log says; who was in the middle of joining joins anew.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "coordination/coordinators.hpp"
#include "gateway/group_service.hpp"
#include "gateway/record_service.hpp"
#include "gateway/topic_service.hpp"
#include "net/event_loop.hpp"

namespace ringmain::broker {

struct GroupsConfig {
  coordination::GroupConfig groups;
  std::int32_t partitions = 50;  // offsets.topic.num.partitions
};

class Groups final : public gateway::GroupService, private coordination::OffsetsLog {
 public:
  using LogLine = std::function<void(const std::string&)>;
  // All are borrowed.
  struct Links {
    net::EventLoop& loop;
    gateway::TopicService& topics;
    gateway::RecordService& records;
    LogLine log;
  };
  Groups(Links links, const GroupsConfig& config);

  coordination::GroupError ready_for(const std::string& group) override;
  void join(Caller caller, coordination::JoinRequest request, Done<coordination::JoinReply> done) override;
  void sync(Caller caller, coordination::SyncRequest request, Done<coordination::SyncReply> done) override;
  coordination::GroupError heartbeat(const coordination::HeartbeatRequest& request) override;
  void await_rebalance(Caller caller, const coordination::AwaitRequest& request,
                       Done<coordination::HeartbeatReply> done) override;
  coordination::LeaveReply leave(const coordination::LeaveRequest& request) override;
  void commit(Caller caller, const coordination::CommitRequest& request, Done<coordination::CommitReply> done) override;
  coordination::FetchReply fetch(const std::string& group,
                                 const std::vector<coordination::TopicPartition>* partitions) override;
  void delete_offsets(Caller caller, const std::string& group, const std::vector<coordination::TopicPartition>& partitions,
                      Done<coordination::DeleteOffsetsReply> done) override;
  coordination::Description describe(const std::string& group) override;
  coordination::Listing list(const std::vector<std::string>& states) override;
  void delete_group(Caller caller, const std::string& group, Done<coordination::DeleteGroupReply> done) override;

  void closed(const net::Connection& connection) override;
  void topic_deleted(const std::string& topic);
  // The broker goes. Members and generations stay as the log has them, for the next one.
  void stop() noexcept { stopping_ = true; }

 private:
  void append(std::int32_t partition, coordination::AppendId id, const std::vector<coordination::Record>& records) override;

  // Reads what is there of the topic, if it is there. False: it is not.
  bool open_topic();
  void load(std::int32_t partition);
  void load_later(std::int32_t partition, const Error& why);
  void load_step(std::int32_t partition, std::int64_t offset, std::int64_t end_offset);
  std::int64_t replay(std::int32_t partition, const gateway::FetchedRecords& read, std::int64_t offset);
  void loaded(std::int32_t partition);

  static coordination::Now now();
  // After each call into the coordinators: they may have another alarm.
  void set_alarm();

  const Links links_;
  const GroupsConfig config_;
  std::int32_t partitions_ = 0;  // of the topic; 0: it is not open
  std::unique_ptr<coordination::Coordinators> coordinators_;  // made with the topic
  bool stopping_ = false;
  std::uint64_t life_ = 0;  // counts the topic's openings: a step of an earlier one is nobody's any more
  std::optional<std::int64_t> alarm_ms_;
  net::Registration alarm_;
  std::map<std::int32_t, net::Registration> load_again_;  // by partition
};

}  // namespace ringmain::broker
