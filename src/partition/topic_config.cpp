#include "partition/topic_config.hpp"

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

// -1 means the most there is.
Status parse_number(const std::string& key, const std::string& value, std::int64_t least, std::int64_t most, std::int64_t& to) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < least || number > most)
    return bad(key, value, fmt::format("a number from {} to {}", least, most));
  to = number;
  return {};
}

constexpr std::int64_t kLongestMs = INT64_MAX / 2'000'000;  // in ns, and added to a time, it still fits

struct Setting {
  const char* name;
  const char* default_value;
  ConfigKind kind;
  const char* documentation;
  std::function<Status(const std::string& key, const std::string& value, TopicConfig&)> parse;
};

const std::vector<Setting>& settings() {
  static const std::vector<Setting> list = {
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
         return parse_number(key, value, 0, kLongestMs, config.store.flush_ms);
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
      {"segment.bytes", "1073741824", ConfigKind::bytes,
       "With storage=disk: the size of a log file, which holds as many segments of slot.bytes as fit. Old records go by whole files.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_bytes(key, value, format::kMinSlotBytes, 1ull << 36, config.store.file_bytes);
       }},
      {"segment.ms", "604800000", ConfigKind::milliseconds, "With storage=disk: a log file takes no new segment after this long.",
       [](const std::string& key, const std::string& value, TopicConfig& config) {
         return parse_number(key, value, 1, kLongestMs, config.store.file_ms);
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
      {"storage", "memory", ConfigKind::choice,
       "memory: records live in shared memory and go with it. disk: they are written to files as well, and are there after a power cut.",
       [](const std::string& key, const std::string& value, TopicConfig& config) -> Status {
         if (value != "memory" && value != "disk") return bad(key, value, "memory or disk");
         config.on_disk = value == "disk";
         return {};
       }},
  };
  return list;
}

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

// What holds where nobody sets it. One preset depends on another setting: a small slot lowers the
// largest record.
std::string preset_of(const Setting& setting, Overrides overrides) {
  if (std::string_view(setting.name) != "max.message.bytes") return setting.default_value;
  overrides.erase(setting.name);
  const auto config = parse_topic_config(overrides);
  return config ? std::to_string(config->max_message_bytes) : setting.default_value;
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
  config.store.slot_bytes = config.slot_bytes;
  return config;
}

std::vector<ConfigLine> describe_topic_config(const Overrides& overrides) {
  std::vector<ConfigLine> lines;
  for (const Setting& setting : settings()) {
    const auto found = overrides.find(setting.name);
    const bool is_default = found == overrides.end();
    const std::string preset = preset_of(setting, overrides);
    lines.push_back({setting.name, is_default ? preset : found->second, preset, setting.kind, is_default,
                     setting.documentation});
  }
  return lines;
}

}  // namespace ringmain::partition
