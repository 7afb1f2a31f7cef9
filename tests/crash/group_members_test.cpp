// Members of groups that die and that stop: others have their partitions at once, or after their
// session, and nothing is committed from the past.
#include <algorithm>

#include "crash/group_company.hpp"

namespace ringmain::crash {
namespace {

class Deaths : public testing::TestWithParam<const char*> {};

// Its session would be over after half an hour.
TEST_P(Deaths, partitions_of_a_dead_member_have_owners_again_at_once) {
  EXPECT_GT(rebalance_ms(GetParam()), 0);
}

INSTANTIATE_TEST_SUITE_P(Members, Deaths,
                         testing::Values("range", "roundrobin", "sticky", "cooperative-sticky"),
                         [](const auto& assignor) {
                           std::string name = assignor.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// Each commits its own number for all that it has, all the time, until it is told that it lost
// them.
void commit_own_number(Consumer& consumer, Board& board, int member) {
  if (board.lost[member] > 0) return;
  CommittedOffsets offsets;
  for (const TopicPartition& one : consumer.assignment()) offsets[one].offset = member + 1;
  try {
    consumer.commit_sync(offsets);
  } catch (const Exception&) {
    ++board.refused_commits[member];
  }
}

TEST(Stops, a_member_that_was_stopped_beyond_its_session_is_fenced_and_comes_back) {
  constexpr std::int32_t kPartitions = 4;
  constexpr int kStopped = 0, kOther = 1;
  Company company(2, kPartitions,
                  {{"session.timeout.ms", "300"},
                   {"heartbeat.interval.ms", "20"},
                   {"enable.auto.commit", "false"}},
                  commit_own_number);
  company.wait_until_shared();
  company.send(kStopped, SIGSTOP);
  test::wait_until([&] { return company.all_owned_by([](int owner) { return owner == kOther; }); });
  Bus bus = company.bus.open();
  Consumer outside(bus, {{"group.id", "g"}});
  std::vector<TopicPartition> all;
  for (std::int32_t i = 0; i < kPartitions; ++i) all.push_back({"t", i});
  const auto all_are_others = [&] {
    const auto offsets = outside.committed(all);
    return offsets.size() == kPartitions && std::ranges::all_of(offsets, [](const auto& one) {
             return one.second.offset == kOther + 1;
           });
  };
  test::wait_until(all_are_others);
  company.send(kStopped, SIGCONT);
  test::wait_until([&] { return company.board->lost[kStopped] > 0; });
  EXPECT_TRUE(all_are_others());  // whatever it tried before it knew was refused
  company.wait_until_shared();
}

}  // namespace
}  // namespace ringmain::crash
