// The fast path into one partition: claim, write in place, publish, wake who sleeps.
#include "ringmain/appender.hpp"

#include <cstring>
#include <variant>

#include <fmt/format.h>

#include "client/attachment.hpp"
#include "client/bus_impl.hpp"
#include "client/durable_wait.hpp"
#include "client/header_codec.hpp"
#include "client/record_clock.hpp"
#include "format/record_body.hpp"
#include "kafka/record_batch.hpp"
#include "log/exclusive_appender.hpp"
#include "log/shared_appender.hpp"
#include "log/waker.hpp"
#include "os/cpu.hpp"
#include "os/deadline.hpp"

namespace ringmain {
namespace {

using log::ClaimOutcome;
using Writer = log::FrameWriter<log::SharedMemory>;

constexpr std::int64_t kLookAgainNs = 50'000'000;  // while waiting for memory, in case a bell is lost
constexpr std::int64_t kStalledPauseNs = 50'000;
constexpr std::int64_t kLongestBlockMs = INT64_MAX / 2'000'000;  // in ns, and added to a time, it still fits
// Records further apart than this are no stream. A stream that hands over by mistake stays below
// it (90 ns for two lines, 220 ns for seventeen), and so falls back into being one.
constexpr std::int64_t kSparseNs = 150;
constexpr std::int64_t kSparseNsPerLine = 10;
constexpr std::uint32_t kHandOverMost = 4096;
constexpr std::int32_t kLeaderEpoch = 0;  // of batches; one broker: it leads since the beginning
constexpr std::uint32_t kOwnAheadBytes = 4096;  // in a stream: some 100 ns away, and within the nearest cache

}  // namespace

class Appender::Impl {
 public:
  Impl(std::shared_ptr<client::BusConnection> bus, const TopicPartition& partition, const AppenderOptions& options)
      : options_(options), attachment_(std::move(bus), partition, client::Role::producer),
        waker_(attachment_.view()), durable_(attachment_.view()), exclusive_(attachment_.view().geometry().single_producer),
        shared_appender_(attachment_.view(), attachment_.line(), attachment_),
        exclusive_appender_(attachment_.view(), attachment_.line(), attachment_) {}

  ~Impl() {
    if (open_) abort();
    if (shared_appender_.holds_pending_claim()) shared_appender_.abandon();
  }

  std::int64_t append(Bytes value) {
    reserve(format::kFrameHeaderBytes + value.size(), 1);
    return publish_value(value);
  }

  std::optional<std::int64_t> try_append(Bytes value) {
    if (!try_reserve(format::kFrameHeaderBytes + value.size(), 1)) return std::nullopt;
    return publish_value(value);
  }

  std::int64_t append(const ProducerRecord& record) {
    const std::string headers = client::encode_headers(record.headers);
    const format::RecordParts parts{record.key, record.value, headers};
    const std::uint64_t size = format::kFrameHeaderBytes + parts.body_bytes();
    reserve(size, 1);
    const std::int64_t stamp = record.timestamp_ns == kTimestampNow ? clock_.now_ns() : record.timestamp_ns;
    own_lines(claim_.at, claim_.bytes);
    Writer::write_fields(claim_.at, {claim_.offset, stamp, format::FrameType::record, parts.flags(), owner()});
    format::write_body(claim_.at + format::kFrameHeaderBytes, parts);
    last_timestamp_ns_ = stamp;
    publish(static_cast<std::uint32_t>(size));
    return static_cast<std::int64_t>(claim_.offset);
  }

