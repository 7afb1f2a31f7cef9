// Offsets of partitions, through the public API.
#include "inspect/offsets.hpp"

#include <map>

namespace ringmain::tools {

std::vector<TopicPartition> partitions_of(const TopicDescription& topic) {
  std::vector<TopicPartition> partitions;
  partitions.reserve(static_cast<size_t>(topic.partitions));
  for (int32_t i = 0; i < topic.partitions; ++i) partitions.push_back({topic.name, i});
  return partitions;
}

std::vector<OffsetRange> offset_ranges(Consumer& consumer,
                                       const std::vector<TopicPartition>& partitions) {
  const auto starts = consumer.beginning_offsets(partitions);
  const auto ends = consumer.end_offsets(partitions);
  std::vector<OffsetRange> ranges;
  ranges.reserve(partitions.size());
  for (const TopicPartition& partition : partitions) {
    ranges.push_back({starts.at(partition), ends.at(partition)});
  }
  return ranges;
}

std::vector<OffsetRange> offset_ranges(Bus& bus, const std::vector<TopicPartition>& partitions) {
  if (!bus.directory().empty()) {
    Consumer consumer(bus);
    return offset_ranges(consumer, partitions);
  }
  std::map<TopicPartition, OffsetSpec> starts, ends;
  for (const TopicPartition& partition : partitions) {
    starts[partition] = OffsetSpec::earliest();
    ends[partition] = OffsetSpec::latest();
  }
  const auto first = bus.admin().list_offsets(starts);
  const auto last = bus.admin().list_offsets(ends);
  std::vector<OffsetRange> ranges;
  ranges.reserve(partitions.size());
  for (const TopicPartition& partition : partitions)
    ranges.push_back({first.at(partition).value_or(0), last.at(partition).value_or(0)});
  return ranges;
}

}  // namespace ringmain::tools
