// Consumer: a member as Kafka's clients behave, eager or cooperative, dynamic or static.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "simulation/groups/world.hpp"

namespace ringmain::coordination::test {

enum class Assignor { eager, cooperative };

struct ConsumerOptions {
  std::string group;
  std::string client;
  std::optional<std::string> instance{};
  Assignor assignor = Assignor::eager;
  NewMembers new_members = NewMembers::learn_their_id_first;
  bool is_local = false;  // the coordinator learns of its death from its socket
  int32_t session_timeout_ms = 10'000;
  int32_t rebalance_timeout_ms = 20'000;
};

class Consumer : public std::enable_shared_from_this<Consumer> {
 public:
  Consumer(World& world, ConsumerOptions options, ConnectionId connection)
      : world_(world), options_(std::move(options)), connection_(connection) {}

  void start();
  void kill();   // without a word
  void leave();  // with LeaveGroup
  // Does nothing at all for so long, and then goes on as if nothing had happened.
  void stall(int64_t ms) { stalled_until_ms_ = world_.now_ms + ms; }

  bool alive() const { return alive_; }
  const ConsumerOptions& options() const { return options_; }
  ConnectionId connection() const { return connection_; }
  const std::set<int32_t>& owned() const { return owned_; }
  int32_t generation() const { return generation_; }
  const std::string& id() const { return id_; }
  bool settled() const { return phase_ == Phase::stable; }

 private:
  enum class Phase { joining, syncing, stable };

  // Runs later, if it still lives, and not while it is stalled.
  void later(int64_t ms, void (Consumer::*what)());
  void when_awake(std::function<void()> what);
  MemberName name() const { return {id_, options_.instance}; }
  std::string owner() const { return options_.instance.value_or(id_); }
  Caller caller() const {
    return {{}, options_.is_local ? connection_ : ConnectionId{}, options_.client, "/sim"};
  }

  void join();
  void join_timed_out(uint64_t attempt);
  void joined(const JoinReply& reply);
  void sync(std::vector<std::pair<std::string, Bytes>> assignments);
  void synced(const SyncReply& reply);
  void beat();
  void await_rebalance(const HeartbeatRequest& request);
  void beaten(GroupError error);
  void commit();
  void watch_partitions();
  void rejoin_soon();
  void lose_everything();
  void failed(GroupError error);
  bool expects(uint64_t attempt) const { return alive_ && attempt == attempt_; }
  std::vector<std::pair<std::string, Bytes>> assign(const std::vector<JoinedMember>& members) const;

  World& world_;
  ConsumerOptions options_;
  ConnectionId connection_;
  bool alive_ = true;
  int64_t stalled_until_ms_ = 0;
  Phase phase_ = Phase::joining;
  uint64_t attempt_ = 0;  // of JoinGroup or SyncGroup: answers to earlier ones are not read
  std::string id_;
  int32_t generation_ = -1;
  std::string protocol_;
  bool leads_ = false;
  mutable int32_t assigned_partitions_ = 0;  // how many there were when this leader assigned
  std::set<int32_t> owned_;
  int64_t position_ = 0;
};

}  // namespace ringmain::coordination::test
