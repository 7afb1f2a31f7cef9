#include "partition/topic_config.hpp"

#include <array>
#include <charconv>
#include <functional>
#include <string_view>

#include <fmt/format.h>

namespace ringmain::partition {
namespace {

tl::unexpected<Error> bad(const std::string& key, const std::string& value, const std::string& allowed) {
  return fail(ErrorCode::invalid_config, fmt::format("{}={}: must be {}", key, value, allowed));
}

Status parse_bytes(const std::string& key, const std::string& value, std::uint64_t least, std::uint64_t most,
                   std::uint64_t& to) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < least || number > most)
    return bad(key, value, fmt::format("a number of bytes from {} to {}", least, most));
  to = number;
  return {};
}

Status parse_number(const std::string& key, const std::string& value, std::int64_t least, std::int64_t most, std::int64_t& to) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < least || number > most)
    return bad(key, value, fmt::format("a number from {} to {}", least, most));
  to = number;
  return {};
}

// What Kafka calls for ever is the largest number; here what is longer than a hundred years is as good as that.
constexpr std::int64_t kLongestMs = INT64_MAX / 2'000'000;  // in ns, and added to a time, it still fits

Status parse_ms(const std::string& key, const std::string& value, std::int64_t least, std::int64_t& to) {
  RINGMAIN_TRY(parse_number(key, value, least, INT64_MAX, to));
  to = std::min(to, kLongestMs);
  return {};
}

Status parse_ratio(const std::string& key, const std::string& value, double& to) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || !(number >= 0 && number <= 1))
    return bad(key, value, "a number from 0 to 1");
  to = number;
  return {};
}

Status parse_cleanup_policy(const std::string& key, const std::string& value, TopicConfig& config) {
  config.upkeep.deletes = config.upkeep.compacts = false;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t end = std::min(value.find(',', at), value.size());
    const std::string policy = value.substr(at, end - at);
    if (policy == "delete")
      config.upkeep.deletes = true;
    else if (policy == "compact")
      config.upkeep.compacts = true;
    else
      return bad(key, value, "delete, compact, or compact,delete");
    at = end + 1;
  }
  return {};
}

struct Setting {
  const char* name;
  const char* default_value;
  ConfigKind kind;
  const char* documentation;
  std::function<Status(const std::string& key, const std::string& value, TopicConfig&)> parse;
};

