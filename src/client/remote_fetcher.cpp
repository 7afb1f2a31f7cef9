#include "client/remote_fetcher.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"
#include "client/remote_offsets.hpp"
#include "client/remote_peers.hpp"

namespace ringmain::client {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kLookAgainNs = 1000 * kMs;  // for another leader, while one is away
constexpr std::int64_t kAgainNs = 100 * kMs;      // after what may pass: Kafka's retry.backoff.ms
constexpr std::int64_t kPaceNs = 50 * kMs;        // of Fetches that do not wait and bring nothing
constexpr std::int64_t kAnswerNs = 30'000 * kMs;  // request.timeout.ms, beside the broker's wait
constexpr std::int8_t kReadUncommitted = 0;
constexpr std::int32_t kNoEpoch = -1;

os::EventFd make_eventfd() {
  auto created = os::EventFd::create();
  if (!created) throw Exception(created.error());
  return std::move(*created);
}

// What Kafka's brokers say that is over soon.
bool is_passing(std::int16_t error) {
  constexpr std::int16_t kReplicaNotAvailable = 9, kNotEnoughReplicas = 19,
                         kOffsetNotAvailable = 78;
  return is_about_leader(error) || error == kReplicaNotAvailable || error == kNotEnoughReplicas ||
         error == kOffsetNotAvailable ||
         error == static_cast<std::int16_t>(ErrorCode::request_timed_out) ||
         error == static_cast<std::int16_t>(ErrorCode::network_exception);
}

// Of the way to the broker, and of what it says.
bool is_passing(const Error& error) {
  switch (error.code) {
    case ErrorCode::broker_unavailable:
    case ErrorCode::closed:
    case ErrorCode::io:
    case ErrorCode::invalid_request:  // no such broker (any more)
      return true;
    default:
      return is_passing(static_cast<std::int16_t>(error.code));
  }
}

}  // namespace

RemoteFetcher::RemoteFetcher(std::shared_ptr<RemoteCluster> cluster, std::string client_id,
                             FetchSettings settings)
    : cluster_(std::move(cluster)),
      client_id_(std::move(client_id)),
      settings_(settings),
      leaders_(cluster_),
      commands_(make_eventfd()) {
  thread_ = std::thread([this] { run(); });
}

RemoteFetcher::~RemoteFetcher() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  commands_.ring();
  thread_.join();
}

// ---- the polling thread

void RemoteFetcher::order(std::vector<FetchOrder> orders, bool others_are_full) {
  {
    const std::lock_guard lock(mutex_);
    ordered_ = std::move(orders);
    others_are_full_ = others_are_full;
  }
  commands_.ring();
}

std::vector<Parcel> RemoteFetcher::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(parcels_, {});
}

bool RemoteFetcher::wait(const std::atomic<std::uint32_t>& signals, std::uint32_t ending, std::int64_t until_ns) {
  std::unique_lock lock(mutex_);
  const auto is_ready = [&] {
    return !parcels_.empty() || (signals.load(std::memory_order_acquire) & ending) != 0;
  };
  const std::int64_t left_ns = until_ns - now_steady_ns();
  constexpr std::int64_t kLongNs = 3'600'000 * kMs;  // what follows adds it to a clock
  if (left_ns <= kLongNs)
    return arrived_.wait_for(lock, std::chrono::nanoseconds(std::max<std::int64_t>(left_ns, 0)),
                             is_ready);
  arrived_.wait(lock, is_ready);
  return true;
}

void RemoteFetcher::ring() noexcept {
  { const std::lock_guard lock(mutex_); }  // who waits has looked, and sleeps, or looks yet
  arrived_.notify_all();
}

// ---- the fetcher's thread

void RemoteFetcher::run() {
  while (take_orders()) {
    place_orders(now_steady_ns());
    send_fetches(now_steady_ns());
    wait_for_answers();
  }
}

