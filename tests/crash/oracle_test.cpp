// The oracle's own canaries: it is quiet about what is right, and names each thing that is not.
#include "oracle.hpp"

#include <gmock/gmock.h>

namespace ringmain::crash {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kProducer = 7;
constexpr std::uint32_t kLog = log_of(kBlock, 0);
constexpr std::uint32_t kLossyLog = log_of(kDrop, 0);

class OracleTest : public ::testing::Test {
 protected:
  void publish(std::uint64_t sequence, std::uint64_t offset, std::uint32_t log = kLog) {
    oracle.intends(kProducer, log / kMaxPartitions, sequence, 1);
    oracle.acknowledged(kProducer, log, offset);
  }
  void read(ReaderId reader, std::uint64_t offset, std::uint64_t sequence, std::uint32_t log = kLog) {
    oracle.reads(reader, log, offset, {log / kMaxPartitions, kProducer, sequence});
  }
  void expect(const char* words) { EXPECT_THAT(oracle.complaints(), Contains(HasSubstr(words))); }
  void expect_quiet() {
    oracle.conclude();
    EXPECT_THAT(oracle.complaints(), IsEmpty());
  }

  Oracle oracle;
};

TEST_F(OracleTest, is_quiet_when_all_is_read_once_and_in_order) {
  oracle.starts(1, kLog);
  for (std::uint64_t i = 0; i < 100; ++i) publish(i, i);
  for (std::uint64_t i = 0; i < 100; ++i) read(1, i, i);
  EXPECT_TRUE(oracle.all_caught_up());
  expect_quiet();
  EXPECT_EQ(oracle.counts().read, 100u);
}

TEST_F(OracleTest, names_an_acknowledged_record_that_a_reader_skipped) {
  oracle.starts(1, kLog);
  for (std::uint64_t i = 0; i < 3; ++i) publish(i, i);
  read(1, 0, 0);
  read(1, 2, 2);
  expect("block-0 offset 1: record 1 of producer 7 is missing to reader 1");
}

TEST_F(OracleTest, names_what_a_reader_from_the_start_did_not_see_of_a_log_that_keeps_all) {
  constexpr std::uint32_t log = log_of(kDisk, 0);
  oracle.starts(1, log);
  for (std::uint64_t i = 0; i < 3; ++i) publish(i, i, log);
  read(1, 1, 1, log);
  expect("disk-0 offset 0: record 0 of producer 7 is missing to reader 1");
}

TEST_F(OracleTest, lets_a_reader_begin_anew_and_demands_all_of_it_again) {
  constexpr std::uint32_t log = log_of(kDisk, 0);
  for (std::uint64_t i = 0; i < 3; ++i) publish(i, i, log);
  for (int turn = 0; turn < 2; ++turn) {
    oracle.starts(1, log);
    for (std::uint64_t i = 0; i < 3; ++i) read(1, i, i, log);
  }
  expect_quiet();
  oracle.starts(1, log);
  EXPECT_FALSE(oracle.all_caught_up());
  read(1, 0, 0, log);
  read(1, 2, 2, log);
  expect("disk-0 offset 1: record 1 of producer 7 is missing to reader 1");
}

TEST_F(OracleTest, names_a_skipped_record_also_when_the_acknowledgement_comes_later) {
  oracle.starts(1, kLog);
  publish(0, 0);
  read(1, 0, 0);
  oracle.intends(kProducer, kBlock, 1, 1);
  oracle.intends(8, kBlock, 0, 1);
  oracle.reads(1, kLog, 2, {kBlock, 8, 0});
  oracle.acknowledged(kProducer, kLog, 1);
  expect("block-0 offset 1: void by what others saw");
}

TEST_F(OracleTest, names_records_that_nobody_read_in_the_end) {
  oracle.starts(1, kLog);
  publish(0, 0);
  publish(1, 1);
  read(1, 0, 0);
  EXPECT_FALSE(oracle.all_caught_up());
  oracle.conclude();
  expect("reader 1 stands at offset 1");
}

TEST_F(OracleTest, names_a_record_that_was_read_twice) {
  oracle.starts(1, kLog);
  publish(0, 0);
  read(1, 0, 0);
  read(1, 0, 0);
  expect("read by reader 1 after offset 0");
}

TEST_F(OracleTest, names_a_record_that_appears_at_two_offsets) {
  oracle.starts(1, kLog);
  publish(0, 0);
  read(1, 0, 0);
  read(1, 1, 0);
  expect("twice, or out of order");
}

TEST_F(OracleTest, names_an_offset_that_shows_two_readers_different_records) {
  oracle.starts(1, kLog);
  oracle.starts(2, kLog);
  publish(0, 0);
  oracle.intends(kProducer, kBlock, 1, 1);
  read(1, 1, 1);
  read(2, 0, 1);
  expect("block-0 offset 0: holds record 0 of producer 7");
}

TEST_F(OracleTest, names_what_nobody_sent) {
  oracle.starts(1, kLog);
  publish(0, 0);
  read(1, 0, 5);
  expect("which nobody sent");
}

TEST_F(OracleTest, takes_an_aborted_offset_as_void_and_names_a_record_there) {
  oracle.starts(1, kLog);
  publish(0, 0);
  oracle.intends(kProducer, kBlock, 1, 1);
  oracle.aborted(kProducer, kLog, 1);
  publish(1, 2);
  read(1, 0, 0);
  read(1, 2, 1);
  EXPECT_THAT(oracle.complaints(), IsEmpty());
  oracle.starts(2, kLog);
  read(2, 1, 0);
  expect("block-0 offset 1: void by what others saw");
}

TEST_F(OracleTest, lets_what_was_in_flight_at_a_death_be_there_or_not) {
  oracle.starts(1, kLog);
  publish(0, 0);
  oracle.intends(kProducer, kBlock, 1, 3);
  read(1, 0, 0);
  expect_quiet();
  EXPECT_EQ(oracle.counts().in_flight_gone, 3u);
}

TEST_F(OracleTest, names_half_a_batch) {
  oracle.starts(1, kLog);
  oracle.intends(kProducer, kBlock, 0, 3);
  oracle.intends(8, kBlock, 0, 1);
  read(1, 0, 0);
  oracle.reads(1, kLog, 3, {kBlock, 8, 0});
  expect("record 1 of producer 7 is missing");
}

TEST_F(OracleTest, takes_a_gap_that_was_told_and_names_one_that_is_larger) {
  oracle.starts(1, kLossyLog);
  for (std::uint64_t i = 0; i < 10; ++i) publish(i, i, kLossyLog);
  read(1, 0, 0, kLossyLog);
  oracle.loses(1, kLossyLog, 3);
  read(1, 4, 4, kLossyLog);
  EXPECT_THAT(oracle.complaints(), IsEmpty());
  oracle.loses(1, kLossyLog, 1);
  read(1, 9, 9, kLossyLog);
  expect("was told that 1 are lost, but 4 records lie between");
}

TEST_F(OracleTest, names_a_loss_where_nothing_may_be_dropped) {
  oracle.starts(1, kLog);
  oracle.loses(1, kLog, 3);
  expect("of a topic that drops none");
}

}  // namespace
}  // namespace ringmain::crash