  std::int64_t append_batch(std::span<const Bytes> values) {
    if (values.empty()) throw Exception({ErrorCode::invalid_argument, "a batch needs at least one record"});
    if (values.size() == 1) return append(values[0]);
    std::uint64_t bytes = 0;
    for (const Bytes& value : values) {
      check_record(value.size());
      bytes += format::align_frame(static_cast<std::uint32_t>(format::kFrameHeaderBytes + value.size()));
    }
    if (bytes > max_frame() || values.size() > format::kMaxClaimRecords)
      throw Exception({ErrorCode::message_too_large,
                       fmt::format("a batch of {} records and {} bytes is too large for {}: at most {} bytes and {} records",
                                   values.size(), bytes, partition_text(), max_frame(), format::kMaxClaimRecords)});
    reserve(bytes, static_cast<std::uint32_t>(values.size()));
    const std::int64_t stamp = clock_.now_ns();
    std::byte* at = claim_.at;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto size = static_cast<std::uint32_t>(format::kFrameHeaderBytes + values[i].size());
      if (i != 0) Writer::place_inside(at, size, claim_.tag);
      Writer::write_fields(at, {claim_.offset + i, stamp, format::FrameType::record, 0, owner()});
      own_lines(at, size);
      copy_value(at, values[i]);
      at += format::align_frame(size);
    }
    last_timestamp_ns_ = stamp;
    publish(static_cast<std::uint32_t>(format::kFrameHeaderBytes + values[0].size()));
    return static_cast<std::int64_t>(claim_.offset);
  }

  std::int64_t append_record_batch(std::span<const std::byte> batch, std::uint32_t records) {
    check_record(batch.size());
    const std::uint64_t size = format::kFrameHeaderBytes + batch.size();
    reserve(size, records);
    own_lines(claim_.at, claim_.bytes);
    const std::span<std::byte> body(claim_.at + format::kFrameHeaderBytes, batch.size());
    std::memcpy(body.data(), batch.data(), batch.size());
    kafka::stamp_offset(body, static_cast<std::int64_t>(claim_.offset), kLeaderEpoch);
    os::fault_point("append.written");
    Writer::write_fields(claim_.at, {claim_.offset, std::int64_t{records}, format::FrameType::batch, 0, owner()});
    publish(static_cast<std::uint32_t>(size));
    return static_cast<std::int64_t>(claim_.offset);
  }

  bool open_claim(std::size_t value_bytes, bool wait) {
    const std::uint64_t size = format::kFrameHeaderBytes + std::uint64_t{value_bytes};
    if (wait)
      reserve(size, 1);
    else if (!try_reserve(size, 1))
      return false;
    if (exclusive_) exclusive_appender_.announce(claim_);
    own_lines(claim_.at, claim_.bytes);
    open_ = true;
    return true;
  }
  std::span<std::byte> claimed_value(std::size_t value_bytes) const {
    return {claim_.at + format::kFrameHeaderBytes, value_bytes};
  }
  std::int64_t claimed_offset() const { return static_cast<std::int64_t>(claim_.offset); }

  void commit(std::size_t value_bytes) {
    const auto size = static_cast<std::uint32_t>(format::kFrameHeaderBytes + value_bytes);
    last_timestamp_ns_ = clock_.now_ns();
    Writer::write_fields(claim_.at, {claim_.offset, last_timestamp_ns_, format::FrameType::record, 0, owner()});
    give_back_rest(format::align_frame(size));
    publish(size);
    close();
  }

  void abort() {
    close();
    if (exclusive_) return;  // never published, never happened
    Writer::write_fields(claim_.at, Writer::filler(claim_.offset, claim_.records, owner()));
    publish(claim_.bytes);
  }

  const client::DurableWait& durable() const { return durable_; }