bool RemoteFetcher::take_orders() {
  const std::lock_guard lock(mutex_);
  if (closing_) return false;
  if (!ordered_) return true;
  orders_ = std::move(*std::exchange(ordered_, std::nullopt));
  hurries_ = others_are_full_;
  std::map<TopicPartition, Progress> progress;
  for (const FetchOrder& order : orders_)
    if (const auto found = progress_.find(order.partition); found != progress_.end())
      progress.insert(progress_.extract(found));
  progress_ = std::move(progress);
  for (auto& [id, leader] : at_leaders_)
    if (leader.asked.empty()) leader.next_ns = 0;  // there may be something to ask for
  return true;
}

bool RemoteFetcher::is_due(const FetchOrder& order, std::int64_t now_ns) const {
  const auto found = progress_.find(order.partition);
  if (found != progress_.end() &&
      (found->second.done_ticket >= order.ticket || found->second.next_ns > now_ns))
    return false;
  return std::ranges::none_of(at_leaders_, [&](const auto& leader) {
    return std::ranges::any_of(leader.second.asked, [&](const FetchOrder& asked) {
      return asked.partition == order.partition;
    });
  });
}

std::optional<std::int32_t> RemoteFetcher::leader_of(const FetchOrder& order) {
  const std::int64_t now_ns = now_steady_ns();
  if (now_ns < lookup_ns_ && !leaders_.known(order.partition)) return std::nullopt;
  const auto found = leaders_.leader(order.partition);
  if (found) return found->broker_id();
  if (!is_passing(found.error())) {
    deliver(order, found.error());
    return std::nullopt;
  }
  // A cluster that cannot be asked is not asked for each partition.
  if (static_cast<std::int16_t>(found.error().code) >= 1000 ||
      found.error().code == ErrorCode::request_timed_out)
    lookup_ns_ = now_steady_ns() + kAgainNs;
  later(order.partition);
  return std::nullopt;
}

void RemoteFetcher::later(const TopicPartition& partition) {
  progress_[partition].next_ns = now_steady_ns() + kAgainNs;
}

// Finds out where starts and ends are.
void RemoteFetcher::place_orders(std::int64_t now_ns) {
  std::map<std::int32_t, Asked> wanted;
  for (const FetchOrder& order : orders_)
    if (order.from < 0 && is_due(order, now_ns))
      if (const auto id = leader_of(order)) wanted[*id].push_back(order);
  for (const auto& [id, orders] : wanted) {
    std::map<TopicPartition, std::int64_t> times;
    for (const FetchOrder& order : orders) times[order.partition] = order.from;
    const auto told = list_offsets(*cluster_, To::broker(id), times);
    for (const FetchOrder& order : orders) {
      if (!told) {
        leaders_.forget(order.partition);
        if (is_passing(told.error()))
          later(order.partition);
        else
          deliver(order, told.error());
        continue;
      }
      const auto found = told->find(order.partition);
      if (found == told->end()) {
        later(order.partition);
      } else if (found->second.error != 0) {
        take_refusal(order, found->second.error);
      } else {
        Parcel parcel;
        parcel.partition = order.partition;
        parcel.ticket = order.ticket;
        parcel.place = std::max<std::int64_t>(found->second.offset, 0);
        deliver(std::move(parcel));
      }
    }
  }
}

void RemoteFetcher::send_fetches(std::int64_t now_ns) {
  std::map<std::int32_t, Asked> wanted;
  for (const FetchOrder& order : orders_)
    if (order.from >= 0 && is_due(order, now_ns))
      if (const auto id = leader_of(order)) wanted[*id].push_back(order);
  for (auto& [id, orders] : wanted) {
    Leader& leader = at_leaders_[id];
    if (!leader.link)
      leader.link =
          std::make_unique<BrokerLink>(std::make_shared<RemoteBroker>(cluster_, id), client_id_);
    if (now_ns < leader.away_until_ns) {  // perhaps others lead by now
      for (const FetchOrder& order : orders) {
        leaders_.forget(order.partition);
        progress_[order.partition].next_ns = std::min(now_ns + kLookAgainNs, leader.away_until_ns);
      }
    } else if (leader.asked.empty() && now_ns >= leader.next_ns) {
      send_fetch(id, std::move(orders), now_ns);
    }
  }
}

