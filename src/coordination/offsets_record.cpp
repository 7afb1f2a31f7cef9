// Writes and reads the records of __consumer_offsets: a version, then the fields, in the
// protocol's classic encoding.
#include "coordination/offsets_record.hpp"

#include <fmt/format.h>

#include <utility>

#include "kafka/reader.hpp"
#include "kafka/writer.hpp"

namespace ringmain::coordination {
namespace {

using kafka::Encoding;
using kafka::Null;
using kafka::Reader;
using kafka::Writer;

constexpr auto kClassic = Encoding::classic;

constexpr int16_t kOldOffsetKey = 0;  // written by brokers up to 0.8, the same bytes
constexpr int16_t kOffsetKey = 1;
constexpr int16_t kGroupKey = 2;
constexpr int16_t kOffsetValueExpiring = 1;  // the only version with an expiry
constexpr int16_t kOffsetValue = 3;
constexpr int16_t kGroupValue = 3;

void write_key(Writer& out, const OffsetKey& key) {
  out.int16(kOffsetKey);
  out.string(key.group, kClassic);
  out.string(key.partition.topic, kClassic);
  out.int32(key.partition.partition);
}

void write_key(Writer& out, const GroupKey& key) {
  out.int16(kGroupKey);
  out.string(key.group, kClassic);
}

void write_value(Writer& out, const CommittedOffset& value) {
  out.int16(value.expires_ms ? kOffsetValueExpiring : kOffsetValue);
  out.int64(value.offset);
  if (!value.expires_ms) out.int32(value.leader_epoch);
  out.string(value.metadata, kClassic);
  out.int64(value.commit_ms);
  if (value.expires_ms) out.int64(*value.expires_ms);
}

void write_value(Writer& out, const GroupMetadata& value) {
  out.int16(kGroupValue);
  out.string(value.protocol_type, kClassic);
  out.int32(value.generation);
  out.nullable_string(value.protocol, kClassic, Null::allowed);
  out.nullable_string(value.leader, kClassic, Null::allowed);
  out.int64(value.state_since_ms);
  out.array(value.members, kClassic, [&](const GroupMetadata::Member& member) {
    out.string(member.member, kClassic);
    out.nullable_string(member.instance, kClassic, Null::allowed);
    out.string(member.client_id, kClassic);
    out.string(member.client_host, kClassic);
    out.int32(member.rebalance_timeout_ms);
    out.int32(member.session_timeout_ms);
    out.bytes(member.subscription, kClassic);
    out.bytes(member.assignment, kClassic);
  });
}

tl::unexpected<Error> unknown_value(const char* what, int16_t version) {
  return fail(ErrorCode::unsupported_version,
              fmt::format("{}: the value has version {}, of a newer Kafka", what, version));
}

Result<CommittedOffset> read_offset(const Bytes& bytes) {
  Reader in(bytes);
  const int16_t version = in.int16("OffsetValue.version");
  RINGMAIN_TRY(in.status());
  if (version < 0 || version > kOffsetValue) return unknown_value("OffsetValue", version);
  CommittedOffset out;
  out.offset = in.int64("OffsetValue.offset");
  if (version == 3) out.leader_epoch = in.int32("OffsetValue.leader_epoch");
  out.metadata = in.string("OffsetValue.metadata", kClassic);
  out.commit_ms = in.int64("OffsetValue.commit_timestamp");
  if (version == kOffsetValueExpiring) {
    const int64_t expires_ms = in.int64("OffsetValue.expire_timestamp");
    if (expires_ms != -1) out.expires_ms = expires_ms;
  }
  RINGMAIN_TRY(in.finish("OffsetValue"));
  return out;
}

GroupMetadata::Member read_member(Reader& in, int16_t version) {
  GroupMetadata::Member out;
  out.member = in.string("GroupMetadataValue.member_id", kClassic);
  if (version >= 3) {
    out.instance =
        in.nullable_string("GroupMetadataValue.group_instance_id", kClassic, Null::allowed);
  }
  out.client_id = in.string("GroupMetadataValue.client_id", kClassic);
  out.client_host = in.string("GroupMetadataValue.client_host", kClassic);
  if (version >= 1) out.rebalance_timeout_ms = in.int32("GroupMetadataValue.rebalance_timeout");
  out.session_timeout_ms = in.int32("GroupMetadataValue.session_timeout");
  if (version == 0) out.rebalance_timeout_ms = out.session_timeout_ms;
  out.subscription = in.bytes("GroupMetadataValue.subscription", kClassic);
  out.assignment = in.bytes("GroupMetadataValue.assignment", kClassic);
  return out;
}

Result<GroupMetadata> read_group(const Bytes& bytes) {
  constexpr size_t kMinMemberBytes = 2 + 2 + 2 + 4 + 4 + 4;  // version 0, all empty
  Reader in(bytes);
  const int16_t version = in.int16("GroupMetadataValue.version");
  RINGMAIN_TRY(in.status());
  if (version < 0 || version > kGroupValue) return unknown_value("GroupMetadataValue", version);
  GroupMetadata out;
  out.protocol_type = in.string("GroupMetadataValue.protocol_type", kClassic);
  out.generation = in.int32("GroupMetadataValue.generation");
  out.protocol = in.nullable_string("GroupMetadataValue.protocol", kClassic, Null::allowed);
  out.leader = in.nullable_string("GroupMetadataValue.leader", kClassic, Null::allowed);
  if (version >= 2) out.state_since_ms = in.int64("GroupMetadataValue.current_state_timestamp");
  out.members =
      in.array<GroupMetadata::Member>("GroupMetadataValue.members", kClassic, kMinMemberBytes,
                                      [&] { return read_member(in, version); });
  RINGMAIN_TRY(in.finish("GroupMetadataValue"));
  return out;
}

template <class Key>
Result<Record> encode_change(const Key& key, const auto& value) {
  Writer key_out;
  write_key(key_out, key);
  RINGMAIN_TRY_ASSIGN(key_bytes, std::move(key_out).take());
  Record record{std::move(key_bytes), std::nullopt};
  if (value) {
    Writer value_out;
    write_value(value_out, *value);
    RINGMAIN_TRY_ASSIGN(value_bytes, std::move(value_out).take());
    record.value = std::move(value_bytes);
  }
  return record;
}

}  // namespace

Result<Record> encode(const Change& change) {
  return std::visit([](const auto& one) { return encode_change(one.key, one.value); }, change);
}

Result<std::optional<Change>> decode(const Record& record) {
  Reader in(record.key);
  const int16_t version = in.int16("Key.version");
  RINGMAIN_TRY(in.status());
  if (version == kOldOffsetKey || version == kOffsetKey) {
    OffsetChange change;
    change.key.group = in.string("OffsetKey.group", kClassic);
    change.key.partition.topic = in.string("OffsetKey.topic", kClassic);
    change.key.partition.partition = in.int32("OffsetKey.partition");
    RINGMAIN_TRY(in.finish("OffsetKey"));
    if (record.value) {
      RINGMAIN_TRY_ASSIGN(value, read_offset(*record.value));
      change.value = std::move(value);
    }
    return Change{std::move(change)};
  }
  if (version == kGroupKey) {
    GroupChange change;
    change.key.group = in.string("GroupMetadataKey.group", kClassic);
    RINGMAIN_TRY(in.finish("GroupMetadataKey"));
    if (record.value) {
      RINGMAIN_TRY_ASSIGN(value, read_group(*record.value));
      change.value = std::move(value);
    }
    return Change{std::move(change)};
  }
  return std::nullopt;
}

}  // namespace ringmain::coordination
