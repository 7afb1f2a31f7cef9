// How far a group has come: commits its offsets and asks for them, over a socket of its own. The
// consumer's polling thread.
//
// A commit that succeeds is in __consumer_offsets, as durable as that topic's ack.durability says.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/broker_link.hpp"
#include "client/member_thread.hpp"
#include "ringmain/consumer.hpp"

namespace ringmain::client {

class GroupOffsets {
 public:
  // Whoever commits without a membership is outside of the group, which must be empty then.
  GroupOffsets(std::shared_ptr<LinkPeer> coordinator, const std::string& client_id,
               const GroupSettings& settings)
      : settings_(settings), link_(std::move(coordinator), client_id) {}

  // Tried again while the broker is away, until the deadline. Throws Exception.
  void commit(const Membership& who, const CommittedOffsets& offsets, os::Deadline deadline);
  // Is on its way when this returns; `done` is called by settle(), or commit(), in the order of the
  // commits. Not tried again.
  void commit_later(const Membership& who, const CommittedOffsets& offsets, CommitCallback done);
  // Takes the answers that have come by the deadline.
  void settle(os::Deadline deadline);
  // Nobody is left to be told.
  void forget_callbacks() noexcept {
    for (UnderWay& one : under_way_) one.done = nullptr;
    lost_.clear();
  }
  bool is_settled() const noexcept { return under_way_.empty() && lost_.empty(); }

  // No entry where nothing was committed. Tried again as commit() is. Throws Exception.
  CommittedOffsets committed(const std::vector<TopicPartition>& partitions, os::Deadline deadline);

 private:
  struct UnderWay {
    CommittedOffsets offsets;
    CommitCallback done;
  };

  void finish(const std::optional<Error>& error);
  void lose_all(const Error& error);
  void tell_lost();

  const GroupSettings& settings_;
  BrokerLink link_;
  std::deque<UnderWay> under_way_;
  std::deque<std::pair<UnderWay, Error>> lost_;  // nobody was told yet
};

}  // namespace ringmain::client
