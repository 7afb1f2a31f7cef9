// A partition from the broker's side: lines, upkeep, and what a successor makes of what it finds.
#include "partition/partition.hpp"

#include <gtest/gtest.h>

#include "log/reader.hpp"
#include "log/shared_appender.hpp"
#include "os/fault.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::partition {
namespace {

struct Bell final : log::BrokerBell {
  void ring() noexcept override {}
};

class PartitionTest : public ::testing::Test {
 protected:
  std::unique_ptr<Partition> open(const Overrides& more = {}) {
    Overrides overrides = {{"storage", "memory"}, {"slot.bytes", "65536"}, {"memory.budget.bytes", "262144"}};
    for (const auto& [key, value] : more) overrides[key] = value;
    PartitionName name{"log", {1, 2, 3}, 0};
    auto opened = Partition::open(scratch.path(), name, *parse_topic_config(overrides), false, doorbells.data(),
                                  [](const std::string&) {});
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  enum class Upkeep { none, given };
  // Appends until there is no room, also after the broker's upkeep if that is given; how many.
  static int fill(Partition& partition, log::SharedAppender& appender, Upkeep upkeep) {
    bool tended = upkeep == Upkeep::none;
    for (int appended = 0;;) {  // ends with the budget
      log::Claim claim;
      if (appender.claim(1024, 1, claim) == log::ClaimOutcome::ok) {
        log::FrameWriter<log::SharedMemory>::write_fields(claim.at, {claim.offset, 0, format::FrameType::record, 0, 0});
        appender.publish(claim, 1024);
        ++appended;
        tended = upkeep == Upkeep::none;
      } else if (tended) {
        return appended;
      } else {
        partition.tend();
        tended = true;
      }
    }
  }

  // Appends with the broker's upkeep; how many of the wanted there was room for.
  static int append(Partition& partition, log::SharedAppender& appender, int wanted) {
    for (int appended = 0; appended < wanted; ++appended) {
      log::Claim claim;
      if (appender.claim(1024, 1, claim) != log::ClaimOutcome::ok) {
        partition.tend();
        if (appender.claim(1024, 1, claim) != log::ClaimOutcome::ok) return appended;
      }
      log::FrameWriter<log::SharedMemory>::write_fields(claim.at, {claim.offset, 0, format::FrameType::record, 0, 0});
      appender.publish(claim, 1024);
    }
    return wanted;
  }
  static std::string head_of_first_segment(const Partition& partition) {
    return {reinterpret_cast<const char*>(partition.view().slot(0)), format::kSegmentHeaderBytes};
  }

  static constexpr int kInSegment = 63;  // of 64 KiB, less its head

  os::ScratchDirectory scratch;
  std::vector<format::Doorbell> doorbells{64};
  Bell bell;
};

TEST_F(PartitionTest, hands_out_each_line_once_and_takes_it_back) {
  const auto partition = open();
  EXPECT_EQ(partition->add_producer(5), 0u);
  EXPECT_EQ(partition->add_producer(6), 1u);
  EXPECT_EQ(partition->add_reader(5), 0u);
  EXPECT_EQ(partition->participants(), (std::vector<ParticipantId>{5, 6}));
  EXPECT_FALSE(partition->remove_producer(6, 0));
  EXPECT_FALSE(partition->remove_producer(5, 256));
  EXPECT_TRUE(partition->remove_producer(5, 0));
  partition->tend();
  EXPECT_FALSE(partition->remove_producer(5, 0));
  EXPECT_EQ(partition->add_producer(7), 0u);
}

TEST_F(PartitionTest, a_participant_that_died_holds_nothing_any_more) {
  const auto partition = open();
  ASSERT_TRUE(partition->add_producer(5));
  ASSERT_TRUE(partition->add_reader(5));
  ASSERT_TRUE(partition->add_reader(6));
  partition->participant_died(5);
  partition->participant_died(5);
  partition->tend();
  EXPECT_EQ(partition->participants(), std::vector<ParticipantId>{6});
}

TEST_F(PartitionTest, prepares_one_segment_ahead_and_no_more_than_the_budget) {
  const auto partition = open({{"full.policy", "block"}});
  EXPECT_EQ(partition->view().control().prepared.load(), 2u);
  log::SharedAppender appender(partition->view(), *partition->add_producer(5), bell);
  EXPECT_EQ(fill(*partition, appender, Upkeep::none), 2 * 63) << "two segments of 64 KiB, less their heads";
  EXPECT_EQ(fill(*partition, appender, Upkeep::given), 2 * 63);
  EXPECT_EQ(partition->slots_in_use(), 4u);
}

TEST_F(PartitionTest, a_successor_goes_on_where_the_last_broker_stopped) {
  {
    const auto partition = open();
    log::SharedAppender appender(partition->view(), *partition->add_producer(5), bell);
    fill(*partition, appender, Upkeep::none);
  }
  const auto partition = open();
  EXPECT_EQ(partition->participants(), std::vector<ParticipantId>{5});
  log::SharedAppender appender(partition->view(), *partition->add_producer(6), bell);
  log::Reader reader(partition->view(), *partition->add_reader(6));
  int read = 0;
  for (log::ReadOutcome outcome = reader.next(); outcome != log::ReadOutcome::empty; outcome = reader.next())
    read += outcome == log::ReadOutcome::record ? 1 : 0;
  EXPECT_EQ(read, 2 * 63);
  log::Claim claim;
  EXPECT_EQ(appender.claim(64, 1, claim), log::ClaimOutcome::ok);
  EXPECT_EQ(claim.offset, 126u);
}

TEST_F(PartitionTest, keeps_the_geometry_that_its_file_was_made_with) {
  open();
  EXPECT_EQ(open({{"slot.bytes", "131072"}})->view().geometry().slot_bytes, 65536u);
}

TEST_F(PartitionTest, a_file_that_a_broker_died_over_is_made_again) {
  const std::string path = open()->files().path();
  ASSERT_EQ(::truncate(path.c_str(), 0), 0);
  EXPECT_EQ(open()->view().control().prepared.load(), 2u);
}

TEST_F(PartitionTest, one_that_is_deleted_lets_nobody_append) {
  const auto partition = open();
  log::SharedAppender appender(partition->view(), *partition->add_producer(5), bell);
  log::Claim claim;
  ASSERT_EQ(appender.claim(64, 1, claim), log::ClaimOutcome::ok);
  appender.publish(claim, 64);
  partition->mark_deleted();
  EXPECT_EQ(appender.claim(64, 1, claim), log::ClaimOutcome::deleted);
}

TEST_F(PartitionTest, drop_oldest_goes_on_in_its_oldest_slot_when_the_file_system_is_full) {
  const auto partition = open({{"memory.budget.bytes", "1048576"}});
  log::SharedAppender appender(partition->view(), *partition->add_producer(5), bell);
  ASSERT_EQ(append(*partition, appender, 3 * kInSegment), 3 * kInSegment);
  const std::uint32_t slots = partition->slots_in_use();
  ASSERT_TRUE(os::configure_faults("os.allocate:enospc:1+"));
  EXPECT_EQ(append(*partition, appender, 20 * kInSegment), 20 * kInSegment);
  EXPECT_EQ(partition->tend(), Tended::settled) << "it is not short of anything";
  ASSERT_TRUE(os::configure_faults(""));
  EXPECT_EQ(partition->slots_in_use(), slots);
  EXPECT_GT(partition->view().control().log_start.load(), 10u);
  EXPECT_EQ(append(*partition, appender, 20 * kInSegment), 20 * kInSegment);
  EXPECT_EQ(partition->slots_in_use(), 16u) << "and takes the rest of its budget when there is memory again";
}

TEST_F(PartitionTest, block_waits_when_the_file_system_is_full) {
  const auto partition = open({{"memory.budget.bytes", "1048576"}, {"full.policy", "block"}});
  log::SharedAppender appender(partition->view(), *partition->add_producer(5), bell);
  ASSERT_TRUE(os::configure_faults("os.allocate:enospc:1+"));
  EXPECT_EQ(append(*partition, appender, 20 * kInSegment), 2 * kInSegment);
  EXPECT_EQ(partition->tend(), Tended::again);
  ASSERT_TRUE(os::configure_faults(""));
  EXPECT_EQ(append(*partition, appender, 2 * kInSegment), 2 * kInSegment);
  EXPECT_EQ(partition->view().control().log_start.load(), 0u) << "nothing was dropped";
}

TEST_F(PartitionTest, drop_oldest_goes_on_while_one_reader_is_stopped_however_small_the_budget) {
  const auto partition = open({{"memory.budget.bytes", "131072"}});
  EXPECT_EQ(partition->view().geometry().slot_limit, 3u);
  log::SharedAppender appender(partition->view(), *partition->add_producer(5), bell);
  const std::uint32_t stopped = *partition->add_reader(6);
  EXPECT_EQ(append(*partition, appender, 20 * kInSegment), 20 * kInSegment);
  ASSERT_EQ(partition->held().size(), 1u);
  EXPECT_EQ(partition->held()[0].first, 0u) << "the segment that it was in";
  EXPECT_EQ(partition->held()[0].second.hold, log::Hold::reader);
  EXPECT_EQ(partition->held()[0].second.index, stopped);
}

TEST_F(PartitionTest, drop_oldest_waits_when_stopped_readers_leave_fewer_than_two_slots) {
  const auto partition = open({{"memory.budget.bytes", "196608"}});
  log::SharedAppender appender(partition->view(), *partition->add_producer(5), bell);
  ASSERT_TRUE(partition->add_reader(6));
  ASSERT_EQ(append(*partition, appender, 5 * kInSegment), 5 * kInSegment);
  ASSERT_TRUE(partition->add_reader(7));
  EXPECT_LT(append(*partition, appender, 20 * kInSegment), 20 * kInSegment);
  EXPECT_EQ(partition->held().size(), 2u);
  partition->participant_died(6);
  EXPECT_EQ(append(*partition, appender, 20 * kInSegment), 20 * kInSegment);
}

TEST_F(PartitionTest, a_claim_inside_a_segments_head_is_not_filled_and_its_line_is_free_again) {
  const auto partition = open();
  const std::string head = head_of_first_segment(*partition);
  for (const auto state : {format::IntentState::claimed, format::IntentState::abandoned})
    for (const std::uint32_t position : {0u, 2u, 6u, 7u}) {
      auto& intent = partition->view().intent(*partition->add_producer(5));
      intent.claim.store(2 | 1ull << 32);
      intent.word.store(format::pack_intent({state, position, 0}));
      if (state == format::IntentState::claimed) partition->participant_died(5);
      partition->tend();
      EXPECT_EQ(intent.word.load(), 0u);
      EXPECT_EQ(head_of_first_segment(*partition), head) << "position " << position;
      partition->participant_died(5);
      partition->tend();
      EXPECT_TRUE(partition->participants().empty());
    }
}

}  // namespace
}  // namespace ringmain::partition
