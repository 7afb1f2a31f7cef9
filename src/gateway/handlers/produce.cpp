// Produce: checks each batch, hands it to its log, answers when the acknowledgement says so.
#include "kafka/generated/produce.hpp"

#include <fmt/format.h>

#include "gateway/handlers/later.hpp"
#include "gateway/handlers/records.hpp"
#include "gateway/printable.hpp"
#include "gateway/topic_name.hpp"

namespace ringmain::gateway {
namespace {

using kafka::CheckCrc;
using kafka::Compression;
using kafka::ProduceRequest;
using kafka::ProduceResponse;
using kafka::RecordBatch;

// From 3 on a partition's records are one batch of format 2; before, message sets of formats 0
// and 1.
constexpr int16_t first_with_batches = 3;
constexpr int16_t first_with_zstd = 7;
// Decoded, a partition takes many times its bytes on the wire; no client has so many.
constexpr size_t partitions_max = 100'000;

// Of what a client sent: exactly one whole batch of its own records.
Result<RecordBatch> check_batch(std::span<const std::byte> bytes, int16_t api_version) {
  if (api_version < first_with_batches)
    return fail(ErrorCode::unsupported_for_message_format,
                "records in message formats 0 and 1 are not taken: use a client that writes format "
                "2 (Kafka 0.11 and later)");
  if (bytes.empty()) return fail(ErrorCode::invalid_record, "a partition without a record batch");
  RINGMAIN_TRY_ASSIGN(batch, RecordBatch::parse(bytes, CheckCrc::yes));
  const kafka::BatchHeader& header = batch.header();
  if (batch.bytes().size() != bytes.size())
    return fail(ErrorCode::invalid_record,
                fmt::format("a partition takes one record batch; {} bytes follow it",
                            bytes.size() - batch.bytes().size()));
  if (header.record_count == 0 ||
      static_cast<uint32_t>(header.record_count) != header.offset_count())
    return fail(ErrorCode::invalid_record,
                fmt::format("a record batch of {} records with offsets for {}", header.record_count,
                            header.offset_count()));
  if (header.is_control())
    return fail(ErrorCode::invalid_record, "clients do not write control batches");
  if (header.is_transactional())
    return fail(ErrorCode::invalid_record, "transactions are not served");
  if (header.compression() == Compression::zstd && api_version < first_with_zstd)
    return fail(ErrorCode::unsupported_compression_type, "zstd needs Produce version 7 or later");
  // What is compressed is the reader's to unpack: its checksum says that it is what the client
  // sent.
  if (header.compression() == Compression::none) {
    kafka::RecordWalk walk(batch, batch.payload());
    while (walk.next()) continue;  // a record a turn
    RINGMAIN_TRY(walk.status());
  }
  return batch;
}

Result<RecordBatch> check(const ProduceRequest& request, const std::string& topic,
                          const ProduceRequest::Partition& part, const RequestContext& context) {
  if (request.acks < -1 || request.acks > 1)
    return fail(ErrorCode::invalid_required_acks,
                fmt::format("acks={}: 0, 1 and -1 (all) are known", request.acks));
  if (request.transactional_id)
    return fail(ErrorCode::invalid_request, "transactions are not served");
  if (!context.may(Operation::write, Resource::topic(topic)))
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("not allowed to write to topic {}", printable(topic)));
  RINGMAIN_TRY(check_client_may_write(topic));
  const auto bytes = part.records ? part.records->whole() : kafka::Records::Piece{};
  return check_batch(bytes, context.api_version);
}

// A request's answer while its batches are on their way.
class Answer {
 public:
  // Goes through the request; what is refused is answered for already.
  Answer(const ProduceRequest& request, const RequestContext& context) {
    for (const auto& topic : request.topic_data) {
      auto& topic_answer = response_.responses.emplace_back();
      topic_answer.name = topic.name;
      for (const auto& part : topic.partition_data) {
        auto& answer = topic_answer.partition_responses.emplace_back();
        answer.index = part.index;
        if (const auto batch = check(request, topic.name, part, context)) {
          batches_.push_back({topic.name, part.index, batch->header(), batch->bytes()});
          places_.emplace_back(response_.responses.size() - 1,
                               topic_answer.partition_responses.size() - 1);
        } else {
          refuse(answer, batch.error());
        }
      }
    }
  }

  std::vector<NewBatch> take_batches() { return std::move(batches_); }

  void fill(const std::vector<Appended>& results) {
    for (size_t i = 0; i < results.size(); ++i) {
      auto& answer = response_.responses[places_[i].first].partition_responses[places_[i].second];
      const Appended& result = results[i];
      if (result.error) {
        refuse(answer, *result.error);
      } else {
        answer.base_offset = result.base_offset;
        answer.log_append_time_ms = result.log_append_time_ms;
      }
      answer.log_start_offset = result.log_start_offset;
    }
  }

  const ProduceResponse& response() const { return response_; }
  // The first sentence, for a log line.
  const std::optional<std::string>& trouble() const { return trouble_; }

 private:
  void refuse(ProduceResponse::PartitionResponse& answer, const Error& error) {
    set_error(answer, ProduceResponse::api_key, error);
    if (!trouble_) trouble_ = error.message;
  }

  ProduceResponse response_;
  std::vector<NewBatch> batches_;
  std::vector<std::pair<size_t, size_t>> places_;  // of each batch's answer: topic, partition
  std::optional<std::string> trouble_;
};

net::Reply reply_to(const Answer& answer, const kafka::RequestHeader& header, Acks acks) {
  if (acks == Acks::none) {  // nobody waits for an answer: that the connection ends is how a client
                             // learns of an error
    net::Reply silence;
    silence.close = answer.trouble().has_value();
    return silence;
  }
  auto frame = kafka::response_frame(answer.response(), header);
  net::Reply reply;
  reply.close = !frame;  // not expressible: a topic's name as long as no request can have
  if (frame) reply.bytes = std::move(*frame);
  return reply;
}

}  // namespace

Result<net::Reply> produce(kafka::Reader& body, const kafka::RequestHeader& header,
                           RequestContext& context) {
  body.limit_items(partitions_max);
  RINGMAIN_TRY_ASSIGN(request, ProduceRequest::decode(body, header.api_version));
  const auto acks = static_cast<Acks>(request.acks);
  const auto answer = std::make_shared<Answer>(request, context);
  auto batches = answer->take_batches();
  if (batches.empty()) return reply_to(*answer, header, acks);
  const Later later;
  context.services.records.append(
      std::move(batches), {context.connection.id(), acks, request.timeout_ms},
      [later, answer, header, acks](const std::vector<Appended>& results) {
        answer->fill(results);
        later.send(reply_to(*answer, header, acks));
      });
  return later.wait(context.connection);
}

}  // namespace ringmain::gateway
