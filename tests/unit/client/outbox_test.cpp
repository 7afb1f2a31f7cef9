// Outbox: which batches may go, when, and what becomes of them; without a broker, and with times of the test's own.
#include <gtest/gtest.h>

#include "client/outbox.hpp"
#include "kafka/record_batch.hpp"

namespace ringmain::client {
namespace {

constexpr std::int64_t kMs = 1'000'000;

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() {
    settings.linger_ns = 10 * kMs;
    settings.batch_bytes = 1000;
    settings.request_max_bytes = 5000;
    settings.buffer_bytes = 100'000;
    settings.delivery_timeout_ns = 100 * kMs;
    settings.retries = 3;
    settings.backoff_ns = 2 * kMs;
    settings.backoff_max_ns = 4 * kMs;
    outbox.attach(1, wakes[0]);
    outbox.attach(2, wakes[1]);
    outbox.set_leaders("t", {1, 1, 2});
  }

  Outbox::Added add(const std::string& value, std::int32_t partition = 0, std::int64_t now_ns = 0, Outbox::Awaited* awaited = nullptr) {
    return outbox.add(partition, {.topic = "t", .value = value, .timestamp_ns = 7 * kMs}, nullptr, awaited, now_ns);
  }
  static std::vector<std::string> sealed(Outbox::Batch& batch) {
    if (batch.bytes.empty()) batch.bytes = batch.builder.finish();
    const auto parsed = kafka::RecordBatch::parse(batch.bytes, kafka::CheckCrc::yes);
    std::vector<std::string> values;
    for (kafka::RecordWalk walk(*parsed, parsed->payload()); walk.next();) values.emplace_back(*walk.record().value);
    return values;
  }
  // What goes to a broker in one request, as "partition:count".
  std::vector<std::string> taken(std::int32_t broker, std::int64_t now_ns) {
    std::vector<std::string> names;
    for (auto& batch : outbox.take(broker, now_ns)) {
      names.push_back(std::to_string(batch->partition().partition) + ":" + std::to_string(batch->records.size()));
      out.push_back(std::move(batch));
    }
    return names;
  }
  std::deque<Outbox::Settled> settled(std::int64_t now_ns = 0) {
    std::deque<Outbox::Settled> all;
    outbox.take_settled(all, now_ns);
    return all;
  }

