// A topic's settings: what is allowed, what is refused, what they come to together.
#include "partition/topic_config.hpp"

#include <gtest/gtest.h>

namespace ringmain::partition {
namespace {

void expect_refused(const Overrides& overrides, std::initializer_list<const char*> words) {
  const auto config = parse_topic_config(overrides);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::invalid_config);
  for (const char* word : words) EXPECT_NE(config.error().message.find(word), std::string::npos) << config.error().message;
}

TEST(TopicConfig, of_nothing_is_the_presets) {
  const auto config = parse_topic_config({});
  ASSERT_TRUE(config);
  for (const ConfigLine& line : describe_topic_config({})) {
    EXPECT_TRUE(line.is_default) << line.name;
    const auto same = parse_topic_config({{line.name, line.value}});
    ASSERT_TRUE(same) << "what is described as the preset can be set: " << same.error().message;
    EXPECT_EQ(same->max_message_bytes, config->max_message_bytes) << line.name;
    EXPECT_EQ(same->slot_bytes, config->slot_bytes) << line.name;
    EXPECT_EQ(same->memory_budget_bytes, config->memory_budget_bytes) << line.name;
    EXPECT_EQ(same->full_policy, config->full_policy) << line.name;
    EXPECT_EQ(same->single_producer, config->single_producer) << line.name;
  }
}

TEST(TopicConfig, takes_the_bounds) {
  EXPECT_TRUE(parse_topic_config({{"slot.bytes", "65536"}, {"memory.budget.bytes", "131072"}, {"max.message.bytes", "16352"}}));
  EXPECT_TRUE(parse_topic_config({{"slot.bytes", "67108864"}, {"memory.budget.bytes", "274877906944"}}));
  EXPECT_EQ(parse_topic_config({{"max.message.bytes", "1"}})->max_message_bytes, 1u);
}

TEST(TopicConfig, a_small_slot_brings_the_preset_of_the_largest_record_down) {
  EXPECT_EQ(parse_topic_config({{"slot.bytes", "65536"}})->max_message_bytes, 16352u);
}

TEST(TopicConfig, what_is_beyond_the_bounds_is_refused) {
  expect_refused({{"slot.bytes", "65536"}, {"max.message.bytes", "16353"}}, {"16353", "16352", "slot.bytes"});
  expect_refused({{"slot.bytes", "65535"}}, {"65536"});
  expect_refused({{"slot.bytes", "67112960"}}, {"67108864"});
  expect_refused({{"slot.bytes", "69632"}, {"memory.budget.bytes", "139263"}}, {"two slots"});
  expect_refused({{"slot.bytes", "65536"}, {"memory.budget.bytes", "274877906944"}}, {"4096 slots"});
  expect_refused({{"memory.budget.bytes", "274877906945"}}, {"274877906944"});
  expect_refused({{"max.message.bytes", "0"}}, {"from 1"});
}

TEST(TopicConfig, numbers_are_plain_numbers) {
  for (const char* value : {"", " 65536", "65536 ", "+65536", "-65536", "0x10000", "64k", "65536.0", "99999999999999999999999"})
    expect_refused({{"slot.bytes", value}}, {"slot.bytes="});
}

TEST(TopicConfig, unknown_names_are_refused_with_those_that_are_known) {
  expect_refused({{"retention.us", "1"}}, {"retention.us", "slot.bytes", "full.policy"});
  expect_refused({{"", ""}}, {"known are"});
  expect_refused({{"Slot.Bytes", "65536"}}, {"Slot.Bytes"});
}

TEST(TopicConfig, a_topic_is_on_disk_unless_something_says_that_it_is_in_memory) {
  const auto on_disk = [](const Overrides& overrides) { return parse_topic_config(overrides).value().on_disk; };
  EXPECT_TRUE(on_disk({}));
  EXPECT_FALSE(on_disk({{"storage", "memory"}}));
  EXPECT_FALSE(on_disk({{"full.policy", "block"}}));
  EXPECT_FALSE(on_disk({{"full.policy", "drop-oldest"}, {"storage", "memory"}}));
  expect_refused({{"full.policy", "block"}, {"storage", "disk"}}, {"full.policy", "storage=memory"});
  for (const ConfigLine& line : describe_topic_config({{"full.policy", "block"}}))
    if (line.name == "storage") {
      EXPECT_EQ(line.value, "memory");
      EXPECT_TRUE(line.is_default);
    }
}

TEST(TopicConfig, cleanup_policies_are_kafkas) {
  const auto policy = [](const std::string& value) {
    const auto config = parse_topic_config({{"storage", "disk"}, {"cleanup.policy", value}});
    return config ? std::pair(config->upkeep.deletes, config->upkeep.compacts) : std::pair(false, false);
  };
  EXPECT_EQ(policy("delete"), std::pair(true, false));
  EXPECT_EQ(policy("compact"), std::pair(false, true));
  EXPECT_EQ(policy("compact,delete"), std::pair(true, true));
  EXPECT_EQ(policy("delete,compact"), std::pair(true, true));
  for (const char* wrong : {"", "compact,", ",delete", "remove", "compact, delete"})
    expect_refused({{"storage", "disk"}, {"cleanup.policy", wrong}}, {"cleanup.policy", "compact,delete"});
  expect_refused({{"storage", "memory"}, {"cleanup.policy", "compact"}}, {"storage=disk"});
}

TEST(TopicConfig, what_retention_and_compaction_go_by_has_bounds) {
  expect_refused({{"retention.ms", "-2"}}, {"retention.ms=-2"});
  expect_refused({{"retention.bytes", "1k"}}, {"retention.bytes=1k"});
  for (const char* wrong : {"1.1", "-0.1", "nan", "half", ""})
    expect_refused({{"min.cleanable.dirty.ratio", wrong}}, {"from 0 to 1"});
  expect_refused({{"min.compaction.lag.ms", "11"}, {"max.compaction.lag.ms", "10"}}, {"max.compaction.lag.ms=10"});
  const auto config = parse_topic_config({{"storage", "disk"}, {"retention.ms", "5"}, {"retention.bytes", "6"},
                                          {"delete.retention.ms", "7"}, {"min.cleanable.dirty.ratio", "0.25"},
                                          {"min.compaction.lag.ms", "8"}, {"max.compaction.lag.ms", "9"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->upkeep.retention.retention_ms, 5);
  EXPECT_EQ(config->upkeep.retention.retention_bytes, 6);
  EXPECT_EQ(config->upkeep.compaction.delete_retention_ms, 7);
  EXPECT_EQ(config->upkeep.compaction.min_dirty_ratio, 0.25);
  EXPECT_EQ(config->upkeep.compaction.min_lag_ms, 8);
  EXPECT_EQ(config->upkeep.compaction.max_lag_ms, 9);
}

// Kafka's tools write its defaults back, and its "for ever" is the largest number.
TEST(TopicConfig, times_may_be_as_long_as_in_kafka) {
  for (const char* key : {"retention.ms", "delete.retention.ms", "flush.ms", "segment.ms", "min.compaction.lag.ms", "max.compaction.lag.ms"}) {
    const auto config = parse_topic_config({{key, "9223372036854775807"}});
    ASSERT_TRUE(config) << key << ": " << config.error().message;
    expect_refused({{key, "9223372036854775808"}}, {key});
    const auto& upkeep = config->upkeep;
    for (const std::int64_t ms : {upkeep.compaction.delete_retention_ms, upkeep.compaction.min_lag_ms, config->store.file_ms,
                                  static_cast<std::int64_t>(config->store.flush_ms)})
      EXPECT_LE(ms, INT64_MAX / 1'000'000) << key << ": in ns it does not fit";
  }
  EXPECT_EQ(parse_topic_config({{"retention.ms", "9223372036854775807"}})->upkeep.retention.retention_ms, -1);
}

TEST(TopicConfig, the_largest_record_is_described_as_it_holds) {
  const auto described = [](const Overrides& overrides) {
    for (const ConfigLine& line : describe_topic_config(overrides))
      if (line.name == "max.message.bytes") return line;
    return ConfigLine{};
  };
  EXPECT_EQ(described({}).value, "1048588");
  const ConfigLine small = described({{"slot.bytes", "65536"}});
  EXPECT_EQ(small.value, "16352");
  EXPECT_EQ(small.preset, "16352");
  EXPECT_TRUE(small.is_default);

  const ConfigLine given = described({{"slot.bytes", "65536"}, {"max.message.bytes", "100"}});
  EXPECT_EQ(given.value, "100");
  EXPECT_EQ(given.preset, "16352");
  EXPECT_FALSE(given.is_default);
}

TEST(TopicConfig, a_stopped_reader_has_a_slot_of_a_drop_oldest_topic_for_itself) {
  const auto slots = [](const char* policy, const char* budget) {
    return parse_topic_config({{"slot.bytes", "65536"}, {"memory.budget.bytes", budget}, {"full.policy", policy}})->slot_limit();
  };
  EXPECT_EQ(slots("drop-oldest", "131072"), 3u);
  EXPECT_EQ(slots("drop-oldest", "196608"), 3u);
  EXPECT_EQ(slots("drop-oldest", "262144"), 4u);
  EXPECT_EQ(slots("block", "131072"), 2u);
}

}  // namespace
}  // namespace ringmain::partition