  bool wait_durable(std::int64_t offset, std::int64_t timeout_ns) {
    if (offset < 0)
      throw Exception({ErrorCode::invalid_argument, fmt::format("offset {} of {} is negative", offset, partition_text())});
    if (open_)
      throw Exception({ErrorCode::invalid_state, "commit or abort the open claim of this appender first"});
    const auto gone = [this] { return attachment_.is_void() || is_deleted(); };
    switch (durable_.wait(static_cast<std::uint64_t>(offset) + 1, published_end(), timeout_ns, gone)) {
      case client::DurableState::durable:
        return true;
      case client::DurableState::pending:
        return false;
      case client::DurableState::memory_topic:
        throw Exception({ErrorCode::invalid_state,
                         fmt::format("{} lies in memory only: nothing of it is ever on disk; a topic made with "
                                     "storage=disk is persistent", partition_text())});
      case client::DurableState::disk_full:
        throw Exception({ErrorCode::no_space,
                         fmt::format("offset {} of {} is not on disk: the disk is full. It is published, and will be "
                                     "written once there is room", offset, partition_text())});
      case client::DurableState::disk_failing:
        throw Exception({ErrorCode::kafka_storage_error,
                         fmt::format("offset {} of {} is not on disk: the disk refuses to be written, the broker's log "
                                     "says why. It is published, and will be written once the disk works", offset,
                                     partition_text())});
      case client::DurableState::gone:
        break;
    }
    if (attachment_.is_void()) attachment_.throw_void();
    attachment_.throw_deleted();
  }

  std::string why_no_room() const {
    switch (durable_.state(UINT64_MAX)) {
      case client::DurableState::disk_full:
        return "its disk is full, and its memory is full of records that wait for it; free some space: it goes on by itself";
      case client::DurableState::disk_failing:
        return "its disk refuses to write, and its memory is full of records that wait for it; the broker's log has the "
               "error: it goes on by itself once that is mended";
      default:
        return fmt::format("its memory budget is used up by what readers still hold or the disk does not have yet, or the "
                           "shared-memory file system is full; `ringmain log locks {0}` says who holds what, `ringmain topic describe "
                           "{0}` how far the disk is",
                           partition().topic);
    }
  }

  void request_durable() noexcept {
    if (!open_ && durable_.is_persistent()) durable_.hurry(published_end(), client::DurableWait::Ring::if_idle);
  }

  std::size_t max_record() const { return attachment_.view().geometry().max_record_bytes; }
  std::uint32_t max_frame() const { return attachment_.view().geometry().max_frame_bytes(); }
  const TopicPartition& partition() const { return attachment_.partition(); }
  std::int64_t last_timestamp_ns() const { return last_timestamp_ns_; }

 private:
  std::uint16_t owner() const noexcept { return static_cast<std::uint16_t>(attachment_.line()); }
  std::string partition_text() const { return fmt::format("{}-{}", partition().topic, partition().partition); }

  // Behind what this appender published last; 0: nothing yet. With no claim open.
  std::uint64_t published_end() const noexcept { return claim_.offset + claim_.records; }

  bool is_deleted() const noexcept {
    return attachment_.view().control().state.load(std::memory_order_acquire) !=
           static_cast<std::uint32_t>(format::PartitionState::open);
  }

  static void copy_value(std::byte* frame, Bytes value) {
    if (!value.empty()) std::memcpy(frame + format::kFrameHeaderBytes, value.data(), value.size());
  }

  void check_record(std::uint64_t body_bytes) const {
    if (body_bytes > max_record()) [[unlikely]]
      throw Exception({ErrorCode::message_too_large,
                       fmt::format("a record (or batch) of {} bytes is too large for {}: max.message.bytes is {}", body_bytes,
                                   partition_text(), max_record())});
  }

  std::int64_t publish_value(Bytes value) {
    const std::int64_t stamp = clock_.now_ns();
    own_lines(claim_.at, claim_.bytes);
    // The header last: readers poll its line, and each of their looks takes it away.
    copy_value(claim_.at, value);
    os::fault_point("append.written");
    Writer::write_fields(claim_.at, {claim_.offset, stamp, format::FrameType::record, 0, owner()});
    last_timestamp_ns_ = stamp;
    publish(static_cast<std::uint32_t>(format::kFrameHeaderBytes + value.size()));
    return static_cast<std::int64_t>(claim_.offset);
  }