void RemoteFetcher::send_fetch(std::int32_t id, Asked wanted, std::int64_t now_ns) {
  Leader& leader = at_leaders_[id];
  kafka::FetchRequest request;
  request.replica_id = -1;
  request.max_wait_ms = hurries_ ? 0 : settings_.max_wait_ms;
  request.min_bytes = settings_.min_bytes;
  request.max_bytes = settings_.max_bytes;
  request.isolation_level = kReadUncommitted;
  request.session_epoch = kNoEpoch;
  for (const FetchOrder& order : wanted) {
    if (request.topics.empty() || request.topics.back().topic != order.partition.topic)
      request.topics.emplace_back().topic = order.partition.topic;
    auto& partition = request.topics.back().partitions.emplace_back();
    partition.partition = order.partition.partition;
    partition.fetch_offset = order.from;
    partition.partition_max_bytes = settings_.partition_max_bytes;
  }
  leader.asked = std::move(wanted);
  leader.asked_ns = now_ns;
  leader.has_waited = request.max_wait_ms > 0;
  leader.answer_due_ns = now_ns + request.max_wait_ms * kMs + kAnswerNs;
  const Status sent = leader.link->send(request);
  if (sent) return;
  if (!is_passing(sent.error())) return fail_all(leader, sent.error());
  await_return(leader, now_ns);
  give_up(leader);
}

// Connecting holds everybody up, so who cannot be reached gets a fifth of the time at the most.
void RemoteFetcher::await_return(Leader& leader, std::int64_t tried_since_ns) {
  const std::int64_t now_ns = now_steady_ns();
  leader.away_until_ns = now_ns + std::max(kAgainNs, 4 * (now_ns - tried_since_ns));
}

void RemoteFetcher::fail_all(Leader& leader, const Error& error) {
  for (const FetchOrder& order : std::exchange(leader.asked, {})) deliver(order, error);
}

// Whoever was asked is away: perhaps others lead now.
void RemoteFetcher::give_up(Leader& leader) {
  leader.link->close();
  for (const FetchOrder& order : std::exchange(leader.asked, {})) {
    leaders_.forget(order.partition);
    later(order.partition);
  }
}

void RemoteFetcher::wait_for_answers() {
  std::int64_t until_ns = INT64_MAX;
  std::vector<pollfd> watched{{commands_.fd(), POLLIN, 0}};
  std::vector<Leader*> leaders{nullptr};
  for (auto& [id, leader] : at_leaders_) {
    if (leader.asked.empty()) continue;
    watched.push_back({leader.link->fd(), POLLIN, 0});
    leaders.push_back(&leader);
    until_ns = std::min(until_ns, leader.answer_due_ns);
  }
  for (const FetchOrder& order : orders_) {  // those that wait for their time
    const auto found = progress_.find(order.partition);
    if (found != progress_.end() && found->second.done_ticket >= order.ticket) continue;
    if (!is_due(order, INT64_MAX)) continue;  // under way
    std::int64_t due_ns = found == progress_.end() ? 0 : found->second.next_ns;
    const auto known = leaders_.known(order.partition);
    if (!known)
      due_ns = std::max(due_ns, lookup_ns_);
    else if (const auto leader = at_leaders_.find(*known); leader != at_leaders_.end() && order.from >= 0) {
      if (!leader->second.asked.empty()) continue;  // its answer comes first
      due_ns = std::max(due_ns, leader->second.next_ns);
    }
    until_ns = std::min(until_ns, due_ns);
  }
  const auto deadline =
      until_ns == INT64_MAX ? os::Deadline::never() : os::Deadline::at_steady_ns(until_ns);
  ::poll(watched.data(), watched.size(), deadline.poll_timeout_ms());
  commands_.drain();
  const std::int64_t now_ns = now_steady_ns();
  for (std::size_t i = 1; i < watched.size(); ++i) {
    if (watched[i].revents != 0)
      receive(*leaders[i]);
    else if (now_ns >= leaders[i]->answer_due_ns)
      give_up(*leaders[i]);
  }
}