const std::vector<Setting>& settings() {
  static const std::vector<Setting> list = {
      {"ack.durability", "disk", ConfigKind::choice,
       "With storage=disk: what acks=all waits for. disk: the record is on disk, synced. memory: it is published in the "
       "shared memory of all in-sync replicas.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         if (value != "memory" && value != "disk") return bad(key, value, "memory or disk");
         config.acks_all_on_disk = value == "disk";
         return {};
       }},
      {"cleanup.policy", "delete", ConfigKind::list,
       "With storage=disk: what becomes of old records. delete: they go by retention.ms and retention.bytes. compact: of each "
       "key the newest stays. compact,delete: both.",
       parse_cleanup_policy},
      {"delete.retention.ms", "86400000", ConfigKind::milliseconds,
       "With cleanup.policy=compact: how long a tombstone (a key without a value) stays after it was cleaned first.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_ms(key, value, 0, config.upkeep.compaction.delete_retention_ms);
       }},
      {"flush.messages", "9223372036854775807", ConfigKind::count,
       "With storage=disk: so many records are written to disk without waiting for flush.ms.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         std::int64_t messages = 0;
         RINGMAIN_TRY(parse_number(key, value, 1, INT64_MAX, messages));
         config.store.flush_messages = static_cast<std::uint64_t>(messages);
         return {};
       }},
      {"flush.ms", "10", ConfigKind::milliseconds,
       "With storage=disk: records are written to disk, and synced, after this long at the latest; at once when a producer "
       "waits for them.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_ms(key, value, 0, config.store.flush_ms);
       }},
      {"full.policy", "drop-oldest", ConfigKind::choice,
       "What a topic in memory does when its budget is used up. drop-oldest: the oldest segment goes, readers "
       "that needed it are told how many records they missed. block: producers wait until every attached reader "
       "has passed the oldest segment.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         if (value == "block")
           config.full_policy = format::FullPolicy::block;
         else if (value == "drop-oldest")
           config.full_policy = format::FullPolicy::drop_oldest;
         else
           return bad(key, value, "block or drop-oldest");
         return {};
       }},
      {"index.interval.bytes", "4096", ConfigKind::bytes,
       "With storage=disk: the offset index has an entry for about so many bytes of the log.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         std::uint64_t bytes = 0;
         RINGMAIN_TRY(parse_bytes(key, value, 512, 1u << 30, bytes));
         config.store.index_interval_bytes = static_cast<std::uint32_t>(bytes);
         return {};
       }},
      {"max.compaction.lag.ms", "9223372036854775807", ConfigKind::milliseconds,
       "With cleanup.policy=compact: a record is cleaned after this long at the latest, whatever min.cleanable.dirty.ratio says.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         RINGMAIN_TRY(parse_ms(key, value, 1, config.upkeep.compaction.max_lag_ms));
         if (config.upkeep.compaction.max_lag_ms == kLongestMs) config.upkeep.compaction.max_lag_ms = INT64_MAX;
         return {};
       }},
      {"max.message.bytes", "1048588", ConfigKind::bytes, "The largest record or batch, in bytes; at most a quarter of slot.bytes.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_bytes(key, value, 1, format::kMaxSlotBytes / 4, config.max_message_bytes);
       }},
      {"memory.budget.bytes", "268435456", ConfigKind::bytes,
       "Shared memory that each partition may use, in bytes; at least two slots. Taken as needed. With "
       "full.policy=drop-oldest there are three slots at least: a stopped reader may hold one.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_bytes(key, value, 2 * format::kMinSlotBytes, format::kMaxSlots * format::kMaxSlotBytes,
                            config.memory_budget_bytes);
       }},
      {"message.timestamp.type", "CreateTime", ConfigKind::choice,
       "Of batches that Kafka clients append: CreateTime keeps the timestamps that they gave, LogAppendTime puts the broker's "
       "clock in their place.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         if (value != "CreateTime" && value != "LogAppendTime") return bad(key, value, "CreateTime or LogAppendTime");
         config.log_append_time = value == "LogAppendTime";
         return {};
       }},
      {"min.cleanable.dirty.ratio", "0.5", ConfigKind::ratio,
       "With cleanup.policy=compact: the log is cleaned when so much of it was never cleaned, as a share from 0 to 1.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_ratio(key, value, config.upkeep.compaction.min_dirty_ratio);
       }},
      {"min.compaction.lag.ms", "0", ConfigKind::milliseconds,
       "With cleanup.policy=compact: records stay this long at least.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_ms(key, value, 0, config.upkeep.compaction.min_lag_ms);
       }},
      {"retention.bytes", "-1", ConfigKind::bytes,
       "With storage=disk: the oldest log files of a partition go while those behind them have this much; -1: no limit.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_number(key, value, -1, INT64_MAX, config.upkeep.retention.retention_bytes);
       }},
      {"retention.ms", "604800000", ConfigKind::milliseconds,
       "With storage=disk: log files go when their newest record is older; -1: never.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         RINGMAIN_TRY(parse_ms(key, value, -1, config.upkeep.retention.retention_ms));
         if (config.upkeep.retention.retention_ms == kLongestMs) config.upkeep.retention.retention_ms = -1;
         return {};
       }},
      {"segment.bytes", "1073741824", ConfigKind::bytes,
       "With storage=disk: the size of a log file, which holds as many segments of slot.bytes as fit. Old records go by whole files.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_bytes(key, value, format::kMinSlotBytes, 1ull << 36, config.store.file_bytes);
       }},
      {"segment.ms", "604800000", ConfigKind::milliseconds, "With storage=disk: a log file takes no new segment after this long.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_ms(key, value, 1, config.store.file_ms);
       }},
      {"single.producer", "false", ConfigKind::boolean,
       "true: one producer at a time, which then needs no locked instruction to append.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         if (value != "true" && value != "false") return bad(key, value, "true or false");
         config.single_producer = value == "true";
         return {};
       }},
      {"slot.bytes", "4259840", ConfigKind::bytes,
       "Bytes of a slot of shared memory, which holds one segment: a multiple of 4096. Small slots stay in the "
       "CPU's caches, large ones take larger records.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         RINGMAIN_TRY(parse_bytes(key, value, format::kMinSlotBytes, format::kMaxSlotBytes, config.slot_bytes));
         if (config.slot_bytes % format::kPageBytes != 0) return bad(key, value, "a multiple of 4096");
         return {};
       }},
      {"storage", "disk", ConfigKind::choice,
       "disk: records are written to files as well as to shared memory, and are there after a power cut. memory: they live in "
       "shared memory and go with it; so it is where full.policy is given, which only a topic in memory has.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         if (value != "memory" && value != "disk") return bad(key, value, "memory or disk");
         config.on_disk = value == "disk";
         return {};
       }},
  };
  return list;
}

// By these a topic's memory is laid out and shared with processes that have it mapped.
constexpr std::array kFixedSettings = {"full.policy", "memory.budget.bytes", "single.producer", "slot.bytes", "storage"};

