// Gathers records into batches of Kafka's format, as linger.ms and batch.size ask.
//
//   add() --> the partition's open batch --it is full, or linger.ms old, or asked for--> taken
//
// Invariants: a partition has at most one open batch, and its batches are taken in the order in which they were
// opened. One thread at a time.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "client/gathered_batch.hpp"

namespace ringmain::client {

class Batcher {
 public:
  using Record = GatheredBatch::Record;
  struct Batch : GatheredBatch {
    TopicPartition partition;
    std::int64_t due_ns = 0;  // of the steady clock
  };

  // linger_ns: 0: a batch is due as soon as it has a record. batch_bytes: uncompressed; a larger record is a batch of
  // its own.
  Batcher(std::int64_t linger_ns, std::size_t batch_bytes)
      : linger_ns_(linger_ns), batch_bytes_(batch_bytes) {}

  // Throws Exception(invalid_record): headers that no record can have.
  void add(std::int32_t partition, const ProducerRecord& record, const DeliveryCallback& callback);

  // The oldest batch that is full, or was due by then; and then the next.
  std::optional<Batch> take_due(std::int64_t now_ns);
  // Of one partition, due or not.
  std::optional<Batch> take(const TopicPartition& partition);
  // Of any.
  std::optional<Batch> take();
  // When a batch is due, if nothing is added.
  std::optional<std::int64_t> next_due_ns() const;

 private:
  using Batches = std::list<Batch>;

  Batches::iterator open_batch(const TopicPartition& partition);
  void close(Batches::iterator batch);
  static Batch take_first(Batches& from, Batches::iterator batch);

  const std::int64_t linger_ns_;
  const std::size_t batch_bytes_;
  Batches full_;  // the oldest first
  Batches open_;  // likewise, so by when they are due
  std::map<TopicPartition, Batches::iterator> by_partition_;  // the open ones
};

}  // namespace ringmain::client
