#include "client/batch_appender.hpp"

#include <utility>

#include "kafka/record_batch.hpp"

namespace ringmain::client {

BatchAppender::BatchAppender(Batcher::Batch batch, kafka::Compression codec, Deliveries& deliveries)
    : batch_(std::move(batch)), plain_(batch_.builder.finish()), codec_(codec), deliveries_(deliveries) {}

Sent BatchAppender::append_to(Lane& lane) {
  refusal_.reset();
  const Sent sent = lane.is_compacted ? append_singly(lane) : append_whole(lane);
  if (refusal_) throw Exception(*refusal_);
  return sent;
}

void BatchAppender::refuse_rest(const Error& error) {
  for (; told_ < batch_.records.size(); ++told_) deliveries_.done({}, batch_.records[told_].callback, error);
}

Sent BatchAppender::append_whole(Lane& lane) {
  if (told_ > 0) return append_parts(lane);
  const kafka::Bytes bytes = packed(lane, plain_);
  const bool may_be_cut = batch_.records.size() > 1;
  if (may_be_cut && bytes.size() > lane.appender.max_record_bytes()) return append_parts(lane);
  return append_bytes(lane, bytes, batch_.records);
}

// In batches that the topic takes.
Sent BatchAppender::append_parts(Lane& lane) {
  Sent sent;
  GatheredBatch part;
  const auto append_part = [&] {
    const kafka::Bytes bytes = packed(lane, part.builder.finish());
    const Records records = std::exchange(part.records, {});
    const auto append = [&] { sent = append_bytes(lane, bytes, records); };
    if (records.size() == 1) return append_or_refuse(records.front(), append);
    refusal_.reset();
    append();
  };
  each_untold([&](const ProducerRecord& record, const GatheredBatch::Record& own) {
    const std::size_t with_it = part.builder.size_bytes() + GatheredBatch::most_bytes_of(record);
    if (!part.records.empty() && with_it > lane.appender.max_record_bytes()) append_part();
    part.add(record, own.callback);
  });
  if (!part.records.empty()) append_part();
  return sent;
}

// Of a topic that is compacted, record by record: compaction takes them one by one.
Sent BatchAppender::append_singly(Lane& lane) {
  Sent sent;
  each_untold([&](const ProducerRecord& record, const GatheredBatch::Record& own) {
    append_or_refuse(own, [&] { sent = tell(lane, lane.appender.append(record), own); });
  });
  return sent;
}

// Compressed, but for what the topic takes only as it is.
kafka::Bytes BatchAppender::packed(const Lane& lane, const kafka::Bytes& plain) const {
  auto bytes = kafka::compressed(plain, codec_);
  if (!bytes) throw Exception(bytes.error());
  return bytes->size() > lane.appender.max_record_bytes() ? plain : std::move(*bytes);
}

Sent BatchAppender::append_bytes(Lane& lane, const kafka::Bytes& bytes, const Records& records) {
  std::int64_t offset = lane.append_batch(bytes, static_cast<std::uint32_t>(records.size()));
  Sent sent;
  for (const auto& record : records) sent = tell(lane, offset++, record);
  return sent;
}

template <class Append>
void BatchAppender::append_or_refuse(const GatheredBatch::Record& record, const Append& append) {
  refusal_.reset();
  try {
    append();
  } catch (const Exception& error) {
    if (error.code() != ErrorCode::message_too_large) throw;
    refusal_ = Error{error.code(), error.what()};
    deliveries_.done({}, record.callback, *refusal_);
    ++told_;
  }
}

// Calls use(record, its entry in the batch), in order. `use` may tell of them, then or later.
template <class Use>
void BatchAppender::each_untold(const Use& use) {
  const auto parsed = kafka::RecordBatch::parse(plain_, kafka::CheckCrc::no);
  if (!parsed) throw Exception(parsed.error());
  const std::size_t from = told_;
  kafka::RecordWalk walk(*parsed, parsed->payload());
  for (std::size_t index = 0; walk.next(); ++index) {
    if (index < from) continue;
    const GatheredBatch::Record& own = batch_.records[index];
    const kafka::BatchRecord& record = walk.record();
    std::vector<Header> headers;
    for (kafka::HeaderWalk each(record); each.next();) headers.push_back({each.header().key, each.header().value});
    const ProducerRecord again{.topic = batch_.partition.topic,
                               .key = record.key,
                               .value = record.value,
                               .timestamp_ns = own.timestamp_ns,
                               .headers = headers};
    use(again, own);
  }
  if (const Status status = walk.status(); !status) throw Exception(status.error());
}

Sent BatchAppender::tell(Lane& lane, std::int64_t offset, const GatheredBatch::Record& record) {
  const RecordMetadata metadata{lane.appender.partition().partition, offset, record.timestamp_ns};
  ++told_;
  if (lane.waits_for_disk)
    deliveries_.expect(lane, metadata, record.callback);
  else
    deliveries_.done(metadata, record.callback, std::nullopt);
  return {&lane, metadata};
}

}  // namespace ringmain::client