void RemoteFetcher::receive(Leader& leader) {
  auto said = leader.link->receive_said<kafka::FetchResponse>(os::Deadline::after_ns(0));
  if (!said && is_passing(said.error())) return give_up(leader);
  if (!said) return fail_all(leader, said.error());
  if (*said) take_answer(leader, std::move(**said));
}

void RemoteFetcher::take_answer(Leader& leader, Said<kafka::FetchResponse> said) {
  const Asked asked = std::exchange(leader.asked, {});
  if (said.response.error_code != 0) {
    for (const FetchOrder& order : asked) take_refusal(order, said.response.error_code);
    return;
  }
  bool brought = false;
  auto message = std::make_shared<kafka::Bytes>(std::move(said.message));  // stays where it is
  for (const auto& topic : said.response.responses)
    for (const auto& found : topic.partitions) {
      const auto order = std::ranges::find_if(asked, [&](const FetchOrder& one) {
        return one.partition.partition == found.partition_index &&
               one.partition.topic == topic.topic;
      });
      if (order == asked.end()) continue;
      if (found.error_code != 0) {
        brought = true;
        take_refusal(*order, found.error_code);
        continue;
      }
      if (!found.records || found.records->empty()) continue;
      brought = true;
      Parcel parcel;
      parcel.partition = order->partition;
      parcel.ticket = order->ticket;
      parcel.message = message;
      parcel.records = found.records->whole();
      parcel.log_start_offset = found.log_start_offset;
      deliver(std::move(parcel));
    }
  // Some brokers answer at once although they have nothing.
  const std::int64_t now_ns = now_steady_ns();
  const std::int64_t pace_ns =
      leader.has_waited ? std::min(kPaceNs, settings_.max_wait_ms * kMs) : kPaceNs;
  if (!brought) leader.next_ns = std::max(now_ns, leader.asked_ns + pace_ns);
}

void RemoteFetcher::take_refusal(const FetchOrder& order, std::int16_t error) {
  const TopicPartition& partition = order.partition;
  // Whether the topic is gone is for the cluster to say: a broker may not have heard of it yet.
  if (is_passing(error) ||
      error == static_cast<std::int16_t>(ErrorCode::unknown_topic_or_partition)) {
    leaders_.forget(partition);
    return later(partition);
  }
  Parcel parcel;
  parcel.partition = partition;
  parcel.ticket = order.ticket;
  parcel.error = partition_error(error, partition, "read");
  if (error == static_cast<std::int16_t>(ErrorCode::offset_out_of_range)) {
    if (const auto leader = leaders_.leader(partition)) {
      const auto told = list_offsets(*cluster_, *leader, {{partition, kFromStart}});
      if (!told || !told->contains(partition) || told->at(partition).error != 0)
        return later(partition);  // it is asked for again, and told then
      parcel.log_start_offset = told->at(partition).offset;
    }
  }
  deliver(std::move(parcel));
}

void RemoteFetcher::deliver(Parcel parcel) {
  progress_[parcel.partition].done_ticket = parcel.ticket;
  {
    const std::lock_guard lock(mutex_);
    parcels_.push_back(std::move(parcel));
  }
  arrived_.notify_all();
}

void RemoteFetcher::deliver(const FetchOrder& order, Error error) {
  Parcel parcel;
  parcel.partition = order.partition;
  parcel.ticket = order.ticket;
  parcel.error = std::move(error);
  deliver(std::move(parcel));
}

}  // namespace ringmain::client
