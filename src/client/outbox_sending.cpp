// The brokers' side of the outbox: what may go, and what became of it.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "client/outbox.hpp"
#include "kafka/record_batch.hpp"

namespace ringmain::client {
namespace {

// Of one batch, unpacked: max.request.size bounds what we have put into one.
constexpr std::size_t kUnpackedMaxBytes = 1u << 30;

}  // namespace

void Outbox::attach(std::int32_t broker, Wake& wake) {
  const std::lock_guard lock(mutex_);
  mailboxes_[broker].wake = &wake;
}

void Outbox::set_leaders(const std::string& topic, const std::vector<std::int32_t>& leaders) {
  const std::lock_guard lock(mutex_);
  Topic& known = topics_[topic];
  known.leaders = leaders;
  for (std::size_t i = 0; i < known.lanes.size(); ++i) {
    if (!known.lanes[i]) continue;
    known.lanes[i]->missing.reset();
    lead(*known.lanes[i], i < leaders.size() ? leaders[i] : -1);
  }
}

void Outbox::lead(Lane& lane, std::int32_t broker) {
  const auto found = mailboxes_.find(broker);
  Mailbox* leader = found == mailboxes_.end() ? nullptr : &found->second;
  if (leader == lane.leader) return;
  if (lane.leader != nullptr) std::erase(lane.leader->lanes, &lane);
  lane.leader = leader;
  if (leader == nullptr) return;
  leader->lanes.push_back(&lane);
  wake(leader);
}

void Outbox::fail_topic(const std::string& topic, const Error& error) {
  const std::lock_guard lock(mutex_);
  for (auto& lane : topics_[topic].lanes) {
    if (!lane) continue;
    lane->missing = error;
    for (const BatchPointer& batch : lane->waiting) tell(*batch, -1, -1, error);
    lane->waiting.clear();
  }
}

void Outbox::wake(Mailbox* mailbox) {
  if (mailbox == nullptr || !std::exchange(mailbox->is_waiting, false)) return;
  mailbox->wake->bell.ring();
}

// When the first batch of a lane may go; INT64_MAX: not before something happens.
std::int64_t Outbox::ready_ns(const Lane& lane) const {
  if (lane.on_its_way != nullptr || lane.waiting.empty()) return INT64_MAX;
  const Batch& first = *lane.waiting.front();
  const bool lingers = first.is_open && lane.waiting.size() == 1 &&
                       first.id > std::max(hurried_, lane.hurried) &&
                       first.builder.size_bytes() < settings_.batch_bytes;
  return std::max(first.not_before_ns, lingers ? first.due_ns : 0);
}

std::int64_t Outbox::next_due_ns(std::int32_t broker, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  Mailbox& mailbox = mailboxes_.at(broker);
  std::int64_t next_ns = INT64_MAX;
  for (const Lane* lane : mailbox.lanes) next_ns = std::min(next_ns, ready_ns(*lane));
  mailbox.is_waiting = next_ns > now_ns;
  return next_ns;
}

std::vector<Outbox::BatchPointer> Outbox::take(std::int32_t broker, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  expire(now_ns);
  Mailbox& mailbox = mailboxes_.at(broker);
  std::vector<BatchPointer> taken;
  std::size_t bytes = 0;
  const std::size_t count = mailbox.lanes.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = (mailbox.first + i) % count;
    Lane& lane = *mailbox.lanes[at];
    if (ready_ns(lane) > now_ns) continue;
    const Batch& next = *lane.waiting.front();
    bytes += next.bytes.empty() ? next.builder.size_bytes() : next.bytes.size();
    if (!taken.empty() && bytes > settings_.request_max_bytes) {
      mailbox.first = at;
      break;
    }
    BatchPointer batch = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    batch->is_open = false;
    lane.on_its_way = batch.get();
    taken.push_back(std::move(batch));
  }
  return taken;
}

void Outbox::acknowledged(BatchPointer batch, std::int64_t base_offset,
                          std::int64_t append_time_ms) {
  const std::lock_guard lock(mutex_);
  Lane& lane = *batch->lane;
  lane.on_its_way = nullptr;
  wake(lane.leader);
  if (lane.leader != nullptr) lane.leader->trouble.clear();
  if (!batch->is_told) tell(*batch, base_offset, append_time_ms, std::nullopt);
}

void Outbox::failed(BatchPointer batch, const Error& error, Again again, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  Lane& lane = *batch->lane;
  lane.on_its_way = nullptr;
  wake(lane.leader);
  if (batch->is_told) return;
  const bool is_last = again == Again::no || batch->tries >= settings_.retries;
  ++batch->tries;
  batch->trouble = error;
  if (is_last) return tell(*batch, -1, -1, error);
  if (lane.missing) return tell(*batch, -1, -1, lane.missing);
  if (batch->deadline_ns <= now_ns) return tell(*batch, -1, -1, timed_out(lane, *batch));
  batch->not_before_ns = now_ns + backoff_ns(settings_, batch->tries);
  lane.waiting.push_front(std::move(batch));
}

// Both halves keep its id and its deadline.
void Outbox::too_large(BatchPointer batch, const Error& error, std::int64_t now_ns) {
  const auto parsed = kafka::RecordBatch::parse(batch->bytes, kafka::CheckCrc::no);
  const auto content = parsed ? kafka::BatchContent::of(*parsed, kUnpackedMaxBytes)
                              : tl::make_unexpected(parsed.error());
  const auto count = parsed ? static_cast<std::size_t>(parsed->header().record_count) : 0;
  if (count < 2 || !content) return failed(std::move(batch), error, Again::no, now_ns);
  const std::lock_guard lock(mutex_);
  Lane& lane = *batch->lane;
  lane.on_its_way = nullptr;
  wake(lane.leader);
  if (batch->is_told) return;
  BatchPointer halves[2] = {std::make_unique<Batch>(), std::make_unique<Batch>()};
  const std::size_t first_count = count / 2;
  for (kafka::RecordWalk walk(*parsed, content->records(), 0); walk.next();) {
    const kafka::BatchRecord& record = walk.record();
    const auto index = static_cast<std::size_t>(record.offset);
    const std::size_t half = index < first_count ? 0 : 1;
    std::vector<kafka::RecordHeader> headers;
    for (kafka::HeaderWalk each(record); each.next();) headers.push_back(each.header());
    halves[half]->builder.add({record.offset - static_cast<std::int64_t>(half * first_count),
                               record.timestamp_ms, record.key, record.value},
                              headers);
    halves[half]->records.push_back(std::move(batch->records[index]));
  }
  for (const auto& [index, awaited] : batch->awaited) {
    const std::size_t half = index < first_count ? 0 : 1;
    halves[half]->awaited.emplace_back(index - half * first_count, awaited);
  }
  lane.most_bytes = std::max(halves[0]->builder.size_bytes(), halves[1]->builder.size_bytes());
  halves[0]->held_bytes = batch->held_bytes / 2;
  halves[1]->held_bytes = batch->held_bytes - halves[0]->held_bytes;
  unsettled_.emplace(batch->id, batch->deadline_ns);
  for (const int half : {1, 0}) {
    halves[half]->lane = &lane;
    halves[half]->id = batch->id;
    halves[half]->deadline_ns = batch->deadline_ns;
    halves[half]->is_open = false;
    lane.waiting.push_front(std::move(halves[half]));
  }
}

void Outbox::note_trouble(std::int32_t broker, const Error& error) {
  const std::lock_guard lock(mutex_);
  mailboxes_.at(broker).trouble = error.message;
}

}  // namespace ringmain::client
