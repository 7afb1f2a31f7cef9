// The user's side, and what is settled. The brokers' side: outbox_sending.cpp.
#include "client/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "format/tail_word.hpp"

namespace ringmain::client {

Outbox::Added Outbox::add(std::int32_t partition, const ProducerRecord& record,
                          const DeliveryCallback& callback, Awaited* awaited, std::int64_t now_ns) {
  GatheredBatch::check(record);
  const std::size_t bytes = GatheredBatch::most_bytes_of(record);
  if (kafka::batch_header_bytes + bytes > settings_.request_max_bytes)
    throw Exception({ErrorCode::message_too_large,
                     fmt::format("a record of {} bytes for {}-{} is too large: max.request.size is {}",
                                 bytes, record.topic, partition, settings_.request_max_bytes)});
  const std::lock_guard lock(mutex_);
  expire(now_ns);
  if (!has_room(bytes)) return Added::no_room;
  Lane& lane = lane_of(record.topic, partition);
  bool is_news = false;
  Batch& batch = open_batch(lane, bytes, now_ns, is_news);
  const bool was_full = batch.builder.size_bytes() >= settings_.batch_bytes;
  batch.add(record, callback);
  batch.held_bytes += bytes;
  used_ += bytes;
  if (awaited != nullptr) {
    batch.awaited.emplace_back(batch.records.size() - 1, awaited);
    lane.hurried = batch.id;
    is_news = true;
  }
  is_news |= !was_full && batch.builder.size_bytes() >= settings_.batch_bytes;
  if (is_news && lane.on_its_way == nullptr) wake(lane.leader);
  return Added::yes;
}

Outbox::Batch& Outbox::open_batch(Lane& lane, std::size_t record_bytes, std::int64_t now_ns,
                                  bool& is_new) {
  if (!lane.waiting.empty()) {
    Batch& last = *lane.waiting.back();
    const bool takes_more = last.is_open && last.id > std::max(hurried_, lane.hurried) &&
                            last.builder.size_bytes() + record_bytes <= lane.most_bytes &&
                            last.records.size() < format::kMaxClaimRecords;
    if (takes_more) return last;
    last.is_open = false;
  }
  is_new = true;
  Batch& batch = *lane.waiting.emplace_back(std::make_unique<Batch>());
  batch.lane = &lane;
  batch.id = next_id_++;
  batch.due_ns = now_ns + settings_.linger_ns;
  batch.deadline_ns = now_ns + settings_.delivery_timeout_ns;
  unsettled_.emplace_hint(unsettled_.end(), batch.id, batch.deadline_ns);
  return batch;
}

Outbox::Lane& Outbox::lane_of(std::string_view topic, std::int32_t partition) {
  if (last_ == nullptr || topic != last_name_) {
    last_name_ = topic;
    last_ = &topics_[last_name_];
  }
  const auto index = static_cast<std::size_t>(partition);
  if (index >= last_->lanes.size()) last_->lanes.resize(index + 1);
  auto& lane = last_->lanes[index];
  if (lane) [[likely]]
    return *lane;
  lane = std::make_unique<Lane>();
  lane->partition = {last_name_, partition};
  lane->most_bytes = settings_.request_max_bytes;
  if (index < last_->leaders.size()) lead(*lane, last_->leaders[index]);
  return *lane;
}

bool Outbox::await_room(const ProducerRecord& record, std::int64_t until_ns) {
  const std::size_t bytes = GatheredBatch::most_bytes_of(record);
  std::unique_lock lock(mutex_);
  return wait(lock, until_ns, [&] { return has_room(bytes); });
}

void Outbox::await(const Awaited& awaited) {
  std::unique_lock lock(mutex_);
  wait(lock, INT64_MAX, [&] { return awaited.is_done; });
}

std::uint64_t Outbox::hurry() {
  const std::lock_guard lock(mutex_);
  hurried_ = next_id_ - 1;
  for (auto& [id, mailbox] : mailboxes_) wake(&mailbox);
  return hurried_;
}

bool Outbox::await_settled(std::uint64_t mark, std::int64_t until_ns) {
  std::unique_lock lock(mutex_);
  return wait(lock, until_ns,
              [&] { return unsettled_.empty() || unsettled_.begin()->first > mark; });
}

template <class Done>
bool Outbox::wait(std::unique_lock<std::mutex>& lock, std::int64_t until_ns, const Done& done) {
  for (;;) {
    const std::int64_t now_ns = now_steady_ns();
    expire(now_ns);
    if (done()) return true;
    if (now_ns >= until_ns) return false;
    const std::int64_t deadline_ns = unsettled_.empty() ? INT64_MAX : unsettled_.begin()->second;
    const std::int64_t wake_ns = std::min(until_ns, deadline_ns);
    if (wake_ns == INT64_MAX)
      news_.wait(lock);
    else
      news_.wait_for(lock, std::chrono::nanoseconds(wake_ns - now_ns));
  }
}

void Outbox::take_settled(std::deque<Settled>& into, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  expire(now_ns);
  for (Settled& each : settled_) into.push_back(std::move(each));
  settled_.clear();
  has_settled_.store(false, std::memory_order_relaxed);
}

// ---- settled

void Outbox::expire(std::int64_t now_ns) {
  if (unsettled_.empty() || unsettled_.begin()->second > now_ns) return;
  for (auto& [name, topic] : topics_)
    for (auto& lane : topic.lanes)
      if (lane) expire(*lane, now_ns);
}

void Outbox::expire(Lane& lane, std::int64_t now_ns) {
  Batch* sent = lane.on_its_way;
  if (sent != nullptr && !sent->is_told && sent->deadline_ns <= now_ns) {
    tell(*sent, -1, -1, timed_out(lane, *sent));
    sent->is_told = true;
  }
  while (!lane.waiting.empty() && lane.waiting.front()->deadline_ns <= now_ns) {
    tell(*lane.waiting.front(), -1, -1, timed_out(lane, *lane.waiting.front()));
    lane.waiting.pop_front();
  }
}

Error Outbox::timed_out(const Lane& lane, const Batch& batch) const {
  const bool was_sent = batch.tries != 0 || &batch == lane.on_its_way;
  std::string why = batch.trouble ? batch.trouble->message : std::string();
  if (why.empty() && lane.leader != nullptr) why = lane.leader->trouble;
  if (why.empty() && lane.leader == nullptr) why = "no broker leads the partition";
  return {ErrorCode::request_timed_out,
          fmt::format("no acknowledgement for {}-{} within delivery.timeout.ms{}{}{}",
                      lane.partition.topic, lane.partition.partition, why.empty() ? "" : ": ", why,
                      was_sent ? ". It was sent, and may have been appended all the same" : "")};
}

void Outbox::tell(Batch& batch, std::int64_t base_offset, std::int64_t append_time_ms,
                  std::optional<Error> error) {
  const std::int64_t append_time_ns = append_time_ms < 0 ? -1 : append_time_ms * 1'000'000;
  for (const auto& [index, awaited] : batch.awaited) {
    awaited->metadata = {
        error ? -1 : batch.partition().partition,
        base_offset < 0 ? -1 : base_offset + static_cast<std::int64_t>(index),
        append_time_ns < 0 ? batch.records[index].timestamp_ns : append_time_ns};
    awaited->error = error;
    awaited->is_done = true;
  }
  batch.awaited.clear();
  used_ -= std::exchange(batch.held_bytes, 0);
  unsettled_.erase(unsettled_.find(batch.id));
  settled_.push_back({batch.partition().partition, std::exchange(batch.records, {}), base_offset,
                      append_time_ns, std::move(error)});
  has_settled_.store(true, std::memory_order_relaxed);
  news_.notify_all();
}

}  // namespace ringmain::client