  RemoteProducerSettings settings;
  Wake wakes[2] = {Wake::make(), Wake::make()};
  Outbox outbox{settings};
  std::vector<Outbox::BatchPointer> out;  // on their way
};

TEST_F(OutboxTest, a_batch_goes_when_it_is_old_enough_or_full_or_asked_for) {
  using Names = std::vector<std::string>;
  add("a");
  EXPECT_EQ(outbox.next_due_ns(1, 0), 10 * kMs);
  EXPECT_EQ(taken(1, 9 * kMs), Names{});
  EXPECT_EQ(taken(1, 10 * kMs), Names{"0:1"});
  add(std::string(1000, 'x'), 1);
  EXPECT_LE(outbox.next_due_ns(1, 0), 0);
  EXPECT_EQ(taken(1, 0), Names{"1:1"});
  add("b", 2);
  outbox.hurry();
  EXPECT_EQ(taken(2, 0), Names{"2:1"});
  EXPECT_EQ(outbox.next_due_ns(1, 0), INT64_MAX);
}

TEST_F(OutboxTest, of_a_partition_one_batch_is_on_its_way_and_the_next_one_grows_to_the_largest_request) {
  add(std::string(1000, 'x'));
  ASSERT_EQ(taken(1, 0).size(), 1u);
  for (int i = 0; i < 7; ++i) add(std::string(1000, 'x'));
  EXPECT_EQ(outbox.next_due_ns(1, 0), INT64_MAX) << "until the first is acknowledged";
  outbox.acknowledged(std::move(out[0]), 40, -1);
  EXPECT_EQ(taken(1, 0), std::vector<std::string>{"0:4"});
  EXPECT_EQ(settled().at(0).base_offset, 40);
}

TEST_F(OutboxTest, a_request_has_several_partitions_and_no_more_than_fits) {
  add(std::string(3000, 'x'), 0);
  add(std::string(3000, 'x'), 1);
  EXPECT_EQ(taken(1, 0), std::vector<std::string>{"0:1"});
  EXPECT_EQ(taken(1, 0), std::vector<std::string>{"1:1"});
  for (auto& batch : out) outbox.acknowledged(std::move(batch), 0, -1);
  add(std::string(1000, 'x'), 0);
  add(std::string(1000, 'x'), 1);
  EXPECT_EQ(taken(1, 0).size(), 2u);
}

TEST_F(OutboxTest, what_failed_goes_again_in_front_after_a_pause_that_grows) {
  Outbox::Awaited awaited;
  add("a", 0, 0, &awaited);
  add("b");
  for (const std::int64_t pause_ms : {2, 4, 4}) {
    ASSERT_EQ(taken(1, 50 * kMs), std::vector<std::string>{"0:1"});
    EXPECT_EQ(sealed(*out.back()), std::vector<std::string>{"a"});
    outbox.failed(std::move(out.back()), {ErrorCode::leader_not_available, "none"}, Outbox::Again::yes, (50 - pause_ms) * kMs);
    EXPECT_EQ(outbox.next_due_ns(1, 0), 50 * kMs);
    EXPECT_TRUE(taken(1, 49 * kMs).empty());
  }
  EXPECT_FALSE(awaited.is_done);
  ASSERT_EQ(taken(1, 50 * kMs).size(), 1u);
  outbox.failed(std::move(out.back()), {ErrorCode::leader_not_available, "none"}, Outbox::Again::yes, 50 * kMs);
  ASSERT_TRUE(awaited.is_done) << "retries are used up";
  EXPECT_EQ(awaited.error->message, "none");
  ASSERT_EQ(taken(1, 50 * kMs).size(), 1u);
  EXPECT_EQ(sealed(*out.back()), std::vector<std::string>{"b"});
}

TEST_F(OutboxTest, what_is_too_old_has_failed_on_its_way_and_while_it_waits) {
  Outbox::Awaited sent, waiting;
  add("a", 0, 0, &sent);
  ASSERT_EQ(taken(1, 0).size(), 1u);
  add("b", 0, 5 * kMs, &waiting);
  EXPECT_EQ(settled(99 * kMs).size(), 0u);
  EXPECT_EQ(settled(100 * kMs).size(), 1u);
  EXPECT_EQ(sent.error->code, ErrorCode::request_timed_out);
  EXPECT_NE(sent.error->message.find("may have been appended"), std::string::npos);
  EXPECT_EQ(settled(105 * kMs).size(), 1u);
  EXPECT_EQ(waiting.error->message.find("may have been appended"), std::string::npos);
  add("c", 0, 106 * kMs);
  EXPECT_TRUE(taken(1, 150 * kMs).empty()) << "the first is on its way yet";
  outbox.failed(std::move(out[0]), {ErrorCode::network_exception, "lost"}, Outbox::Again::yes, 150 * kMs);
  EXPECT_EQ(settled(150 * kMs).size(), 0u) << "it was told, and does not go again";
  ASSERT_EQ(taken(1, 150 * kMs).size(), 1u);
  EXPECT_EQ(sealed(*out.back()), std::vector<std::string>{"c"});
}

TEST_F(OutboxTest, holds_no_more_than_the_buffer_or_one_record) {
  settings.buffer_bytes = 500;
  EXPECT_EQ(add(std::string(2000, 'x')), Outbox::Added::yes);
  EXPECT_EQ(add("a"), Outbox::Added::no_room);
  ASSERT_EQ(taken(1, 0).size(), 1u);
  EXPECT_EQ(add("a"), Outbox::Added::no_room) << "it is held until it is settled";
  outbox.acknowledged(std::move(out[0]), 0, -1);
  EXPECT_EQ(add("a"), Outbox::Added::yes);
  EXPECT_THROW(add(std::string(5000, 'x')), Exception);
}

TEST_F(OutboxTest, a_batch_that_is_too_large_is_cut_in_two_and_later_ones_are_smaller) {
  Outbox::Awaited awaited;
  for (const char* value : {"a", "b", "c", "d"}) add(value + std::string(700, 'x'));
  add("e" + std::string(700, 'x'), 0, 0, &awaited);
  ASSERT_EQ(taken(1, 0), std::vector<std::string>{"0:5"});
  ASSERT_EQ(sealed(*out[0]).size(), 5u);
  outbox.too_large(std::move(out[0]), {ErrorCode::message_too_large, "large"}, 0);
  ASSERT_EQ(taken(1, 0), std::vector<std::string>{"0:2"});
  EXPECT_EQ(sealed(*out.back())[1][0], 'b');
  outbox.acknowledged(std::move(out.back()), 10, -1);
  ASSERT_EQ(taken(1, 0), std::vector<std::string>{"0:3"});
  EXPECT_FALSE(awaited.is_done);
  EXPECT_EQ(sealed(*out.back())[2][0], 'e');
  outbox.acknowledged(std::move(out.back()), 12, 99);
  ASSERT_TRUE(awaited.is_done);
  EXPECT_EQ(awaited.metadata.offset, 14);
  EXPECT_EQ(awaited.metadata.timestamp_ns, 99 * kMs) << "the broker's time";
  for (int i = 0; i < 5; ++i) add(std::string(700, 'x'));
  EXPECT_EQ(taken(1, 0), std::vector<std::string>{"0:2"}) << "as many as surely fit into what fitted";
  add("f", 1);
  outbox.hurry();
  ASSERT_EQ(taken(1, 0), std::vector<std::string>{"1:1"});
  sealed(*out.back());
  settled();
  outbox.too_large(std::move(out.back()), {ErrorCode::message_too_large, "large"}, 0);
  EXPECT_EQ(settled().at(0).error->message, "large") << "one record cannot be cut";
}

TEST_F(OutboxTest, another_leader_gets_what_waits) {
  add("a");
  outbox.hurry();
  EXPECT_EQ(outbox.next_due_ns(2, 0), INT64_MAX);
  outbox.set_leaders("t", {2, 1, 2});
  EXPECT_EQ(wakes[1].bell.drain(), 1u) << "it had looked, and there was nothing";
  EXPECT_TRUE(taken(1, 0).empty());
  EXPECT_EQ(taken(2, 0).size(), 1u);
  add("b", 1);
  outbox.set_leaders("t", {2, -1, 2});
  EXPECT_EQ(outbox.next_due_ns(1, 0), INT64_MAX) << "nobody leads it";
  outbox.fail_topic("t", {ErrorCode::unknown_topic_or_partition, "gone"});
  EXPECT_EQ(settled().at(0).error->message, "gone");
}

TEST_F(OutboxTest, all_that_was_added_before_is_waited_for_and_nothing_else) {
  settings.delivery_timeout_ns = INT64_MAX / 2;  // waiting goes by the real clock
  add("a");
  const std::uint64_t mark = outbox.hurry();
  add("b");
  EXPECT_FALSE(outbox.await_settled(mark, 0));
  ASSERT_EQ(taken(1, 0), std::vector<std::string>{"0:1"});
  outbox.acknowledged(std::move(out[0]), 0, -1);
  EXPECT_TRUE(outbox.await_settled(mark, 0));
  EXPECT_EQ(outbox.next_due_ns(1, 0), 10 * kMs) << "what came later lingers";
}

}  // namespace
}  // namespace ringmain::client
