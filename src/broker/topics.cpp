#include "broker/topics.hpp"

#include <unistd.h>

#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "base/random.hpp"
#include "os/fault.hpp"
#include "os/file_system.hpp"

namespace ringmain::broker {
namespace {

constexpr std::int32_t kMaxPartitions = 100000;

std::array<std::uint8_t, 16> random_uuid() {
  std::array<std::uint8_t, 16> id{};
  const std::uint64_t words[2] = {os_entropy64(), os_entropy64()};
  std::memcpy(id.data(), words, sizeof(words));
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0f) | 0x40);  // RFC 4122, version 4
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3f) | 0x80);
  return id;
}

}  // namespace

Topics::Topics(Catalogue& catalogue, std::string shm_folder, const BrokerConfig& config,
               std::map<std::string, std::string> broker_settings, bool fences, format::Doorbell* doorbells,
               LogLine log, storage::Storage& storage)
    : catalogue_(catalogue), folder_(std::move(shm_folder)), config_(config),
      broker_settings_(std::move(broker_settings)), fences_(fences), doorbells_(doorbells), log_(std::move(log)), storage_(storage) {}

Status Topics::recover() {
  RINGMAIN_TRY_ASSIGN(entries, catalogue_.topics());
  for (auto& entry : entries) {
    const std::string name = entry.name;
    topics_[name].entry = std::move(entry);
  }
  RINGMAIN_TRY(remove_strays());
  RINGMAIN_TRY(storage_.remove_leftovers());
  for (auto& [name, topic] : topics_) {
    for (std::uint32_t index = 0; index < topic.entry.partitions; ++index) {
      if (!partition::PartitionFiles::exist(folder_, {name, topic.entry.id, index})) continue;  // when somebody attaches
      if (auto opened = open(topic, index); !opened)  // the others are served all the same
        log_(fmt::format("partition {}-{} stays offline: {}", name, index, opened.error().message));
    }
  }
  return {};
}

// Files of topics that were deleted while a broker died.
Status Topics::remove_strays() {
  std::set<std::string> known;
  for (const auto& [name, topic] : topics_)
    for (std::uint32_t index = 0; index < topic.entry.partitions; ++index)
      known.insert(partition::PartitionFiles::stem({name, topic.entry.id, index}));
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
    const std::string ending = file.path().extension();
    if ((ending == ".log" || ending == ".readers") && !known.contains(file.path().stem()))
      ::unlink(file.path().c_str());
  }
  return {};
}

gateway::TopicInfo Topics::info(const Topic& topic) {
  return {kafka::Uuid{topic.entry.id}, topic.entry.name, topic.entry.partitions, topic.entry.overrides};
}

tl::unexpected<Error> Topics::unknown(std::string_view name) const {
  return fail(ErrorCode::unknown_topic_or_partition,
              fmt::format("there is no topic {}; `ringmain topic list` shows those there are", name));
}

std::vector<gateway::TopicInfo> Topics::topics() const {
  std::vector<gateway::TopicInfo> infos;
  for (const auto& [name, topic] : topics_) infos.push_back(info(topic));
  return infos;
}

std::optional<gateway::TopicInfo> Topics::find(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? std::nullopt : std::optional(info(found->second));
}

Result<gateway::TopicInfo> Topics::create(const gateway::NewTopic& wanted, gateway::Commit commit) {
  if (const auto found = topics_.find(wanted.name); found != topics_.end()) {
    // The very request that made it, once more: a broker died over its answer.
    if (wanted.id && found->second.entry.id == wanted.id->bytes) return info(found->second);
    return fail(ErrorCode::topic_already_exists, fmt::format("topic {} exists already", wanted.name));
  }
  for (const auto& [name, topic] : topics_)  // files are named by it
    if (wanted.id && topic.entry.id == wanted.id->bytes)
      return fail(ErrorCode::invalid_request, fmt::format("topic {}: its id is that of topic {}", wanted.name, name));
  const std::int32_t partitions = wanted.partitions == -1 ? config_.num_partitions : wanted.partitions;
  if (partitions < 1 || partitions > kMaxPartitions)
    return fail(ErrorCode::invalid_partitions,
                fmt::format("topic {}: {} partitions; from 1 to {} are allowed", wanted.name, partitions, kMaxPartitions));
  RINGMAIN_TRY(partition::parse_topic_config(wanted.overrides));
  Topic topic;
  topic.entry = {wanted.id ? wanted.id->bytes : random_uuid(), wanted.name, static_cast<std::uint32_t>(partitions), wanted.overrides};
  if (commit == gateway::Commit::apply) {
    RINGMAIN_TRY(catalogue_.put(topic.entry));
    log_(fmt::format("topic {} created with {} partition(s)", wanted.name, partitions));
  }
  const gateway::TopicInfo created = info(topic);
  if (commit == gateway::Commit::apply) topics_.emplace(wanted.name, std::move(topic));
  return created;
}

