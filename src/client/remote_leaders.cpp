#include "client/remote_leaders.hpp"

#include <fmt/format.h>

#include "kafka/generated/metadata.hpp"

namespace ringmain::client {
namespace {

constexpr Versions kWithoutCreation{4, kafka::MetadataRequest::max_version};
constexpr std::int16_t kNotLeader = 6;

constexpr std::int16_t wire(ErrorCode code) {
  return static_cast<std::int16_t>(code);
}

}  // namespace

bool is_about_leader(std::int16_t error) noexcept {
  return error == kNotLeader || error == wire(ErrorCode::leader_not_available) ||
         error == wire(ErrorCode::fenced_leader_epoch) ||
         error == wire(ErrorCode::unknown_leader_epoch);
}

Error partition_error(std::int16_t error, const TopicPartition& partition,
                      const std::string& doing) {
  const auto code =
      error == kNotLeader ? ErrorCode::leader_not_available : static_cast<ErrorCode>(error);
  return {code, fmt::format("cannot {} partition {}-{}: {} (error {})", doing, partition.topic,
                            partition.partition, error_name(code), error)};
}

Result<To> RemoteLeaders::leader(const TopicPartition& partition) {
  for (const bool is_refreshed : {false, true}) {
    if (const auto id = known(partition)) return To::broker(*id);
    if (!is_refreshed) RINGMAIN_TRY(refresh(partition));
  }
  return fail(
      ErrorCode::unknown_topic_or_partition,
      fmt::format("there is no partition {} of topic {}", partition.partition, partition.topic));
}

std::optional<std::int32_t> RemoteLeaders::known(const TopicPartition& partition) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(partition);
  return found != known_.end() ? std::optional(found->second) : std::nullopt;
}

void RemoteLeaders::forget(const TopicPartition& partition) {
  const std::lock_guard lock(mutex_);
  known_.erase(partition);
}

Status RemoteLeaders::refresh(const TopicPartition& wanted) {
  const std::string& topic = wanted.topic;
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = topic;
  request.allow_auto_topic_creation = false;
  RINGMAIN_TRY_ASSIGN(said,
                      call_->ask<kafka::MetadataResponse>(request, To::any(), kWithoutCreation));
  bool has_leader = true;
  const std::lock_guard lock(mutex_);
  for (const auto& told : said.response.topics) {
    if (told.name != topic) continue;
    if (told.error_code == wire(ErrorCode::unknown_topic_or_partition))
      return fail(ErrorCode::unknown_topic_or_partition,
                  fmt::format("there is no topic {} (any more)", topic));
    if (told.error_code != 0)
      return fail(static_cast<ErrorCode>(told.error_code),
                  fmt::format("cannot find topic {}: {}", topic,
                              error_name(static_cast<ErrorCode>(told.error_code))));
    for (const auto& partition : told.partitions) {
      if (partition.leader_id >= 0)
        known_[{topic, partition.partition_index}] = partition.leader_id;
      else if (partition.partition_index == wanted.partition)
        has_leader = false;
    }
  }
  if (has_leader) return {};
  return fail(
      ErrorCode::leader_not_available,
      fmt::format("partition {}-{} has no leader at present", topic, wanted.partition));
}

}  // namespace ringmain::client
