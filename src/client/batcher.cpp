#include "client/batcher.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "format/tail_word.hpp"

namespace ringmain::client {

void Batcher::add(std::int32_t partition, const ProducerRecord& record,
                  const DeliveryCallback& callback) {
  Batch::check(record);
  const TopicPartition to{std::string(record.topic), partition};
  auto batch = open_batch(to);
  const bool is_full = !batch->records.empty() &&
                       batch->builder.size_bytes() + Batch::most_bytes_of(record) > batch_bytes_;
  if (is_full) {
    close(batch);
    batch = open_batch(to);
  }
  batch->add(record, callback);
  if (batch->builder.size_bytes() >= batch_bytes_ ||
      batch->records.size() >= format::kMaxClaimRecords)
    close(batch);
}

Batcher::Batches::iterator Batcher::open_batch(const TopicPartition& partition) {
  const auto found = by_partition_.find(partition);
  if (found != by_partition_.end()) return found->second;
  const auto opened = open_.emplace(open_.end());
  opened->partition = partition;
  opened->due_ns = now_steady_ns() + linger_ns_;
  by_partition_[partition] = opened;
  return opened;
}

void Batcher::close(Batches::iterator batch) {
  by_partition_.erase(batch->partition);
  full_.splice(full_.end(), open_, batch);
}

Batcher::Batch Batcher::take_first(Batches& from, Batches::iterator batch) {
  Batch taken = std::move(*batch);
  from.erase(batch);
  return taken;
}

std::optional<Batcher::Batch> Batcher::take_due(std::int64_t now_ns) {
  if (!full_.empty()) return take_first(full_, full_.begin());
  if (open_.empty() || open_.front().due_ns > now_ns) return std::nullopt;
  return take();
}

std::optional<Batcher::Batch> Batcher::take(const TopicPartition& partition) {
  const auto full = std::find_if(full_.begin(), full_.end(), [&](const Batch& batch) {
    return batch.partition == partition;
  });
  if (full != full_.end()) return take_first(full_, full);
  const auto open = by_partition_.find(partition);
  if (open == by_partition_.end()) return std::nullopt;
  const auto batch = open->second;
  by_partition_.erase(open);
  return take_first(open_, batch);
}

std::optional<Batcher::Batch> Batcher::take() {
  if (!full_.empty()) return take_first(full_, full_.begin());
  if (open_.empty()) return std::nullopt;
  by_partition_.erase(open_.front().partition);
  return take_first(open_, open_.begin());
}

std::optional<std::int64_t> Batcher::next_due_ns() const {
  if (!full_.empty()) return 0;
  if (open_.empty()) return std::nullopt;
  return open_.front().due_ns;
}

}  // namespace ringmain::client