Result<partition::TopicConfig> Topics::config(std::string_view name) const {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return unknown(name);
  return parsed(found->second.entry.overrides);
}

// With what the broker's own settings say.
Result<partition::TopicConfig> Topics::parsed(const partition::Overrides& overrides) const {
  RINGMAIN_TRY_ASSIGN(config, partition::parse_topic_config(overrides));
  config.upkeep.compaction.map_bytes = config_.cleaner_buffer_bytes;
  return std::move(config);
}

Status Topics::remove(std::string_view name) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return unknown(name);
  Topic& topic = found->second;
  RINGMAIN_TRY(catalogue_.remove(topic.entry.name));  // from here on it is gone, whatever happens
  for (auto& [index, partition] : topic.open) on_removal_(*partition);
  for (auto& [index, partition] : topic.open) partition->mark_deleted();
  for (std::uint32_t index = 0; index < topic.entry.partitions; ++index) {
    if (topic.open.contains(index)) continue;
    if (auto removed = storage_.remove(storage_.owner(topic.entry.name, topic.entry.id, index)); !removed)
      log_(removed.error().message);
  }
  for (std::uint32_t index = 0; index < topic.entry.partitions; ++index)
    if (auto removed = partition::PartitionFiles::remove(folder_, {topic.entry.name, topic.entry.id, index}); !removed)
      log_(removed.error().message);
  const std::string removed_name = topic.entry.name;
  log_(fmt::format("topic {} deleted", removed_name));
  topics_.erase(found);
  on_topic_removal_(removed_name);
  return {};
}

Status Topics::add_partitions(std::string_view name, std::int32_t total, gateway::Commit commit) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return unknown(name);
  CatalogueTopic entry = found->second.entry;
  if (total <= static_cast<std::int32_t>(entry.partitions) || total > kMaxPartitions)
    return fail(ErrorCode::invalid_partitions,
                fmt::format("topic {} has {} partitions; the new total must be larger (at most {}), not {}", name,
                            entry.partitions, kMaxPartitions, total));
  if (commit == gateway::Commit::validate_only) return {};
  entry.partitions = static_cast<std::uint32_t>(total);
  RINGMAIN_TRY(catalogue_.put(entry));
  found->second.entry = std::move(entry);
  return {};
}

// The catalogue decides.
//   Death before it has the new settings: the old ones hold. After it: the new ones, which the next broker opens every
//   partition with, whichever of them this one had told.
Status Topics::alter(std::string_view name, const std::map<std::string, std::string>& overrides, gateway::Commit commit) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return unknown(name);
  Topic& topic = found->second;
  RINGMAIN_TRY(partition::check_alteration(topic.entry.overrides, overrides));
  RINGMAIN_TRY_ASSIGN(config, parsed(overrides));
  if (commit == gateway::Commit::validate_only || overrides == topic.entry.overrides) return {};
  CatalogueTopic entry = topic.entry;
  entry.overrides = overrides;
  RINGMAIN_TRY(catalogue_.put(entry));
  topic.entry = std::move(entry);
  for (auto& [index, partition] : topic.open) {
    on_alteration_(*partition, config);
    if (auto told = partition->configure(config); !told)  // the others are told all the same
      log_(fmt::format("partition {}: its memory keeps the old settings until the broker is started again: {}",
                       partition->name().text(), told.error().message));
    os::fault_point("topics.told_settings");
  }
  std::string text;
  for (const auto& [key, value] : overrides) text += fmt::format(" {}={}", key, value);
  log_(fmt::format("topic {} has other settings now:{}", name, text.empty() ? " all at their defaults" : text));
  return {};
}

Result<std::int64_t> Topics::trim(std::string_view name, std::int32_t index, std::optional<std::int64_t> offset) {
  RINGMAIN_TRY_ASSIGN(opened, partition(name, index));
  const Topic& topic = topics_.find(name)->second;
  RINGMAIN_TRY_ASSIGN(config, partition::parse_topic_config(topic.entry.overrides));
  if (!config.upkeep.deletes)
    return fail(ErrorCode::policy_violation,
                fmt::format("topic {} has cleanup.policy=compact, which keeps the newest record of each key: it is not trimmed", name));
  const std::uint64_t end = opened->end_offset();
  const std::uint64_t to = offset ? static_cast<std::uint64_t>(*offset) : end;
  if (to > end)
    return fail(ErrorCode::offset_out_of_range,
                fmt::format("partition {} ends at offset {}: it cannot start at {}", opened->name().text(), end, to));
  // Also what retention has passed already: its files may be there yet, and a death would bring them back.
  if (opened->is_on_disk()) {
    RINGMAIN_TRY_ASSIGN(trimmed_to, catalogue_.trimmed(topic.entry.id, static_cast<std::uint32_t>(index)));
    if (to > trimmed_to)
      RINGMAIN_TRY(catalogue_.set_trimmed(topic.entry.id, static_cast<std::uint32_t>(index), to));
  }
  if (to <= opened->start_offset()) return static_cast<std::int64_t>(opened->start_offset());
  opened->trim(to);
  log_(fmt::format("partition {} trimmed: it starts at offset {}", opened->name().text(), to));
  return static_cast<std::int64_t>(to);
}