  void publish(std::uint32_t size) {
    if (exclusive_)
      exclusive_appender_.publish(claim_, size);
    else
      shared_appender_.publish(claim_, size);
    os::fault_point("append.published");
    waker_.after_publish();
    if (sparse_) hand_over(size);
  }

  // Before a frame is written. In a stream: lines that later frames will need; else the frame's own,
  // all at once rather than one after the other (but for the first, which readers poll).
  void own_lines(const std::byte* frame, std::uint32_t size) noexcept {
    sparse_ = clock_.gap_ns() > kSparseNs + kSparseNsPerLine * static_cast<std::int64_t>(claim_.bytes / format::kCacheLineBytes);
    Writer::own_lines(frame + (sparse_ ? format::kCacheLineBytes : kOwnAheadBytes), size);
  }

  // A record that comes alone is read at once: its lines go to where the reader finds them sooner.
  // In a stream that would cost more than it gives (docs/adr/0006-handing-lines-over.md).
  void hand_over(std::uint32_t size) const noexcept {
    for (std::uint32_t at = 0; at < std::min(size, kHandOverMost); at += format::kCacheLineBytes)
      os::demote(claim_.at + at);
  }

  void close() {
    if (exclusive_) exclusive_appender_.withdraw();
    open_ = false;
  }

  // What a commit leaves of its claim goes back: a lone producer's simply ends earlier.
  void give_back_rest(std::uint32_t used_bytes) {
    if (used_bytes == claim_.bytes) return;
    if (exclusive_) {
      claim_.bytes = used_bytes;
      return;
    }
    std::byte* rest = claim_.at + used_bytes;
    Writer::write_fields(rest, Writer::filler(claim_.offset + claim_.records, 0, owner()));
    Writer::place_inside(rest, claim_.bytes - used_bytes, claim_.tag);
  }

  ClaimOutcome claim(std::uint64_t size, std::uint32_t records) {
    const std::uint32_t bytes = format::align_frame(static_cast<std::uint32_t>(size));
    return exclusive_ ? exclusive_appender_.claim(bytes, records, claim_)
                      : shared_appender_.claim(bytes, records, claim_);
  }

  void admit(std::uint64_t size, std::uint32_t records) const {
    if (attachment_.is_void()) [[unlikely]]
      attachment_.throw_void();
    if (open_) [[unlikely]]
      throw Exception({ErrorCode::invalid_state, "commit or abort the open claim of this appender first"});
    if (records == 1) check_record(size - format::kFrameHeaderBytes);
  }

  void reserve(std::uint64_t size, std::uint32_t records) {
    admit(size, records);
    if (claim(size, records) != ClaimOutcome::ok) [[unlikely]]
      wait_for_claim(size, records);
  }

  bool try_reserve(std::uint64_t size, std::uint32_t records) {
    admit(size, records);
    const ClaimOutcome outcome = claim(size, records);
    if (outcome == ClaimOutcome::deleted) attachment_.throw_deleted();
    // The next call may want another size: a claim that came too late for the memory is not kept.
    if (outcome != ClaimOutcome::ok && !exclusive_) shared_appender_.abandon();
    return outcome == ClaimOutcome::ok;
  }

  [[gnu::noinline]] void wait_for_claim(std::uint64_t size, std::uint32_t records) {
    auto& control = attachment_.view().control();
    const std::int64_t give_up_ns = now_steady_ns() + std::min<std::int64_t>(options_.max_block.count(), kLongestBlockMs) * 1'000'000;
    control.memory_waiters.fetch_add(1);
    os::fault_point("append.waiting");
    const auto leave = [&control](void*) { control.memory_waiters.fetch_sub(1); };
    const std::unique_ptr<void, decltype(leave)> leaving(this, leave);
    for (;;) {  // until there is memory, or time is up
      const std::uint32_t rings = control.memory_bell.load(std::memory_order_acquire);
      const ClaimOutcome outcome = claim(size, records);
      if (outcome == ClaimOutcome::ok) return;
      if (outcome == ClaimOutcome::deleted) attachment_.throw_deleted();
      if (attachment_.is_void()) attachment_.throw_void();
      const std::int64_t left_ns = give_up_ns - now_steady_ns();
      if (left_ns <= 0) {
        if (!exclusive_) shared_appender_.abandon();
        throw Exception({ErrorCode::no_space, fmt::format("no room in {}: {}", partition_text(), why_no_room())});
      }
      const std::int64_t pause = outcome == ClaimOutcome::stalled ? kStalledPauseNs : kLookAgainNs;
      os::futex_wait(control.memory_bell, rings, std::min(pause, left_ns));
    }
  }

