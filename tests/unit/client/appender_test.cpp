// Appender and Claim against a real broker: offsets, batches, claims, sizes, and what is refused.
#include "ringmain/appender.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/clock.hpp"
#include "bus_fixture.hpp"
#include "format/partition.hpp"

namespace ringmain::test {
namespace {

using Strings = std::vector<std::string>;

class Appends : public ::testing::TestWithParam<const char*> {  // single.producer
 protected:
  Appends() {
    auto configs = small_slots();
    configs["single.producer"] = GetParam();
    create_topic(bus, "log", 1, configs);
    appender.emplace(bus, TopicPartition{"log", 0});
    reader.emplace(bus, TopicPartition{"log", 0});
  }
  static void write(Claim& claim, std::string_view text) { std::memcpy(claim.value().data(), text.data(), text.size()); }

  TemporaryBus folders;
  Bus bus = folders.open();
  std::optional<Appender> appender;
  std::optional<Reader> reader;
};

INSTANTIATE_TEST_SUITE_P(Kinds, Appends, ::testing::Values("false", "true"),
                         [](const auto& test) { return std::string(test.param) == "true" ? "alone" : "shared"; });

TEST_P(Appends, values_come_back_in_order_with_dense_offsets) {
  for (const std::int64_t offset : {0, 1, 2}) EXPECT_EQ(appender->append("v" + std::to_string(offset)), offset);
  EXPECT_EQ(read_all(*reader), (Strings{"0:v0", "1:v1", "2:v2"}));
}

TEST_P(Appends, an_empty_value_is_a_record_too) {
  appender->append("");
  appender->append(Bytes{});
  EXPECT_EQ(read_all(*reader), (Strings{"0:", "1:"}));
}

TEST_P(Appends, a_null_value_is_told_from_an_empty_one) {
  appender->append({.topic = "log", .value = std::nullopt});
  appender->append({.topic = "log", .value = ""});
  ASSERT_NE(reader->next(kForever).data(), nullptr);
  EXPECT_FALSE(reader->record().value);
  ASSERT_NE(reader->next(kForever).data(), nullptr);
  EXPECT_EQ(reader->record().value, "");
}

TEST_P(Appends, a_batch_takes_consecutive_offsets) {
  const Bytes values[] = {"a", "", "ccc"};
  EXPECT_EQ(appender->append_batch(values), 0);
  EXPECT_EQ(appender->append("d"), 3);
  EXPECT_EQ(read_all(*reader), (Strings{"0:a", "1:", "2:ccc", "3:d"}));
}

TEST_P(Appends, a_batch_of_one_may_be_as_large_as_a_record) {
  const std::string largest(appender->max_record_bytes(), 'x');
  const Bytes values[] = {largest};
  EXPECT_EQ(appender->append_batch(values), 0);
  EXPECT_EQ(read_all(*reader), Strings{"0:" + largest});
}

TEST_P(Appends, an_empty_batch_is_refused) {
  expect_error([&] { appender->append_batch({}); }, ErrorCode::invalid_argument, {"batch"});
}

TEST_P(Appends, a_batch_that_does_not_fit_is_refused_and_leaves_nothing) {
  const std::string half(appender->max_batch_bytes() / 2, 'x');
  const Bytes values[] = {half, half, "x"};
  expect_error([&] { appender->append_batch(values); }, ErrorCode::message_too_large, {"3 records", "log-0"});
  const std::vector<Bytes> many(70000);
  expect_error([&] { appender->append_batch(many); }, ErrorCode::message_too_large, {"70000"});
  EXPECT_EQ(appender->append("after"), 0);
  EXPECT_EQ(read_all(*reader), Strings{"0:after"});
}

TEST_P(Appends, a_record_may_fill_a_quarter_of_a_slot) {
  EXPECT_EQ(appender->max_record_bytes(), 65536u / 4 - 32);
  for (char fill = 'a'; fill < 'z'; ++fill) {
    const std::string largest(appender->max_record_bytes(), fill);
    const std::int64_t offset = appender->append(largest);
    EXPECT_EQ(read_all(*reader), Strings{std::to_string(offset) + ":" + largest});
  }
}

TEST_P(Appends, a_record_one_byte_too_large_is_refused_with_both_sizes) {
  const std::string too_large(appender->max_record_bytes() + 1, 'x');
  const auto refused = [&](const auto& call) {
    expect_error(call, ErrorCode::message_too_large, {"16353", "16352", "log-0", "max.message.bytes"});
  };
  refused([&] { appender->append(too_large); });
  refused([&] { appender->try_append(too_large); });
  refused([&] { appender->claim(too_large.size()); });
  refused([&] { appender->append({.topic = "log", .value = too_large}); });
  EXPECT_EQ(appender->append("after"), 0);
}

TEST_P(Appends, max_message_bytes_counts_key_and_headers) {
  create_topic(bus, "tiny", 1, {{"max.message.bytes", "100"}});
  Appender tiny(bus, {"tiny", 0});
  EXPECT_EQ(tiny.max_record_bytes(), 100u);
  EXPECT_EQ(tiny.append(std::string(100, 'x')), 0);
  const std::string exact(100, 'x');
  const Bytes batch[] = {exact, exact};
  EXPECT_EQ(tiny.append_batch(batch), 1);
  EXPECT_EQ(tiny.append_batch(std::span(batch, 1)), 3) << "a batch of one obeys the same bound, no less";
  EXPECT_EQ(tiny.append({.topic = "tiny", .key = "key", .value = std::string_view(exact).substr(0, 89)}), 4);
  expect_error([&] { tiny.append({.topic = "tiny", .key = "key", .value = std::string_view(exact).substr(0, 90)}); },
               ErrorCode::message_too_large, {"101", "100"});
}

TEST_P(Appends, a_claim_is_written_in_place_and_committed) {
  Claim claim = appender->claim(5);
  EXPECT_EQ(claim.offset(), 0);
  EXPECT_EQ(claim.value().size(), 5u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(claim.value().data()) % 32, 0u);
  write(claim, "hello");
  EXPECT_TRUE(read_all(*reader).empty()) << "not before it is committed";
  claim.commit();
  EXPECT_EQ(read_all(*reader), Strings{"0:hello"});
}

TEST_P(Appends, a_claim_is_committed_in_part) {
  for (const std::size_t bytes : {0u, 1u, 31u, 32u, 33u, 999u, 1000u}) {
    Claim claim = appender->claim(1000);
    const std::string text(bytes, 'p');
    write(claim, text);
    claim.commit(bytes);
    const std::int64_t next = appender->append("next");
    EXPECT_EQ(read_all(*reader), (Strings{std::to_string(next - 1) + ":" + text, std::to_string(next) + ":next"}));
  }
}

TEST_P(Appends, an_aborted_claim_is_never_seen) {
  appender->append("before");
  Claim claim = appender->claim(500);
  write(claim, "never");
  claim.abort();
  claim.abort();  // once is enough
  const std::int64_t after = appender->append("after");
  EXPECT_EQ(read_all(*reader), (Strings{"0:before", std::to_string(after) + ":after"}));
}

TEST_P(Appends, a_claim_that_goes_out_of_scope_is_aborted) {
  { const Claim claim = appender->claim(500); }
  { const auto claim = appender->try_claim(500); }
  const std::int64_t after = appender->append("after");
  EXPECT_EQ(read_all(*reader), Strings{std::to_string(after) + ":after"});
}

TEST_P(Appends, a_claim_moves) {
  Claim claim = appender->claim(2);
  Claim moved(std::move(claim));
  write(moved, "ok");
  expect_error([&] { claim.commit(); }, ErrorCode::invalid_state);  // NOLINT: it says so
  moved.commit();
  EXPECT_EQ(read_all(*reader), Strings{"0:ok"});
}

TEST_P(Appends, a_claim_is_committed_once_and_with_no_more_than_it_has) {
  Claim claim = appender->claim(2);
  expect_error([&] { claim.commit(3); }, ErrorCode::invalid_state, {"claimed"});
  write(claim, "ok");
  claim.commit();
  expect_error([&] { claim.commit(); }, ErrorCode::invalid_state, {"once"});
  EXPECT_EQ(read_all(*reader), Strings{"0:ok"});
}

TEST_P(Appends, one_claim_at_a_time) {
  Claim claim = appender->claim(2);
  expect_error([&] { appender->append("x"); }, ErrorCode::invalid_state, {"open claim"});
  expect_error([&] { appender->claim(1); }, ErrorCode::invalid_state);
  expect_error([&] { appender->try_append("x"); }, ErrorCode::invalid_state);
  write(claim, "ok");
  claim.commit();
  appender->append("x");
  EXPECT_EQ(read_all(*reader), (Strings{"0:ok", "1:x"}));
}

TEST_P(Appends, an_appender_that_goes_aborts_nothing_that_is_published) {
  appender->append("first");
  appender.reset();
  appender.emplace(bus, TopicPartition{"log", 0});
  EXPECT_EQ(appender->append("second"), 1);
  EXPECT_EQ(read_all(*reader), (Strings{"0:first", "1:second"}));
}

TEST_P(Appends, timestamps_are_the_clocks_or_those_given) {
  const std::int64_t before = now_real_ns();
  appender->append("clock");
  EXPECT_NE(reader->next(kForever).data(), nullptr);
  constexpr std::int64_t kTick = 20'000'000;  // they may lag by a tick of the kernel
  EXPECT_GE(reader->record().timestamp_ns, before - kTick);
  EXPECT_LE(reader->record().timestamp_ns, now_real_ns() + kTick);
  EXPECT_EQ(appender->last_timestamp_ns(), reader->record().timestamp_ns);
  for (const std::int64_t given : {std::int64_t{0}, std::int64_t{12345}, INT64_MAX, INT64_MIN}) {
    appender->append({.topic = "log", .value = "given", .timestamp_ns = given});
    EXPECT_NE(reader->next(kForever).data(), nullptr);
    EXPECT_EQ(reader->record().timestamp_ns, given);
    EXPECT_EQ(appender->last_timestamp_ns(), given);
  }
}

TEST_P(Appends, the_last_timestamp_is_that_of_a_batch_or_a_claim_too) {
  appender->append({.topic = "log", .value = "old", .timestamp_ns = 1});
  const Bytes batch[] = {"a", "b"};
  appender->append_batch(batch);
  EXPECT_GT(appender->last_timestamp_ns(), 1);
  appender->append({.topic = "log", .value = "old", .timestamp_ns = 1});
  Claim claim = appender->claim(0);
  claim.commit();
  EXPECT_GT(appender->last_timestamp_ns(), 1);
}

TEST_P(Appends, keys_and_headers_come_back) {
  const Header headers[] = {{"trace", "1"}, {"trace", std::nullopt}, {"", ""}};
  appender->append({.topic = "log", .key = "k", .value = "v", .headers = headers});
  appender->append({.topic = "log", .key = "", .value = std::nullopt});
  appender->append({.topic = "log", .value = "v", .headers = std::span(headers, 1)});
  ASSERT_EQ(reader->next(kForever), "v");
  EXPECT_EQ(reader->record().key, "k");
  EXPECT_EQ(reader->record().headers(), std::vector<Header>(std::begin(headers), std::end(headers)));
  ASSERT_NE(reader->next(kForever).data(), nullptr);
  EXPECT_EQ(reader->record().key, "");
  EXPECT_FALSE(reader->record().value);
  EXPECT_TRUE(reader->record().headers().empty());
  ASSERT_EQ(reader->next(kForever), "v");
  EXPECT_FALSE(reader->record().key);
  EXPECT_EQ(reader->record().headers(), std::vector<Header>{headers[0]});
}

TEST_P(Appends, many_records_of_all_sizes_cross_many_segments_intact) {
  std::uint64_t sum = 0, seen = 0;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string value((i * 131) % 16352, static_cast<char>('a' + i % 26));
    ASSERT_EQ(appender->append(value), static_cast<std::int64_t>(i));
    sum += value.size();
    while (reader->try_next().data() != nullptr) {
      const Bytes got = *reader->record().value;
      ASSERT_EQ(got, std::string(got.size(), static_cast<char>('a' + reader->record().offset % 26)));
      seen += got.size();
    }
  }
  EXPECT_EQ(seen, sum);
  EXPECT_EQ(reader->lost(), 0u);
}

// A single producer.

TEST(SingleProducer, is_refused_while_there_is_one_and_welcome_after) {
  TemporaryBus folders;
  Bus bus = folders.open(), other = folders.open();
  create_topic(bus, "log", 2, {{"single.producer", "true"}});
  std::optional<Appender> first(std::in_place, bus, TopicPartition{"log", 0});
  first->append("first");
  for (Bus* who : {&bus, &other})
    expect_error([&] { Appender(*who, {"log", 0}); }, ErrorCode::exclusive_taken, {"log", "single.producer"});
  const Appender elsewhere(other, {"log", 1});
  first.reset();
  Appender second(other, {"log", 0});
  EXPECT_EQ(second.append("second"), 1);
  Reader reader(bus, {"log", 0});
  EXPECT_EQ(read_all(reader), (Strings{"0:first", "1:second"}));
}

TEST(SingleProducer, a_successor_takes_over_when_the_bus_of_the_first_is_closed_with_a_claim_open) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 1, {{"single.producer", "true"}});
  Reader reader(bus, {"log", 0});
  {
    Bus other = folders.open();
    Appender first(other, {"log", 0});
    first.append("first");
    const Claim open = first.claim(1000);
  }
  Appender second(bus, {"log", 0});
  second.append("second");
  EXPECT_EQ(read_all(reader).back().substr(2), "second");
}

TEST(DamagedMemory, is_an_error_of_each_append_and_does_not_end_the_process) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 1, small_slots(8));
  Appender appender(bus, {"log", 0});
  appender.append("before");
  {
    std::fstream file(folders.partition_files(".log").at(0), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(format::slots_at_for(8) + offsetof(format::SegmentHeader, tail)));
    const Bytes tail = "somebody";
    file.write(tail.data(), static_cast<std::streamsize>(tail.size()));
  }
  const auto damaged = [](const auto& call) {
    expect_error(call, ErrorCode::corrupt_memory, {"log-0", "damaged", "delete the topic"});
  };
  damaged([&] { appender.append("x"); });
  damaged([&] { appender.try_append("x"); });
  damaged([&] { appender.claim(5); });
  damaged([&] { Appender(bus, {"log", 0}).append("x"); });
  Reader reader(bus, {"log", 0});
  EXPECT_EQ(reader.next(kForever), "before");
  bus.admin().delete_topic("log");
  expect_error([&] { appender.append("x"); }, ErrorCode::unknown_topic_or_partition, {"log", "deleted"});
}

}  // namespace
}  // namespace ringmain::test
