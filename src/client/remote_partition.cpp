#include "client/remote_partition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kafka/reader.hpp"
#include "kafka/record_batch.hpp"

namespace ringmain::client {
namespace {

// What the batch in front says of its own size; whether that can be is for its parser to see.
std::size_t announced_bytes(std::span<const std::byte> batch) {
  kafka::Reader reader(batch.subspan(kafka::batch_length_at));
  return kafka::batch_length_covers_from +
         static_cast<std::size_t>(std::max(reader.int32("length"), 0));
}

// Behind the last batch that is whole, as their headers say; no batch: `from`.
std::int64_t end_of(std::span<const std::byte> batches, std::int64_t from) {
  std::int64_t end = from;
  while (batches.size() >= kafka::batch_header_bytes) {
    const std::size_t size = announced_bytes(batches);
    if (size < kafka::batch_header_bytes || size > batches.size()) break;
    kafka::Reader reader(batches);
    const std::int64_t base = reader.int64("base offset");
    kafka::Reader at_delta(batches.subspan(kafka::batch_last_offset_delta_at));
    const std::int32_t delta = at_delta.int32("last offset delta");
    if (base < 0 || delta < 0 || base > INT64_MAX - delta - 1) break;
    end = std::max(end, base + delta + 1);
    batches = batches.subspan(size);
  }
  return end;
}

}  // namespace

// ---- orders and parcels

void RemotePartition::restart(std::int64_t from) {
  position_ = from < 0 ? -1 : from;
  was_read_ = false;
  is_out_of_range_ = false;
  if (batch_) passed_batches_.push_back(std::move(batch_));
  if (parcel_.message) passed_messages_.push_back(std::exchange(parcel_.message, nullptr));
  left_ = {};
  ahead_.reset();
  from_ = from;
  order_anew();
}

bool RemotePartition::seek(std::int64_t offset) {
  if (offset != position_ || is_out_of_range_) restart(offset);
  return true;
}

std::optional<FetchOrder> RemotePartition::order() const {
  if (!waits_) return std::nullopt;
  return FetchOrder{partition_, ticket_, from_};
}

void RemotePartition::order_anew() noexcept {
  waits_ = true;
  ticket_ = ++tickets_;
}

void RemotePartition::take(Parcel parcel) {
  if (!waits_ || parcel.ticket != ticket_) return;
  waits_ = false;
  if (parcel.log_start_offset >= 0) log_start_offset_ = parcel.log_start_offset;
  if (parcel.place) {
    position_ = from_ = *parcel.place;
    return order_anew();
  }
  ahead_ = std::move(parcel);
}

bool RemotePartition::open_parcel() {
  if (!ahead_) return false;
  if (ahead_->error) {
    const Error error = *std::exchange(ahead_, std::nullopt)->error;
    if (error.code == ErrorCode::offset_out_of_range) {
      is_out_of_range_ = true;
      return false;
    }
    if (position_ >= 0) from_ = position_;
    order_anew();
    throw Exception(error);
  }
  if (parcel_.message) passed_messages_.push_back(std::move(parcel_.message));
  parcel_ = std::move(*std::exchange(ahead_, std::nullopt));
  left_ = parcel_.records;
  is_cut_ = true;
  from_ = end_of(left_, position_);
  order_anew();
  return true;
}

bool RemotePartition::follow_start() {
  if (!was_read_ || log_start_offset_ <= position_) return false;
  lost_ += static_cast<std::uint64_t>(log_start_offset_ - position_);
  restart(log_start_offset_);
  was_read_ = true;
  return true;
}

void RemotePartition::let_passed_go() noexcept {
  passed_batches_.clear();
  passed_messages_.clear();
}

// ---- records

void RemotePartition::refuse(const Error& why, std::int64_t behind) {
  const std::int64_t at = position_;
  restart(at);
  throw Exception(
      {why.code, fmt::format("the batch of records at offset {} of {}-{} cannot be read: {}; "
                             "seek to offset {} to go on without its records",
                             at, partition_.topic, partition_.partition, why.message, behind)});
}

bool RemotePartition::next() {
  for (;;) {  // a record, a batch or a parcel a turn
    if (batch_) {
      const auto moved = batch_->next(static_cast<std::uint64_t>(position_));
      const auto behind = static_cast<std::int64_t>(batch_->next_offset());
      if (!moved) refuse(moved.error(), std::max(behind, position_ + 1));
      position_ = std::max(position_, behind);  // offsets at a batch's end may have no record
      if (*moved) {
        was_read_ = true;
        return true;
      }
      passed_batches_.push_back(std::move(batch_));
    }
    if (!open_batch() && !open_parcel()) return false;
  }
}

// The parcel ends where the broker cut it: in the middle of a batch, perhaps.
bool RemotePartition::open_batch() {
  while (!left_.empty()) {
    const bool is_whole =
        left_.size() >= kafka::batch_header_bytes && announced_bytes(left_) <= left_.size();
    if (!is_whole && is_cut_)
      refuse({ErrorCode::corrupt_message, "the broker gave a part of it only"}, position_ + 1);
    if (!is_whole) {
      left_ = {};
      return false;
    }
    const std::int64_t behind = end_of(left_.first(announced_bytes(left_)), position_);
    auto batch = kafka::RecordBatch::parse(left_, kafka::CheckCrc::yes);
    if (!batch) refuse(batch.error(), std::max(behind, position_ + 1));
    is_cut_ = false;
    left_ = left_.subspan(batch->bytes().size());
    if (behind <= position_) continue;
    const kafka::BatchHeader& header = batch->header();
    auto opened = OpenBatch::open(batch->bytes(), static_cast<std::uint64_t>(header.base_offset),
                                  header.offset_count());
    if (!opened) refuse(opened.error(), behind);
    batch_ = std::move(*opened);
    return true;
  }
  return false;
}

void RemotePartition::fill(ConsumerRecord& record) {
  batch_->fill(record);  // may throw: who has no topic was not filled
  record.topic = partition_.topic;
  record.partition = partition_.partition;
}

}  // namespace ringmain::client
