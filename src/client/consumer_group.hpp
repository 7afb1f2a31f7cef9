// A consumer's side of its group, on its polling thread: turns what the MemberThread hears into
// partitions that are given up, lost and opened, with the listener told; and keeps track of what is
// committed.
//
// Nothing here waits for other members: poll() comes back whatever the group does.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/assigned_partitions.hpp"
#include "client/bus_impl.hpp"
#include "client/group_offsets.hpp"
#include "client/group_settings.hpp"
#include "client/member_thread.hpp"
#include "ringmain/consumer.hpp"

namespace ringmain::client {

class ConsumerGroup {
 public:
  // `bus` and `partitions` are borrowed. `tell`: any thread calls it when attend() is wanted.
  ConsumerGroup(Bus::Impl& bus, std::shared_ptr<LinkPeer> coordinator, const std::string& client_id,
                GroupSettings settings, std::int64_t max_age_ns, AssignedPartitions& partitions,
                std::function<void()> tell);

  bool is_subscribed() const noexcept { return member_ != nullptr; }
  void subscribe(std::vector<std::string> topics, std::shared_ptr<RebalanceListener> listener);
  enum class Tell { listener, nobody };
  // Gives up everything, commits and leaves; not a member afterwards. Throws what the listener
  // throws.
  void leave(os::Deadline deadline, Tell tell);

  // Does what is due; called by poll(). Throws Exception, and what listener and callbacks throw.
  void attend(std::int64_t now_ns);
  // When attend() is due without being told.
  std::int64_t attention_ns() const noexcept { return attention_ns_; }
  // A partition that is read here is gone.
  void was_deleted(const TopicPartition& partition);
  // The listener is being told; it must not begin anything that tells it more.
  bool is_telling() const noexcept { return is_telling_; }

  // Puts partitions where the group has come to. Throws Exception.
  void place(std::vector<AssignedPartition>& opened);

  CommittedOffsets positions() const;
  void commit(const CommittedOffsets& offsets);
  void commit_later(const CommittedOffsets& offsets, CommitCallback done);
  CommittedOffsets committed(const std::vector<TopicPartition>& partitions);
  GroupMetadata metadata() const { return {settings_.group, me_.member, me_.generation}; }

 private:
  void take_news(std::int64_t now_ns);
  void lose(const GroupNews& news);
  void take_part(const GroupPart& part, std::int64_t now_ns);
  void join_again();
  void give_up(const std::vector<TopicPartition>& partitions);
  std::vector<TopicPartition> open_missing(std::int64_t now_ns);
  AssignedPartition reopen(const TopicPartition& partition);
  void place(AssignedPartition& opened, const CommittedOffsets& committed) const;
  void look_at_topics(std::int64_t now_ns);
  void set_next_look(std::int64_t now_ns);

  // The positions that the group does not know.
  CommittedOffsets uncommitted() const;
  void commit_by_itself(std::int64_t now_ns);
  void commit_before_giving_up(os::Deadline deadline);
  void note_committed(const CommittedOffsets& offsets);
  const Membership& committer() const;

  void tell_listener(void (RebalanceListener::*what)(const std::vector<TopicPartition>&),
                     const std::vector<TopicPartition>& partitions);
  // Calls; what that throws is kept until all is done.
  template <class Call>
  void keep_problem(const Call& call);
  void throw_problem();
  void set_attention(std::int64_t now_ns);

  Bus::Impl& bus_;
  const std::shared_ptr<LinkPeer> coordinator_;
  const std::string client_id_;
  const GroupSettings settings_;
  const std::int64_t max_age_ns_;
  AssignedPartitions& partitions_;
  const std::function<void()> tell_;
  GroupOffsets offsets_;

  std::vector<std::string> topics_;
  std::shared_ptr<RebalanceListener> listener_;
  Membership me_;  // as of the part that is read
  bool wants_join_ = false;
  bool is_joining_ = false;              // ordered, and not answered
  std::vector<TopicPartition> claimed_;  // held by a cooperative member, as its last join said
  std::optional<Error> fatal_;           // nothing but subscribe() ends this
  std::vector<AssignedPartition> kept_;  // given up to join: as a rule most of them come back
  std::set<TopicPartition> missing_;     // assigned, and not there to be read
  std::int64_t missing_due_ns_ = INT64_MAX;
  std::optional<PartitionCounts> counts_;  // this member leads
  std::int64_t look_ns_ = INT64_MAX;       // at the topics
  std::int64_t commit_due_ns_ = 0;
  std::int64_t attention_ns_ = INT64_MAX;
  bool is_telling_ = false;
  std::exception_ptr problem_;

  std::unique_ptr<MemberThread> member_;  // while subscribed; its thread ends first
};

}  // namespace ringmain::client
