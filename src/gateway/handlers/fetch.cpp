// Fetch: record batches from many partitions, as soon as there are enough. No sessions: each
// request names all that it wants.
#include "kafka/generated/fetch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/handlers/records.hpp"
#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

using kafka::FetchRequest;
using kafka::FetchResponse;

constexpr size_t partitions_max = 100'000;
constexpr int32_t no_epoch = -1;

Status check(const std::string& topic, const FetchRequest::Partition& wanted,
             const RequestContext& context) {
  if (!context.may(Operation::read, Resource::topic(topic)))
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("not allowed to read topic {}", printable(topic)));
  if (wanted.current_leader_epoch > only_leader_epoch)
    return fail(ErrorCode::unknown_leader_epoch, "there has been no such leader epoch yet");
  if (wanted.current_leader_epoch < no_epoch)
    return fail(ErrorCode::fenced_leader_epoch, "a negative leader epoch");
  return {};
}

class Answer {
 public:
  Answer(const FetchRequest& request, const RequestContext& context) {
    for (const auto& topic : request.topics) {
      auto& topic_answer = response_.responses.emplace_back();
      topic_answer.topic = topic.topic;
      for (const auto& part : topic.partitions) {
        auto& answer = topic_answer.partitions.emplace_back();
        answer.partition_index = part.partition;
        answer.records.emplace();
        if (const Status checked = check(topic.topic, part, context)) {
          wanted_.push_back(
              {topic.topic, part.partition, part.fetch_offset, part.partition_max_bytes});
          places_.emplace_back(response_.responses.size() - 1, topic_answer.partitions.size() - 1);
        } else {
          has_error_ = true;
          set_error(answer, FetchResponse::api_key, checked.error());
        }
      }
    }
  }

  std::vector<WantedRecords> take_wanted() { return std::move(wanted_); }
  bool has_error() const { return has_error_; }

  Result<net::Reply> reply(std::vector<FetchedRecords> results,
                           const kafka::RequestHeader& header) {
    for (size_t i = 0; i < results.size(); ++i) {
      auto& answer = response_.responses[places_[i].first].partitions[places_[i].second];
      FetchedRecords& result = results[i];
      if (result.error) set_error(answer, FetchResponse::api_key, *result.error);
      answer.high_watermark = answer.last_stable_offset = result.high_watermark;
      answer.log_start_offset = result.log_start_offset;
      answer.records = std::move(result.records);
    }
    RINGMAIN_TRY_ASSIGN(frame, kafka::cut_response_frame(response_, header));
    net::Reply reply{std::move(frame.bytes)};
    for (const kafka::Cut& cut : frame.cuts) reply.borrowed.push_back({cut.at, cut.bytes});
    return reply;
  }

 private:
  FetchResponse response_;
  std::vector<WantedRecords> wanted_;
  std::vector<std::pair<size_t, size_t>> places_;  // of each one's answer: topic, partition
  bool has_error_ = false;
};

// Clients that hear of no session go on without one.
Result<net::Reply> refuse_session(const kafka::RequestHeader& header) {
  FetchResponse response;
  response.error_code = static_cast<int16_t>(ErrorCode::fetch_session_id_not_found);
  RINGMAIN_TRY_ASSIGN(frame, kafka::response_frame(response, header));
  return net::Reply{std::move(frame)};
}

}  // namespace

Result<net::Reply> fetch(kafka::Reader& body, const kafka::RequestHeader& header,
                         RequestContext& context) {
  body.limit_items(partitions_max);
  RINGMAIN_TRY_ASSIGN(request, FetchRequest::decode(body, header.api_version));
  if (request.session_id != 0) return refuse_session(header);
  const auto answer = std::make_shared<Answer>(request, context);
  const auto room = static_cast<int64_t>(context.connection.room_for_reply());
  FetchOptions options{context.connection.id(), std::max(request.max_wait_ms, 0), request.min_bytes,
                       static_cast<int32_t>(std::min<int64_t>(request.max_bytes, room))};
  if (answer->has_error()) options.max_wait_ms = 0;  // bad news does not wait
  // Deferred from the beginning, so that records can go from where they lie.
  const auto deferred = std::make_shared<net::DeferredReply>(context.connection.defer());
  context.services.records.fetch(answer->take_wanted(), options,
                                 [deferred, answer, header](std::vector<FetchedRecords> results) {
                                   auto reply = answer->reply(std::move(results), header);
                                   net::Reply none;
                                   none.close = true;
                                   deferred->send(reply ? std::move(*reply) : std::move(none));
                                 });
  return net::Reply{};
}

}  // namespace ringmain::gateway