std::vector<std::int64_t> Topics::log_bytes(std::string_view name) const {
  std::vector<std::int64_t> sizes;
  const auto found = topics_.find(name);
  if (found == topics_.end()) return sizes;
  const Topic& topic = found->second;
  for (std::uint32_t index = 0; index < topic.entry.partitions; ++index) {
    const auto open = topic.open.find(index);
    const std::uint64_t bytes = open != topic.open.end()
                                    ? open->second->log_bytes()
                                    : storage_.folder_bytes(storage_.owner(topic.entry.name, topic.entry.id, index));
    sizes.push_back(static_cast<std::int64_t>(bytes));
  }
  return sizes;
}

gateway::LogDirectory Topics::log_directory() const {
  gateway::LogDirectory directory{storage_.folder()};
  if (const auto found = os::file_system_of(storage_.folder())) {
    directory.total_bytes = static_cast<std::int64_t>(found->total_bytes);
    directory.usable_bytes = static_cast<std::int64_t>(found->free_bytes);
  }
  return directory;
}

Result<std::vector<gateway::ConfigEntry>> Topics::topic_configs(std::string_view name) const {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return unknown(name);
  std::vector<gateway::ConfigEntry> entries;
  for (const auto& line : partition::describe_topic_config(found->second.entry.overrides)) {
    gateway::ConfigEntry& entry = entries.emplace_back();
    entry.name = line.name;
    entry.value = line.value;
    entry.source = line.is_default ? gateway::ConfigSource::preset : gateway::ConfigSource::topic;
    entry.preset = line.preset;
    entry.type = line.kind == partition::ConfigKind::boolean  ? gateway::ConfigType::boolean
                 : line.kind == partition::ConfigKind::choice ? gateway::ConfigType::string
                 : line.kind == partition::ConfigKind::list   ? gateway::ConfigType::list
                 : line.kind == partition::ConfigKind::ratio  ? gateway::ConfigType::floating
                                                              : gateway::ConfigType::int64;
    entry.read_only = line.is_fixed;
    entry.documentation = line.documentation;
  }
  return entries;
}

std::vector<gateway::ConfigEntry> Topics::broker_configs() const { return describe_broker_config(broker_settings_); }

Result<partition::Partition*> Topics::open(Topic& topic, std::uint32_t index) {
  if (const auto found = topic.open.find(index); found != topic.open.end()) return found->second.get();
  RINGMAIN_TRY_ASSIGN(config, parsed(topic.entry.overrides));
  RINGMAIN_TRY_ASSIGN(trimmed_to, catalogue_.trimmed(topic.entry.id, index));
  RINGMAIN_TRY_ASSIGN(opened, partition::Partition::open(folder_, {topic.entry.name, topic.entry.id, index}, config,
                                                         fences_, doorbells_, log_, &storage_, trimmed_to));
  // A power cut took what was behind the start. Records that come now have these offsets, and are not trimmed.
  if (opened->is_on_disk() && opened->start_offset() < trimmed_to)
    RINGMAIN_TRY(catalogue_.set_trimmed(topic.entry.id, index, opened->start_offset()));
  return topic.open.emplace(index, std::move(opened)).first->second.get();
}

Result<partition::Partition*> Topics::partition(std::string_view name, std::int32_t index) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return unknown(name);
  if (index < 0 || static_cast<std::uint32_t>(index) >= found->second.entry.partitions)
    return fail(ErrorCode::unknown_topic_or_partition,
                fmt::format("topic {} has {} partition(s), there is no partition {}", name,
                            found->second.entry.partitions, index));
  return open(found->second, static_cast<std::uint32_t>(index));
}

partition::Partition* Topics::open_partition(const partition::TopicId& id, std::int32_t index) {
  for (auto& [name, topic] : topics_) {
    if (topic.entry.id != id) continue;
    const auto found = topic.open.find(static_cast<std::uint32_t>(index));
    return found == topic.open.end() ? nullptr : found->second.get();
  }
  return nullptr;
}

void Topics::for_each_open(const std::function<void(partition::Partition&)>& visit) {
  for (auto& [name, topic] : topics_)
    for (auto& [index, partition] : topic.open) visit(*partition);
}

}  // namespace ringmain::broker
