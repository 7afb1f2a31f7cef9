#include "broker/record_log.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/clock.hpp"
#include "log/durable_wish.hpp"
#include "log/frame_writer.hpp"
#include "os/fault.hpp"

namespace ringmain::broker {
namespace {

using log::ClaimOutcome;
using Writer = log::FrameWriter<log::SharedMemory>;

constexpr std::int32_t kLeaderEpoch = 0;  // one broker: it leads since the beginning

}  // namespace

RecordLog::RecordLog(partition::Partition& partition, const partition::TopicConfig& config,
                     log::BrokerBell& bell, format::Readers& lines, segment::HeadCache& heads)
    : partition_(partition),
      view_(partition.view()),
      config_(config),
      bell_(bell),
      source_(partition, lines, heads),
      waker_(view_) {
  partition_.participant_died(format::kBroker);  // lines of an earlier broker, if it had some:
                                                 // repaired with the next tend()
}

RecordLog::~RecordLog() {
  unmark();
  give_up();
  if (producer_line_)
    static_cast<void>(partition_.remove_producer(format::kBroker, *producer_line_));
  if (reader_line_) static_cast<void>(partition_.remove_reader(format::kBroker, *reader_line_));
  partition_.tend();  // now, so that the next broker does not find a death
}

Status RecordLog::admits(const kafka::BatchHeader& header, std::size_t batch_bytes) const {
  if (view_.geometry().single_producer)
    return fail(
        ErrorCode::policy_violation,
        fmt::format(
            "topic {} has single.producer=true: it takes records from one local process only",
            partition_.name().topic));
  if (batch_bytes > config_.max_message_bytes)
    return fail(ErrorCode::message_too_large,
                fmt::format("a batch of {} bytes; max.message.bytes of topic {} is {}", batch_bytes,
                            partition_.name().topic, config_.max_message_bytes));
  if (header.offset_count() > format::kMaxClaimRecords)
    return fail(ErrorCode::message_too_large,
                fmt::format("a batch of {} records; at most {} go together", header.offset_count(),
                            format::kMaxClaimRecords));
  return {};
}

Status RecordLog::open_producer() {
  if (appender_) return {};
  RINGMAIN_TRY_ASSIGN(line, partition_.add_producer(format::kBroker));
  producer_line_ = line;
  appender_.emplace(view_, line, bell_);
  return {};
}

Result<std::optional<RecordLog::Placed>> RecordLog::append(const kafka::BatchHeader& header,
                                                           std::span<const std::byte> batch) {
  RINGMAIN_TRY(open_producer());
  // Begun as such, it is ended as such, whatever the topic's settings say by now.
  if (unpacked_ || (config_.upkeep.compacts && !appender_->holds_pending_claim())) return append_unpacked(batch);
  const std::uint32_t bytes =
      format::align_frame(static_cast<std::uint32_t>(format::kFrameHeaderBytes + batch.size()));
  log::Claim claimed;
  const ClaimOutcome outcome = claim(bytes, header.offset_count(), claimed);
  if (outcome == ClaimOutcome::deleted) return tl::make_unexpected(gone());
  if (outcome != ClaimOutcome::ok) return std::nullopt;
  Placed placed;
  write(claimed, header, batch, placed);
  return std::optional(placed);
}

Error RecordLog::gone() const {
  return {ErrorCode::kafka_storage_error,
          fmt::format("the shared memory of partition {} is damaged, or its topic was deleted", partition_.name().text())};
}

ClaimOutcome RecordLog::claim(std::uint32_t bytes, std::uint32_t records, log::Claim& claim) {
  const ClaimOutcome outcome = appender_->claim(bytes, records, claim);
  if (outcome != ClaimOutcome::no_memory) return outcome;
  auto& waiters = view_.control().memory_waiters;  // as long as it is counted, segments grow by more than a step
  waiters.fetch_add(1);
  partition_.tend();
  waiters.fetch_sub(1);
  return appender_->claim(bytes, records, claim);
}

// Claim by claim; a batch that finds no room goes on where it was when it comes again. Offsets are told only if others
// have not come between.
Result<std::optional<RecordLog::Placed>> RecordLog::append_unpacked(std::span<const std::byte> batch) {
  const std::uint32_t most = view_.geometry().max_frame_bytes();
  if (!unpacked_) {
    RINGMAIN_TRY_ASSIGN(opened, UnpackedBatch::open(batch, most));
    unpacked_ = std::move(opened);
    unpacked_place_ = {};
    if (config_.log_append_time) unpacked_place_.log_append_time_ms = now_real_ms();
  }
  constexpr std::int64_t ns_per_ms = 1'000'000;
  const std::int64_t time_ms = unpacked_place_.log_append_time_ms;
  bool is_first = unpacked_place_.end_offset == 0;
  while (!unpacked_->is_done()) {  // each turn publishes a record or more
    const UnpackedBatch::Run run = unpacked_->next_run(most);
    log::Claim claimed;
    const ClaimOutcome outcome = claim(run.bytes, static_cast<std::uint32_t>(run.count), claimed);
    if (outcome == ClaimOutcome::deleted) return tl::make_unexpected(gone());
    if (outcome != ClaimOutcome::ok) return std::nullopt;
    const std::uint32_t first_bytes =
        unpacked_->write(claimed, run, appender_->owner(), time_ms < 0 ? -1 : time_ms * ns_per_ms);
    appender_->publish(claimed, first_bytes);
    after_publish();
    if (is_first)
      unpacked_place_.base_offset = claimed.offset;
    else if (claimed.offset != unpacked_place_.end_offset)
      unpacked_place_.base_offset.reset();
    unpacked_place_.end_offset = claimed.offset + claimed.records;
    is_first = false;
  }
  unpacked_.reset();
  return std::optional(unpacked_place_);
}

void RecordLog::write(const log::Claim& claim, const kafka::BatchHeader& header,
                      std::span<const std::byte> batch, Placed& placed) {
  const std::span<std::byte> body(claim.at + format::kFrameHeaderBytes, batch.size());
  std::memcpy(body.data(), batch.data(), batch.size());
  kafka::stamp_offset(body, static_cast<std::int64_t>(claim.offset), kLeaderEpoch);
  if (config_.log_append_time) {
    placed.log_append_time_ms = now_real_ms();
    kafka::stamp_append_time(body, placed.log_append_time_ms);
  }
  os::fault_point("broker.written");
  Writer::write_fields(claim.at, {claim.offset, std::int64_t{header.offset_count()},
                                  format::FrameType::batch, 0, appender_->owner()});
  appender_->publish(claim, static_cast<std::uint32_t>(format::kFrameHeaderBytes + batch.size()));
  os::fault_point("broker.published");
  after_publish();
  placed.base_offset = claim.offset;
  placed.end_offset = claim.offset + claim.records;
}

void RecordLog::after_publish() noexcept {
  if (reader_line_)
    waker_.after_own_publish(*reader_line_);
  else
    waker_.after_publish();
}

void RecordLog::give_up() noexcept {
  unpacked_.reset();
  if (appender_) appender_->abandon();
}

bool RecordLog::waits_for_disk() const noexcept {
  return config_.acks_all_on_disk && partition_.is_on_disk();
}

std::uint64_t RecordLog::durable_offset() const noexcept {
  return view_.control().durable_offset.load(std::memory_order_acquire);
}

void RecordLog::wish_durable(std::uint64_t end_offset) noexcept {
  log::wish_durable(view_, end_offset, log::RingPersister::always);
}

std::optional<Error> RecordLog::storage_fault() const {
  return partition_.storage_fault();
}

Status RecordLog::mark() {
  if (!reader_line_) {
    RINGMAIN_TRY_ASSIGN(
        line, partition_.add_reader(format::kBroker, partition::Partition::Purpose::observe));
    reader_line_ = line;
    view_.readers().lines[line].pin.store(0, std::memory_order_release);  // it needs none
  }
  log::Waker::mark(view_, *reader_line_);
  return {};
}

void RecordLog::unmark() noexcept {
  if (reader_line_) log::Waker::unmark(view_, *reader_line_);
}

bool RecordLog::is_marked() const noexcept {
  return reader_line_ && log::Waker::is_marked(view_, *reader_line_);
}

}  // namespace ringmain::broker