  AppenderOptions options_;
  client::Attachment attachment_;
  log::Waker waker_;
  const client::DurableWait durable_;
  client::RecordClock clock_;
  log::Claim claim_;
  const bool exclusive_;
  bool sparse_ = false;  // claims come one by one, rather than in a stream
  bool open_ = false;  // a Claim object owns claim_
  std::int64_t last_timestamp_ns_ = 0;
  log::SharedAppender shared_appender_;
  log::ExclusiveAppender exclusive_appender_;
};

Appender::Appender(Bus& bus, const TopicPartition& partition, AppenderOptions options)
    : impl_(std::make_unique<Impl>(bus.impl().connection, partition, options)) {}
Appender::Appender(Appender&&) noexcept = default;
Appender::~Appender() = default;

std::int64_t Appender::append(Bytes value) { return impl_->append(value); }
std::int64_t Appender::append(const ProducerRecord& record) { return impl_->append(record); }
std::int64_t Appender::append_batch(std::span<const Bytes> values) { return impl_->append_batch(values); }
std::int64_t Appender::append_record_batch(std::span<const std::byte> batch, std::uint32_t records) {
  return impl_->append_record_batch(batch, records);
}
std::optional<std::int64_t> Appender::try_append(Bytes value) { return impl_->try_append(value); }

Claim Appender::claim(std::size_t value_bytes) {
  impl_->open_claim(value_bytes, true);
  return {*impl_, impl_->claimed_value(value_bytes), impl_->claimed_offset()};
}
std::optional<Claim> Appender::try_claim(std::size_t value_bytes) {
  if (!impl_->open_claim(value_bytes, false)) return std::nullopt;
  return Claim(*impl_, impl_->claimed_value(value_bytes), impl_->claimed_offset());
}
bool Appender::is_persistent() const noexcept { return impl_->durable().is_persistent(); }
std::int64_t Appender::durable_offset() const noexcept {
  return static_cast<std::int64_t>(impl_->durable().durable_offset());
}
bool Appender::wait_durable(std::int64_t offset, std::chrono::nanoseconds timeout) {
  return impl_->wait_durable(offset, timeout.count());
}
void Appender::request_durable() { impl_->request_durable(); }
std::size_t Appender::max_record_bytes() const noexcept { return impl_->max_record(); }
std::size_t Appender::max_batch_bytes() const noexcept { return impl_->max_frame(); }
const TopicPartition& Appender::partition() const noexcept { return impl_->partition(); }
std::int64_t Appender::last_timestamp_ns() const noexcept { return impl_->last_timestamp_ns(); }

Claim::Claim(Claim&& other) noexcept
    : appender_(std::exchange(other.appender_, nullptr)), value_(other.value_), offset_(other.offset_) {}
Claim::~Claim() {
  if (appender_ != nullptr) appender_->abort();
}
void Claim::commit(std::size_t value_bytes) {
  if (appender_ == nullptr || value_bytes > value_.size())
    throw Exception({ErrorCode::invalid_state, "a claim is committed once, with at most the bytes claimed"});
  std::exchange(appender_, nullptr)->commit(value_bytes);
}
void Claim::abort() {
  if (appender_ != nullptr) std::exchange(appender_, nullptr)->abort();
}

}  // namespace ringmain
