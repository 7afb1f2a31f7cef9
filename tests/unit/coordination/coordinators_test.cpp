// Many partitions behind callbacks: who asked is answered once, whenever the log reports.
#include "coordination/coordinators.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace ringmain::coordination {
namespace {

// Ends an append at once, or when told.
class MemoryLog final : public OffsetsLog {
 public:
  void append(int32_t partition, AppendId id, const std::vector<Record>& batch) override {
    for (const Record& record : batch) records[partition].push_back(record);
    if (at_once) return coordinators->append_done(partition, id, AppendResult::done, {});
    held.emplace_back(partition, id);
  }
  Coordinators* coordinators = nullptr;
  bool at_once = true;
  std::map<int32_t, std::vector<Record>> records;
  std::vector<std::pair<int32_t, AppendId>> held;
};

constexpr auto kNoAnswer = GroupError::unknown_server_error;

class CoordinatorsTest : public testing::Test {
 protected:
  CoordinatorsTest() {
    log_.coordinators = &coordinators_;
    lead(coordinators_);
  }
  static void lead(Coordinators& all) {
    for (int32_t partition = 0; partition < 50; ++partition) {
      all.begin_loading(partition);
      all.finish_loading(partition, {});
    }
  }
  // What it was answered so far: at first that there is no answer.
  std::vector<GroupError> commit(const std::string& group, int64_t offset) {
    const auto errors = std::make_shared<std::vector<GroupError>>(1, kNoAnswer);
    CommitRequest request{group, {}, -1, {}, {{{"t", 0}, offset}}};
    coordinators_.commit({}, request, {},
                         [errors](const CommitReply& reply) { *errors = reply.partitions; });
    return *errors;
  }
  int64_t committed(const std::string& group) const {
    const std::vector<TopicPartition> wanted{{"t", 0}};
    return coordinators_.fetch(group, &wanted).offsets.at(0).offset;
  }

