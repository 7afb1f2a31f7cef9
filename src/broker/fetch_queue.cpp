#include "broker/fetch_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringmain::broker {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);
// An answer is copied once and waits for its client: more than this at a time makes nothing faster.
constexpr std::size_t kAnswerAimBytes = 8 << 20;

}  // namespace

FetchQueue::FetchQueue(net::EventLoop& loop, RecordLogs& logs, std::size_t answer_max_bytes)
    : loop_(loop), logs_(logs), answer_max_bytes_(std::min(answer_max_bytes, kAnswerAimBytes)) {}

void FetchQueue::fetch(std::vector<gateway::WantedRecords> wanted,
                       const gateway::FetchOptions& options,
                       gateway::RecordService::FetchDone done) {
  const Id id = next_id_++;
  auto& request = *requests_.emplace(id, std::make_unique<Request>()).first->second;
  request.options = options;
  request.done = std::move(done);
  request.parts.reserve(wanted.size());
  for (gateway::WantedRecords& one : wanted) {
    Part& part = request.parts.emplace_back();
    part.wanted = std::move(one);
    if (auto found = logs_.find(part.wanted.topic, part.wanted.partition))
      part.log = *found;
    else
      part.error = found.error();
  }
  const bool waits = options.max_wait_ms > 0 && options.min_bytes > 0;
  if (answer(id, waits ? Deadline::ahead : Deadline::passed)) return;
  request.timer = loop_.call_after(std::chrono::milliseconds(options.max_wait_ms),
                                   [this, id] { answer(id, Deadline::passed); });
  park(id);
}

bool FetchQueue::answer(Id id, Deadline deadline) {
  Request& request = *requests_.at(id);
  std::vector<gateway::FetchedRecords> results;
  std::vector<std::unique_ptr<Reading>> readings;  // stay until the answer is written
  results.reserve(request.parts.size());
  const std::size_t most =
      std::min(answer_max_bytes_, static_cast<std::size_t>(std::max(request.options.max_bytes, 0)));
  std::size_t bytes = 0;
  bool ready = deadline == Deadline::passed;
  for (Part& part : request.parts) {
    const std::size_t left = most - std::min(most, bytes);
    results.push_back(
        read(part, left, bytes == 0 ? BatchCollector::First::whole : BatchCollector::First::bounded,
             readings));
    part.had_bytes = results.back().records.size_bytes();
    part.passed_at_start = part.log != nullptr ? part.log->source().passed_bytes() : 0;
    bytes += part.had_bytes;
    ready |= results.back().error.has_value();
  }
  ready |= bytes >= static_cast<std::size_t>(std::max(request.options.min_bytes, 0));
  ready |= bytes >= most && bytes > 0;
  if (!ready) return false;
  forget(id);
  const auto node = requests_.extract(id);
  node.mapped()->done(std::move(results));
  return true;
}

gateway::FetchedRecords FetchQueue::read(Part& part, std::size_t max_bytes,
                                         BatchCollector::First first,
                                         std::vector<std::unique_ptr<Reading>>& readings) {
  gateway::FetchedRecords result;
  if (part.log == nullptr) {
    result.error = part.error;
    return result;
  }
  LogSource& source = part.log->source();
  const auto end = source.end_offset();
  if (!end) {
    result.error = end.error();
    return result;
  }
  const std::uint64_t start = source.start_offset();
  result.high_watermark = static_cast<std::int64_t>(*end);
  result.log_start_offset = static_cast<std::int64_t>(start);
  const auto offset = static_cast<std::uint64_t>(part.wanted.offset);
  if (part.wanted.offset < 0 || offset < start || offset > *end) {
    result.error = Error{ErrorCode::offset_out_of_range,
                         fmt::format("offset {} is not in the log, which holds {} to {}",
                                     part.wanted.offset, start, *end)};
    return result;
  }
  if (offset == *end) return result;
  const std::size_t most =
      std::min(max_bytes, static_cast<std::size_t>(std::max(part.wanted.max_bytes, 0)));
  if (most == 0 && first == BatchCollector::First::bounded) return result;
  Reading& reading = *readings.emplace_back(std::make_unique<Reading>());
  if (const Status done = source.read(offset, most, first, reading); !done)
    result.error = done.error();
  result.records = reading.records;
  return result;
}

