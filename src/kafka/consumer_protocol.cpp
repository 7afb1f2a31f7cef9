// Subscriptions and assignments: a version, then fields in the classic encoding. Later versions
// only add fields at the end, so a reader takes what it knows and leaves the rest.
#include "kafka/consumer_protocol.hpp"

#include <fmt/format.h>

#include <utility>

#include "kafka/reader.hpp"
#include "kafka/writer.hpp"

namespace ringmain::kafka {
namespace {

constexpr auto kClassic = Encoding::classic;
constexpr int16_t kSubscriptionVersion = 3;
constexpr int16_t kAssignmentVersion = 1;

void write_partitions(Writer& out, const std::vector<TopicPartitions>& topics) {
  out.array(topics, kClassic, [&](const TopicPartitions& topic) {
    out.string(topic.topic, kClassic);
    out.array(topic.partitions, kClassic, [&](int32_t partition) { out.int32(partition); });
  });
}

std::vector<TopicPartitions> read_partitions(Reader& in, Field field) {
  constexpr size_t kMinTopicBytes = 2 + 4;
  return in.array<TopicPartitions>(field, kClassic, kMinTopicBytes, [&] {
    TopicPartitions topic;
    topic.topic = in.string(field, kClassic);
    topic.partitions = in.array<int32_t>(field, kClassic, 4, [&] { return in.int32(field); });
    return topic;
  });
}

Result<int16_t> read_version(Reader& in, Field field) {
  const int16_t version = in.int16(field);
  RINGMAIN_TRY(in.status());
  if (version < 0)
    return fail(ErrorCode::invalid_request, fmt::format("{} is {}, below 0", field, version));
  return version;
}

}  // namespace

Result<Bytes> encode(const ConsumerSubscription& subscription) {
  Writer out;
  out.int16(kSubscriptionVersion);
  out.array(subscription.topics, kClassic,
            [&](const std::string& topic) { out.string(topic, kClassic); });
  out.nullable_bytes(subscription.user_data, kClassic, Null::allowed);
  write_partitions(out, subscription.owned);
  out.int32(subscription.generation);
  out.nullable_string(subscription.rack, kClassic, Null::allowed);
  return std::move(out).take();
}

Result<Bytes> encode(const ConsumerAssignment& assignment) {
  Writer out;
  out.int16(kAssignmentVersion);
  write_partitions(out, assignment.partitions);
  out.nullable_bytes(assignment.user_data, kClassic, Null::allowed);
  return std::move(out).take();
}

Result<ConsumerSubscription> decode_subscription(std::span<const std::byte> bytes) {
  Reader in(bytes);
  RINGMAIN_TRY_ASSIGN(version, read_version(in, "Subscription.version"));
  ConsumerSubscription out;
  out.topics = in.array<std::string>("Subscription.topics", kClassic, 2,
                                     [&] { return in.string("Subscription.topics", kClassic); });
  out.user_data = in.nullable_bytes("Subscription.user_data", kClassic, Null::allowed);
  if (version >= 1) out.owned = read_partitions(in, "Subscription.owned_partitions");
  if (version >= 2) out.generation = in.int32("Subscription.generation_id");
  if (version >= 3) out.rack = in.nullable_string("Subscription.rack_id", kClassic, Null::allowed);
  RINGMAIN_TRY(in.status());
  return out;
}

Result<ConsumerAssignment> decode_assignment(std::span<const std::byte> bytes) {
  Reader in(bytes);
  RINGMAIN_TRY(read_version(in, "Assignment.version"));
  ConsumerAssignment out;
  out.partitions = read_partitions(in, "Assignment.assigned_partitions");
  out.user_data = in.nullable_bytes("Assignment.user_data", kClassic, Null::allowed);
  RINGMAIN_TRY(in.status());
  return out;
}

}  // namespace ringmain::kafka