bool is_fixed(const std::string& name) { return std::find(kFixedSettings.begin(), kFixedSettings.end(), name) != kFixedSettings.end(); }

const Setting* find_setting(const std::string& name) {
  for (const Setting& setting : settings())
    if (name == setting.name) return &setting;
  return nullptr;
}

std::string known_names() {
  std::string names;
  for (const Setting& setting : settings()) names += (names.empty() ? "" : ", ") + std::string(setting.name);
  return names;
}

// What holds where nobody sets it. Two presets depend on other settings: a small slot lowers the
// largest record, and what becomes of full memory is a question of topics in memory.
std::string preset_of(const Setting& setting, Overrides overrides) {
  overrides.erase(setting.name);
  const auto config = parse_topic_config(overrides);
  if (!config) return setting.default_value;
  const std::string_view name = setting.name;
  if (name == "max.message.bytes") return std::to_string(config->max_message_bytes);
  if (name == "storage") return config->on_disk ? "disk" : "memory";
  return setting.default_value;
}

}  // namespace

Result<TopicConfig> parse_topic_config(const Overrides& overrides) {
  TopicConfig config;
  for (const auto& [key, value] : overrides) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr)
      return fail(ErrorCode::invalid_config,
                  fmt::format("{}: no such topic setting; known are {}", key, known_names()));
    RINGMAIN_TRY(setting->parse(key, value, config));
  }
  if (overrides.contains("full.policy")) {
    if (overrides.contains("storage") && config.on_disk)
      return fail(ErrorCode::invalid_config,
                  "full.policy is of topics in memory (storage=memory): with storage=disk old records are on disk, and memory is "
                  "used again");
    config.on_disk = false;
  }
  const std::uint64_t largest = config.slot_bytes / 4 - format::kFrameHeaderBytes;
  if (config.max_message_bytes > largest) {
    if (overrides.contains("max.message.bytes"))
      return fail(ErrorCode::invalid_config,
                  fmt::format("max.message.bytes={} does not fit into a quarter of slot.bytes={}: at most {}; "
                              "raise slot.bytes",
                              config.max_message_bytes, config.slot_bytes, largest));
    config.max_message_bytes = largest;
  }
  if (config.memory_budget_bytes / config.slot_bytes < format::kMinSlots)
    return fail(ErrorCode::invalid_config,
                fmt::format("memory.budget.bytes={} holds fewer than two slots of slot.bytes={}",
                            config.memory_budget_bytes, config.slot_bytes));
  if (config.memory_budget_bytes / config.slot_bytes > format::kMaxSlots)
    return fail(ErrorCode::invalid_config,
                fmt::format("memory.budget.bytes={} is more than {} slots of slot.bytes={}; raise slot.bytes",
                            config.memory_budget_bytes, format::kMaxSlots, config.slot_bytes));
  if (config.upkeep.compacts && !config.on_disk)
    return fail(ErrorCode::invalid_config, "cleanup.policy=compact needs storage=disk: a topic in memory is not compacted");
  if (config.upkeep.compaction.min_lag_ms > config.upkeep.compaction.max_lag_ms)
    return fail(ErrorCode::invalid_config,
                fmt::format("min.compaction.lag.ms={} is more than max.compaction.lag.ms={}",
                            config.upkeep.compaction.min_lag_ms, config.upkeep.compaction.max_lag_ms));
  config.store.slot_bytes = config.slot_bytes;
  config.upkeep.compaction.index_interval_bytes = config.store.index_interval_bytes;
  return config;
}

// By the values in force: an override that says what holds anyway may come and go.
Status check_alteration(const Overrides& from, const Overrides& to) {
  RINGMAIN_TRY(parse_topic_config(to));
  const auto before = describe_topic_config(from);
  const auto after = describe_topic_config(to);
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i].is_fixed && before[i].value != after[i].value)
      return fail(ErrorCode::invalid_config,
                  fmt::format("{} is {} and cannot become {}: it is fixed when a topic is created, because processes that use "
                              "the topic share its memory as it was laid out; create another topic, or leave it as it is",
                              before[i].name, before[i].value, after[i].value));
  return {};
}

std::vector<ConfigLine> describe_topic_config(const Overrides& overrides) {
  std::vector<ConfigLine> lines;
  for (const Setting& setting : settings()) {
    const auto found = overrides.find(setting.name);
    const bool is_default = found == overrides.end();
    const std::string preset = preset_of(setting, overrides);
    lines.push_back({setting.name, is_default ? preset : found->second, preset, setting.kind, is_default,
                     is_fixed(setting.name), setting.documentation});
  }
  return lines;
}

}  // namespace ringmain::partition
