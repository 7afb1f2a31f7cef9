#include "client/deliveries.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.hpp"

namespace ringmain::client {
namespace {

Error timed_out(const Lane& lane, std::int64_t offset) {
  return {
      ErrorCode::request_timed_out,
      fmt::format("offset {} of {}-{} was not on disk within delivery.timeout.ms: the disk is "
                  "slow, or no broker runs. "
                  "It is published, and will be written yet",
                  offset, lane.appender.partition().topic, lane.appender.partition().partition)};
}

}  // namespace

void Deliveries::expect(Lane& lane, const RecordMetadata& metadata,
                        const DeliveryCallback& callback) {
  const bool is_listed = std::any_of(lanes_.begin(), lanes_.end(),
                                     [&](const auto& each) { return each.get() == &lane; });
  if (!is_listed) lanes_.push_back(lane.shared_from_this());
  lane.waiting.push_back({metadata, callback, now_steady_ns() + timeout_ns_});
  lane.appender.request_durable();
  if (++outstanding_ > kMostOutstanding) settle(lane, lane.waiting.front().metadata.offset);
}

void Deliveries::await(Lane& lane, const RecordMetadata& metadata) const {
  if (!lane.appender.wait_durable(metadata.offset, std::chrono::nanoseconds(timeout_ns_)))
    throw Exception(timed_out(lane, metadata.offset));
}

void Deliveries::poll() {
  for (const auto& lane : lanes_) look(*lane);
  std::erase_if(lanes_, [](const auto& lane) { return lane->waiting.empty(); });
}

void Deliveries::flush() {
  std::vector<std::pair<std::shared_ptr<Lane>, std::int64_t>>
      ends;  // what callbacks send meanwhile is not waited for
  for (const auto& lane : lanes_)
    if (!lane->waiting.empty()) ends.emplace_back(lane, lane->waiting.back().metadata.offset);
  for (const auto& [lane, end] : ends) settle(*lane, end);
  poll();
}

void Deliveries::give_up(Lane& lane, const Error& why) {
  while (!lane.waiting.empty()) take(lane, why);
}

// Until it is known of the records up to an offset whether they are on disk.
void Deliveries::settle(Lane& lane, std::int64_t up_to_offset) {
  while (!lane.waiting.empty() &&
         lane.waiting.front().metadata.offset <= up_to_offset) {  // each turn takes one or more
    try {
      const std::int64_t left_ns =
          std::max<std::int64_t>(lane.waiting.front().deadline_ns - now_steady_ns(), 0);
      lane.appender.wait_durable(lane.waiting.front().metadata.offset,
                                 std::chrono::nanoseconds(left_ns));
    } catch (const Exception&) {
      // look() meets it again, or it has passed
    }
    look(lane);
  }
}

// Takes what is known by now: on disk, refused, or too late.
void Deliveries::look(Lane& lane) {
  if (lane.waiting.empty()) return;
  const std::int64_t durable = lane.appender.durable_offset();
  while (!lane.waiting.empty() && lane.waiting.front().metadata.offset < durable)
    take(lane, std::nullopt);
  if (lane.waiting.empty()) return;
  const std::int64_t first = lane.waiting.front().metadata.offset;
  try {
    if (lane.appender.wait_durable(first, std::chrono::nanoseconds(0)))
      return take(lane, std::nullopt);
  } catch (const Exception& refused) {
    return give_up(lane, {refused.code(), refused.what()});
  }
  const std::int64_t now_ns = now_steady_ns();
  while (!lane.waiting.empty() && lane.waiting.front().deadline_ns <= now_ns)
    take(lane, timed_out(lane, lane.waiting.front().metadata.offset));
}

void Deliveries::take(Lane& lane, std::optional<Error> error) {
  Lane::Waiting& first = lane.waiting.front();
  due_.push_back({first.metadata, std::move(first.callback), std::move(error)});
  lane.waiting.pop_front();
  --outstanding_;
}

void Deliveries::done(const RecordMetadata& metadata, const DeliveryCallback& callback,
                      std::optional<Error> error) {
  if (callback) due_.push_back({metadata, callback, std::move(error)});
}

std::optional<Deliveries::Report> Deliveries::next_report() {
  if (due_.empty()) return std::nullopt;
  Report next = std::move(due_.front());
  due_.pop_front();
  return next;
}

}  // namespace ringmain::client
