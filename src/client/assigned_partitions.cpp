#include "client/assigned_partitions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringmain::client {

void AssignedPartitions::place_at_reset(AssignedPartition& partition) const {
  if (reset_ == Reset::none) return place_at_start(partition);
  reset(partition, "");
}

void AssignedPartitions::place_at_start(AssignedPartition& partition) const {
  partition.positioned = reset_ != Reset::none;
  partition.source->seek_start();
}

void AssignedPartitions::keep_only(const std::set<TopicPartition>& wanted) {
  std::erase_if(all_, [&](const AssignedPartition& one) {
    if (wanted.contains(one.source->partition())) return false;
    lost_before_ += one.source->lost();
    return true;
  });
}

std::vector<AssignedPartition> AssignedPartitions::take_all() {
  for (const AssignedPartition& one : all_) lost_before_ += one.source->lost();
  return std::exchange(all_, {});
}

AssignedPartition* AssignedPartitions::find(const TopicPartition& partition) {
  const auto found = std::ranges::find_if(
      all_, [&](const AssignedPartition& one) { return one.source->partition() == partition; });
  return found == all_.end() ? nullptr : &*found;
}

AssignedPartition& AssignedPartitions::at(const TopicPartition& partition) {
  if (AssignedPartition* found = find(partition)) return *found;
  throw Exception(
      {ErrorCode::invalid_state, fmt::format("partition {}-{} is not assigned to this consumer",
                                             partition.topic, partition.partition)});
}

std::vector<TopicPartition> AssignedPartitions::list() const {
  std::vector<TopicPartition> list;
  for (const AssignedPartition& one : all_) list.push_back(one.source->partition());
  return list;
}

std::vector<TopicPartition> AssignedPartitions::paused() const {
  std::vector<TopicPartition> list;
  for (const AssignedPartition& one : all_)
    if (one.paused) list.push_back(one.source->partition());
  return list;
}

void AssignedPartitions::seek(AssignedPartition& partition, std::int64_t offset) const {
  if (!partition.source->seek(offset)) reset(partition, fmt::format("offset {}", offset));
  partition.positioned = true;
}

void AssignedPartitions::begin(AssignedPartition& one) const {
  if (!one.positioned) reset(one, "a position");
  one.source->begin();
  one.began = true;
}

void AssignedPartitions::reset(AssignedPartition& partition, const std::string& wanted) const {
  if (reset_ == Reset::none)
    throw Exception({ErrorCode::offset_out_of_range,
                     fmt::format("{} of {}-{} is not in the log, and auto.offset.reset is none",
                                 wanted, partition.source->partition().topic,
                                 partition.source->partition().partition)});
  if (reset_ == Reset::earliest)
    partition.source->seek_start();
  else
    partition.source->seek_end();
}

void AssignedPartitions::settle(const std::atomic<std::uint32_t>&, std::uint32_t, os::Deadline) {}

void AssignedPartitions::gather(std::vector<ConsumerRecord>& records,
                                const std::function<void(const TopicPartition&)>& deleted) {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  const std::size_t first = turn_;
  if (!all_.empty()) turn_ = (turn_ + 1) % all_.size();
  try {
    gather_from(records, first);
  } catch (const Exception& thrown) {
    if (!records.empty() && records.back().topic.empty())
      records.pop_back();  // the one that fill() refused
    if (deleted && thrown.code() == ErrorCode::unknown_topic_or_partition) {
      if (!records.empty()) return;  // their views end with the next poll, which comes here again
      const TopicPartition gone = all_[at_].source->partition();
      lost_before_ += all_[at_].source->lost();
      all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(at_));
      return deleted(gone);
    }
    if (records.empty()) throw;
    failure_ = std::current_exception();
  }
}

std::uint64_t AssignedPartitions::lost() const {
  std::uint64_t sum = lost_before_;
  for (const AssignedPartition& one : all_) sum += one.source->lost();
  return sum;
}

}  // namespace ringmain::client