  MemoryLog log_;
  GroupConfig config_;
  Coordinators coordinators_{config_, 50, 1, log_};
};

TEST_F(CoordinatorsTest, a_commit_goes_to_the_partition_of_its_group) {
  EXPECT_EQ(commit("hello", 7), std::vector{GroupError::none});
  EXPECT_EQ(committed("hello"), 7);
  ASSERT_EQ(log_.records.size(), 1u);
  EXPECT_EQ(log_.records.begin()->first, 22);  // 99162322 % 50
}

TEST_F(CoordinatorsTest, an_answer_waits_for_the_log) {
  log_.at_once = false;
  EXPECT_EQ(commit("g", 7), std::vector{kNoAnswer});
  EXPECT_EQ(committed("g"), -1);
  bool answered = false;
  coordinators_.commit({}, {"g", {}, -1, {}, {{{"t", 0}, 8}}}, {},
                       [&](const CommitReply&) { answered = true; });
  coordinators_.append_done(log_.held[0].first, log_.held[0].second, AppendResult::failed, {});
  EXPECT_FALSE(answered);
  coordinators_.append_done(log_.held[1].first, log_.held[1].second, AppendResult::done, {});
  EXPECT_TRUE(answered);
  EXPECT_EQ(committed("g"), 8);
}

// A log knows at once that a record is too large, while it waits for the disk with another; and it
// may look at the disk between two that it has just written.
TEST_F(CoordinatorsTest, ends_that_are_reported_out_of_order_take_effect_in_the_logs) {
  log_.at_once = false;
  std::vector<int> answered;
  for (int i = 1; i <= 3; ++i)
    coordinators_.commit({}, {"g", {}, -1, {}, {{{"t", 0}, i}}}, {},
                         [&, i](const CommitReply&) { answered.push_back(i); });
  const auto end = [&](std::size_t which, AppendResult result) {
    coordinators_.append_done(log_.held[which].first, log_.held[which].second, result, {});
  };
  end(2, AppendResult::too_large);
  end(1, AppendResult::done);
  EXPECT_EQ(committed("g"), -1);
  EXPECT_TRUE(answered.empty());
  end(0, AppendResult::done);
  EXPECT_EQ(committed("g"), 2);
  EXPECT_EQ(answered, (std::vector{1, 2, 3}));
}

TEST_F(CoordinatorsTest, a_heartbeat_waits_behind_its_callback) {
  JoinRequest joining{"g", {}};
  joining.new_members = NewMembers::join_at_once;
  joining.protocol_type = "consumer";
  joining.protocols = {{"range", {}}};
  JoinReply joined;
  coordinators_.join({}, joining, {}, [&](const JoinReply& reply) { joined = reply; });
  coordinators_.tick({config_.initial_rebalance_delay_ms, 0});
  ASSERT_EQ(joined.error, GroupError::none);
  GroupError told = kNoAnswer;
  coordinators_.await_rebalance({}, {{"g", {joined.member}, joined.generation}, 1000}, {},
                                [&](const HeartbeatReply& reply) { told = reply.error; });
  EXPECT_EQ(told, kNoAnswer);
  coordinators_.join({}, joining, {}, [](const JoinReply&) {});
  EXPECT_EQ(told, GroupError::rebalance_in_progress);
}

TEST_F(CoordinatorsTest, an_answer_may_ask_again) {
  coordinators_.commit({}, {"g", {}, -1, {}, {{{"t", 0}, 1}}}, {},
                       [&](const CommitReply&) { commit("g", 2); });
  EXPECT_EQ(committed("g"), 2);
}

TEST_F(CoordinatorsTest, who_waits_at_a_partition_that_goes_is_answered) {
  log_.at_once = false;
  GroupError error = GroupError::none;
  coordinators_.commit({}, {"g", {}, -1, {}, {{{"t", 0}, 1}}}, {},
                       [&](const CommitReply& reply) { error = reply.partitions.at(0); });
  coordinators_.resign(coordinators_.partition_of("g"));
  EXPECT_EQ(error, GroupError::not_coordinator);
  EXPECT_EQ(commit("g", 1), std::vector{GroupError::not_coordinator});
  EXPECT_EQ(coordinators_.fetch("g", nullptr).error, GroupError::not_coordinator);
  EXPECT_EQ(coordinators_.heartbeat({"g", {"m"}, 1}, {}), GroupError::not_coordinator);
  coordinators_.await_rebalance({}, {{"g", {"m"}, 1}, 1000}, {},
                                [&](const HeartbeatReply& reply) { error = reply.error; });
  EXPECT_EQ(error, GroupError::not_coordinator);
}

TEST_F(CoordinatorsTest, a_late_report_is_not_taken_for_the_next_ones) {
  log_.at_once = false;
  commit("g", 1);
  const int32_t partition = coordinators_.partition_of("g");
  coordinators_.resign(partition);
  coordinators_.append_done(partition, log_.held[0].second, AppendResult::done, {});
  coordinators_.begin_loading(partition);
  coordinators_.finish_loading(partition, {});
  commit("g", 2);
  coordinators_.append_done(partition, log_.held[0].second, AppendResult::done, {});
  EXPECT_EQ(committed("g"), -1);
  coordinators_.append_done(partition, log_.held[1].second, AppendResult::done, {});
  EXPECT_EQ(committed("g"), 2);
}

TEST_F(CoordinatorsTest, the_next_one_has_what_the_log_has) {
  commit("g", 1);
  commit("h", 2);
  commit("g", 3);
  const auto records = log_.records;
  for (int32_t partition = 0; partition < 50; ++partition) coordinators_.resign(partition);
  for (int32_t partition = 0; partition < 50; ++partition) {
    coordinators_.begin_loading(partition);
    if (const auto found = records.find(partition); found != records.end()) {
      for (const Record& record : found->second)
        EXPECT_TRUE(coordinators_.replay(partition, record));
    }
    coordinators_.finish_loading(partition, {});
  }
  EXPECT_EQ(committed("g"), 3);
  EXPECT_EQ(committed("h"), 2);
  EXPECT_EQ(coordinators_.list({}).groups.size(), 2u);
}

TEST_F(CoordinatorsTest, a_bad_record_is_an_error_and_no_more) {
  coordinators_.resign(0);
  coordinators_.begin_loading(0);
  EXPECT_FALSE(coordinators_.replay(0, {{std::byte{0}}, std::nullopt}));
  coordinators_.finish_loading(0, {});
}

TEST_F(CoordinatorsTest, timers_run_where_they_are_due) {
  EXPECT_EQ(coordinators_.next_tick_ms(), config_.retention_check_ms);
  JoinRequest request{"g", {}, NewMembers::join_at_once, 10000, 10000, "consumer", {{"range", {}}}};
  GroupError error = GroupError::unknown_server_error;
  coordinators_.join({}, request, {}, [&](const JoinReply& reply) { error = reply.error; });
  EXPECT_EQ(coordinators_.next_tick_ms(), config_.initial_rebalance_delay_ms);
  coordinators_.tick({2999, 2999});
  EXPECT_EQ(error, GroupError::unknown_server_error);
  coordinators_.tick({3000, 3000});
  EXPECT_EQ(error, GroupError::none);
}

}  // namespace
}  // namespace ringmain::coordination