// Marks its logs; looks once more, since a producer may have been faster than a mark.
void FetchQueue::park(Id id) {
  Request& request = *requests_.at(id);
  bool any_new = false, fences = false;
  for (Part& part : request.parts) {
    if (part.log == nullptr) continue;
    parked_on_[part.log].insert(id);
    if (part.log->is_marked())
      continue;  // who publishes from here on sees it, as a barrier was passed since
    mark(*part.log);
    any_new = true;
    fences |= part.log->partition().view().geometry().fences;
  }
  if (!any_new) return;
  log::SharedMemory::heavy_barrier(fences);
  if (may_be_enough(request)) answer(id, Deadline::ahead);
}

void FetchQueue::mark(RecordLog& log) {
  if (log.mark() || poll_) return;
  poll_ = loop_.call_every(kPoll, [this] {
    std::set<RecordLog*> all;
    for (const auto& [parked, ids] : parked_on_) all.insert(parked);
    look_at(all);
  });
}

bool FetchQueue::may_be_enough(Request& request) {
  std::size_t bytes = 0;
  for (Part& part : request.parts) {
    if (part.log == nullptr) return true;
    const auto end = part.log->source().end_offset();
    if (!end) return true;
    if (request.options.min_bytes <= 1 && *end > static_cast<std::uint64_t>(part.wanted.offset))
      return true;
    bytes += part.had_bytes + (part.log->source().passed_bytes() - part.passed_at_start);
  }
  return bytes >= static_cast<std::size_t>(std::max(request.options.min_bytes, 1));
}

void FetchQueue::look_at(const std::set<RecordLog*>& logs) {
  std::set<Id> ids;
  for (RecordLog* log : logs)
    if (const auto found = parked_on_.find(log); found != parked_on_.end())
      ids.insert(found->second.begin(), found->second.end());
  for (const Id id : ids)
    if (requests_.contains(id) && may_be_enough(*requests_.at(id))) answer(id, Deadline::ahead);
}

// After our own appends: not at once, so that the producer has its answer first.
void FetchQueue::published(RecordLog& log) {
  if (!parked_on_.contains(&log)) return;
  const bool is_posted = !news_.empty();
  news_.insert(&log);
  if (is_posted) return;
  loop_.post([this] { look_at(std::exchange(news_, {})); });
}

// A mark that is gone was taken by a producer that published: mark anew, and only then look.
void FetchQueue::rung() {
  std::set<RecordLog*> logs;
  bool fences = false;
  for (const auto& [log, ids] : parked_on_) {
    if (log->is_marked()) continue;
    mark(*log);
    fences |= log->partition().view().geometry().fences;
    logs.insert(log);
  }
  if (logs.empty()) return;
  log::SharedMemory::heavy_barrier(fences);
  look_at(logs);
}

// Takes it from the logs that it was parked on.
void FetchQueue::forget(Id id) {
  for (Part& part : requests_.at(id)->parts) {
    const auto found = parked_on_.find(part.log);
    if (found == parked_on_.end()) continue;
    found->second.erase(id);
    if (!found->second.empty()) continue;
    part.log->unmark();
    parked_on_.erase(found);
  }
  if (parked_on_.empty()) poll_.cancel();
}

void FetchQueue::closed(net::ConnectionId connection) {
  for (auto request = requests_.begin(); request != requests_.end();) {
    if (request->second->options.connection != connection) {
      ++request;
      continue;
    }
    forget(request->first);
    request = requests_.erase(request);
  }
}

void FetchQueue::removed(RecordLog& log) {
  news_.erase(&log);
  parked_on_.erase(&log);
  std::vector<Id> ids;
  for (const auto& [id, request] : requests_) {
    for (Part& part : request->parts) {
      if (part.log != &log) continue;
      part.log = nullptr;
      part.error = Error{ErrorCode::unknown_topic_or_partition, "the topic was deleted"};
      ids.push_back(id);
    }
  }
  for (const Id id : ids)
    if (requests_.contains(id)) answer(id, Deadline::passed);
}

}  // namespace ringmain::broker
