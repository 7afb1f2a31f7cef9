#include "broker/append_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringmain::broker {
namespace {

using gateway::Acks;

// Upkeep tells when there is room; this is for what it cannot see, as a roll that another producer
// holds up.
constexpr auto kRetry = std::chrono::milliseconds(10);

}  // namespace

AppendQueue::AppendQueue(net::EventLoop& loop, RecordLogs& logs, DurableNews& news,
                         Published published)
    : loop_(loop), logs_(logs), news_(news), published_(std::move(published)) {}

void AppendQueue::append(std::vector<gateway::NewBatch> batches,
                         const gateway::AppendOptions& options,
                         gateway::RecordService::AppendDone done) {
  const Id id = next_id_++;
  auto& request = *requests_.emplace(id, std::make_unique<Request>()).first->second;
  request.options = options;
  request.done = std::move(done);
  request.items.resize(batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    Item& item = request.items[i];
    item.header = batches[i].header;
    auto found = logs_.find(batches[i].topic, batches[i].partition);
    const Status admitted = found ? (*found)->admits(item.header, batches[i].bytes.size())
                                  : tl::make_unexpected(found.error());
    if (!admitted) {
      fail_item(item, admitted.error());
      continue;
    }
    item.log = *found;
    place(item, batches[i].bytes, id, i);
  }
  if (settle(id)) return;
  const auto timeout = std::chrono::milliseconds(std::max(options.timeout_ms, 0));
  request.timer = loop_.call_after(timeout, [this, id] { time_out(id); });
}

void AppendQueue::fail_item(Item& item, Error error) {
  item.stage = Item::Stage::refused;
  item.log = nullptr;
  item.copy = {};
  item.result.error = std::move(error);
}

// Appends it, or puts it behind those that wait.
void AppendQueue::place(Item& item, std::span<const std::byte> batch, Id id, std::size_t index) {
  if (!queues_.contains(item.log) && publish(item, batch)) return;
  item.stage = Item::Stage::waits_for_room;
  item.copy.assign(batch.begin(), batch.end());
  queues_[item.log].push_back({id, index});
  if (!retry_) retry_ = loop_.call_every(kRetry, [this] { look_for_room(); });
}

// False: there is no room.
bool AppendQueue::publish(Item& item, std::span<const std::byte> batch) {
  auto placed = item.log->append(item.header, batch);
  if (!placed) {
    fail_item(item, placed.error());
    return true;
  }
  if (!*placed) return false;
  item.stage = Item::Stage::published;
  item.copy = {};
  item.end_offset = (*placed)->end_offset;
  if ((*placed)->base_offset) item.result.base_offset = static_cast<std::int64_t>(*(*placed)->base_offset);
  item.result.log_append_time_ms = (*placed)->log_append_time_ms;
  item.result.log_start_offset = static_cast<std::int64_t>(item.log->source().start_offset());
  published_(*item.log);
  return true;
}

AppendQueue::State AppendQueue::state_of(Request& request) {
  bool waits_for_disk = false;
  for (Item& item : request.items) {
    if (item.stage == Item::Stage::waits_for_room) return State::waits_for_room;
    if (request.options.acks != Acks::all || item.stage != Item::Stage::published ||
        !item.log->waits_for_disk())
      continue;
    if (item.log->durable_offset() >= item.end_offset) continue;
    if (const auto fault = item.log->storage_fault()) {
      fail_item(item,
                {ErrorCode::kafka_storage_error, "published, and not on disk: " + fault->message +
                                                     "; it will be written once that is mended"});
      continue;
    }
    waits_for_disk = true;
  }
  return waits_for_disk ? State::waits_for_disk : State::settled;
}

bool AppendQueue::settle(Id id) {
  Request& request = *requests_.at(id);
  State state = state_of(request);
  if (state == State::waits_for_disk) {
    news_.wanted.store(true, std::memory_order_seq_cst);
    for (const Item& item : request.items)
      if (item.stage == Item::Stage::published && item.log->waits_for_disk())
        item.log->wish_durable(item.end_offset);
    state = state_of(request);
  }
  if (state != State::settled) return false;
  finish(id);
  return true;
}

void AppendQueue::finish(Id id) {
  const auto node = requests_.extract(id);
  if (requests_.empty()) news_.wanted.store(false, std::memory_order_relaxed);
  Request& request = *node.mapped();
  std::vector<gateway::Appended> results;
  results.reserve(request.items.size());
  for (Item& item : request.items) results.push_back(std::move(item.result));
  request.done(std::move(results));
}

void AppendQueue::time_out(Id id) {
  leave_queues(id);
  for (Item& item : requests_.at(id)->items) {
    if (item.stage == Item::Stage::waits_for_room) {
      fail_item(item, {ErrorCode::request_timed_out,
                       "no room came in time: the log's memory is full and held by readers, or its "
                       "disk does not keep up"});
    } else if (item.stage == Item::Stage::published && item.log->waits_for_disk() &&
               item.log->durable_offset() < item.end_offset) {
      fail_item(item, {ErrorCode::request_timed_out, "published, and not on disk yet"});
    }
  }
  finish(id);
}

// A claim that its first one may hold is not kept for another.
void AppendQueue::leave_queues(Id id) {
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    if (queue->second.front().request == id) queue->first->give_up();
    std::erase_if(queue->second, [id](const Waiting& waiting) { return waiting.request == id; });
    queue = queue->second.empty() ? queues_.erase(queue) : std::next(queue);
  }
}

void AppendQueue::look_for_room() {
  std::vector<Id> moved;
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    auto& waiting = queue->second;
    while (!waiting.empty()) {  // until the first that finds no room
      const Waiting next = waiting.front();
      Item& item = requests_.at(next.request)->items[next.item];
      kafka::Bytes batch = std::move(item.copy);
      if (!publish(item, batch)) {
        item.copy = std::move(batch);
        break;
      }
      waiting.pop_front();
      moved.push_back(next.request);
    }
    queue = waiting.empty() ? queues_.erase(queue) : std::next(queue);
  }
  if (queues_.empty()) retry_.cancel();
  for (const Id id : moved)
    if (requests_.contains(id)) settle(id);
}

void AppendQueue::look_for_durable() {
  std::vector<Id> ids;
  for (const auto& [id, request] : requests_) ids.push_back(id);
  for (const Id id : ids)
    if (requests_.contains(id) && state_of(*requests_.at(id)) == State::settled) finish(id);
}

void AppendQueue::closed(net::ConnectionId connection) {
  for (auto request = requests_.begin(); request != requests_.end();) {
    if (request->second->options.connection != connection) {
      ++request;
      continue;
    }
    leave_queues(request->first);
    request = requests_.erase(request);
  }
}

void AppendQueue::removed(RecordLog& log) {
  queues_.erase(&log);
  std::vector<Id> ids;
  for (const auto& [id, request] : requests_) {
    for (Item& item : request->items)
      if (item.log == &log)
        fail_item(item, {ErrorCode::unknown_topic_or_partition, "the topic was deleted"});
    ids.push_back(id);
  }
  for (const Id id : ids)
    if (requests_.contains(id)) settle(id);
}

}  // namespace ringmain::broker
