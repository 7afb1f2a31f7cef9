// Puts one gathered batch into a partition's log, whole or, where the topic wants that, in parts, and
// tells what becomes of each record. One thread at a time.
#pragma once

#include <optional>
#include <vector>

#include "client/batcher.hpp"
#include "client/deliveries.hpp"
#include "kafka/compression.hpp"

namespace ringmain::client {

class BatchAppender {
 public:
  // `deliveries`, which is told, outlives this.
  BatchAppender(Batcher::Batch batch, kafka::Compression codec, Deliveries& deliveries);

  const TopicPartition& partition() const noexcept { return batch_.partition; }

  // Appends what was not told of yet, and gives the last record's place. A record that is too large
  // alone is refused, and those behind it are not. Throws as Appender does, and if the last record is
  // refused. May be called again after that, with a lane of the topic that was made in this one's place.
  Sent append_to(Lane& lane);
  // Of all that was not told of yet.
  void refuse_rest(const Error& error);

 private:
  using Records = std::vector<GatheredBatch::Record>;

  Sent append_whole(Lane& lane);
  Sent append_parts(Lane& lane);
  Sent append_singly(Lane& lane);
  kafka::Bytes packed(const Lane& lane, const kafka::Bytes& plain) const;
  Sent append_bytes(Lane& lane, const kafka::Bytes& bytes, const Records& records);
  template <class Append>
  void append_or_refuse(const GatheredBatch::Record& record, const Append& append);
  template <class Use>
  void each_untold(const Use& use);
  Sent tell(Lane& lane, std::int64_t offset, const GatheredBatch::Record& record);

  Batcher::Batch batch_;
  const kafka::Bytes plain_;  // its bytes, not compressed
  const kafka::Compression codec_;
  Deliveries& deliveries_;
  std::size_t told_ = 0;         // records, from the first on
  std::optional<Error> refusal_;  // of the last of them
};

}  // namespace ringmain::client
