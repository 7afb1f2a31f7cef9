#include "client/remote_topics.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "os/poll.hpp"

namespace ringmain::client {
namespace {

constexpr Versions kWithNullForAll{1, kafka::MetadataRequest::max_version};
constexpr std::int64_t kConnectNs = 10'000'000'000;

// Of a topic: whether asking again may help.
bool is_passing(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_topic:
    case ErrorCode::topic_authorization_failed:
    case ErrorCode::cluster_authorization_failed:
    case ErrorCode::policy_violation:
    case ErrorCode::invalid_partitions:
    case ErrorCode::invalid_replication_factor:
      return false;
    default:
      return true;
  }
}

}  // namespace

RemoteTopics::RemoteTopics(std::vector<net::Endpoint> bootstrap, std::string client_id,
                           const RemoteProducerSettings& settings, Told told)
    : bootstrap_(std::move(bootstrap)),
      client_id_(std::move(client_id)),
      settings_(settings),
      told_(std::move(told)),
      wake_(Wake::make()) {
  thread_ = std::thread([this] { run(); });
}

void RemoteTopics::end() {
  wake_.stop();
  if (thread_.joinable()) thread_.join();
}

// ---- asked

std::int32_t RemoteTopics::partitions(const std::string& name, std::int64_t give_up_ns) {
  std::unique_lock lock(mutex_);
  return await(name, 0, give_up_ns, lock);
}

std::int32_t RemoteTopics::partitions_now(const std::string& name, std::int64_t give_up_ns) {
  std::unique_lock lock(mutex_);
  Entry& entry = topics_[name];
  entry.is_wanted = true;
  const std::uint64_t heard = entry.heard;
  wake_.bell.ring();
  return await(name, heard, give_up_ns, lock);
}

std::int32_t RemoteTopics::await(const std::string& name, std::uint64_t heard,
                                 std::int64_t give_up_ns, std::unique_lock<std::mutex>& lock) {
  Entry& entry = topics_[name];  // stays where it is
  if (entry.topic.missing && now_steady_ns() - entry.missing_since_ns >= kPatienceNs) {  // perhaps it is there now
    const std::uint64_t count = entry.heard;
    entry = {};
    entry.heard = count;
  }
  for (;;) {
    if (entry.topic.missing) throw Exception(*entry.topic.missing);
    if (!entry.topic.leaders.empty() && entry.heard > heard)
      return static_cast<std::int32_t>(entry.topic.leaders.size());
    if (entry.is_wanted) wake_.bell.ring();
    const std::int64_t left_ns = give_up_ns - now_steady_ns();
    if (left_ns <= 0) {
      const std::string& why = !entry.trouble.empty() ? entry.trouble : trouble_;
      throw Exception({ErrorCode::request_timed_out,
                       fmt::format("what partitions topic {} has was not known within max.block.ms{}{}",
                                   name, why.empty() ? "" : ": ", why)});
    }
    heard_.wait_for(lock, std::chrono::nanoseconds(left_ns));
  }
}

void RemoteTopics::refresh() {
  {
    const std::lock_guard lock(mutex_);
    is_refresh_wanted_ = true;
  }
  wake_.bell.ring();
}

std::optional<net::Endpoint> RemoteTopics::endpoint(std::int32_t broker) const {
  const std::lock_guard lock(mutex_);
  const auto found = brokers_.find(broker);
  if (found == brokers_.end()) return std::nullopt;
  return found->second;
}

// ---- the thread that asks

void RemoteTopics::run() {
  int failures = 0;  // how often it was asked in a row, and more was wanted
  std::int64_t asked_ns = 0, next_ns = 0;  // next: not before
  while (!wake_.stopping) {
    const bool is_wanted = is_asking_wanted();
    if (!is_wanted) failures = 0;
    const std::int64_t due_ns = is_wanted ? next_ns : std::max(next_ns, asked_ns + settings_.metadata_max_age_ns);
    if (due_ns > now_steady_ns()) {
      os::wait_ready(wake_.bell.fd(), POLLIN, os::Deadline::at_steady_ns(due_ns));
      wake_.bell.drain();
      continue;
    }
    ask();
    ++failures;
    asked_ns = now_steady_ns();
    next_ns = asked_ns + backoff_ns(settings_, failures);
  }
}

bool RemoteTopics::is_asking_wanted() const {
  const std::lock_guard lock(mutex_);
  return is_refresh_wanted_ || std::any_of(topics_.begin(), topics_.end(), [](const auto& each) {
           return each.second.is_wanted && !each.second.topic.missing;
         });
}

// Of all topics.
void RemoteTopics::ask() {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    is_refresh_wanted_ = false;
    for (const auto& [name, entry] : topics_)
      if (!entry.topic.missing) names.push_back(name);
  }
  if (!connection_) {
    const auto known = addresses();
    const RemoteTimes times{std::min(kConnectNs, settings_.request_timeout_ns),
                            settings_.request_timeout_ns};
    connection_.emplace(known[next_address_ % known.size()], client_id_, times, &wake_);
  }
  const Status asked = ask_about(names);
  if (asked) return;
  connection_.reset();
  ++next_address_;
  const std::lock_guard lock(mutex_);
  trouble_ = asked.error().message;
  is_refresh_wanted_ = true;
}

std::vector<net::Endpoint> RemoteTopics::addresses() const {
  const std::lock_guard lock(mutex_);
  std::vector<net::Endpoint> all = bootstrap_;
  for (const auto& [id, endpoint] : brokers_)
    if (std::find(all.begin(), all.end(), endpoint) == all.end()) all.push_back(endpoint);
  return all;
}

Status RemoteTopics::ask_about(const std::vector<std::string>& names) {
  RINGMAIN_TRY_ASSIGN(version,
                      connection_->best_version(kafka::MetadataRequest::api_key, kWithNullForAll));
  kafka::MetadataRequest request;
  request.topics.emplace();
  for (const std::string& name : names) request.topics->emplace_back().name = name;
  request.allow_auto_topic_creation = true;
  const kafka::RequestOptions options{version, next_correlation_++ & 0x7fffffff, client_id_};
  RINGMAIN_TRY_ASSIGN(frame, kafka::request_frame(request, options));
  RINGMAIN_TRY_ASSIGN(answer, connection_->exchange(frame));
  RINGMAIN_TRY_ASSIGN(response, kafka::decode_response<kafka::MetadataResponse>(answer, options));
  learn(response);
  return {};
}

void RemoteTopics::learn(const kafka::MetadataResponse& response) {
  std::vector<std::pair<std::string, Topic>> news;
  {
    const std::lock_guard lock(mutex_);
    trouble_.clear();
    std::map<std::int32_t, net::Endpoint> brokers;
    for (const auto& broker : response.brokers)
      if (broker.port > 0 && broker.port <= 65535)
        brokers[broker.node_id] = {broker.host, static_cast<std::uint16_t>(broker.port)};
    // Of a single broker the address that we were given is as good as the one that it knows of
    // itself, or better: it may be behind a tunnel.
    if (brokers.size() == 1 && connection_) brokers.begin()->second = connection_->endpoint();
    brokers_ = std::move(brokers);
    for (const auto& told : response.topics) {
      const auto found = topics_.find(told.name);
      if (found == topics_.end()) continue;
      learn_topic(found->second, told);
      news.emplace_back(told.name, found->second.topic);
    }
  }
  ++generation_;
  for (const auto& [name, topic] : news) told_(name, topic);
  heard_.notify_all();
}

void RemoteTopics::learn_topic(Entry& entry, const kafka::MetadataResponse::Topic& told) {
  ++entry.heard;
  const auto code = static_cast<ErrorCode>(told.error_code);
  if (code == ErrorCode::none) {
    std::size_t count = 0;
    for (const auto& partition : told.partitions)
      count = std::max(count, static_cast<std::size_t>(std::max(partition.partition_index, -1) + 1));
    // Numbers without gaps, or it is no answer to build on.
    std::vector<std::int32_t> leaders(std::min(count, told.partitions.size()), kNoLeader);
    for (const auto& partition : told.partitions)
      if (partition.partition_index >= 0 && static_cast<std::size_t>(partition.partition_index) < leaders.size())
        leaders[static_cast<std::size_t>(partition.partition_index)] = partition.leader_id;
    entry.is_wanted = leaders.empty() || std::find(leaders.begin(), leaders.end(), kNoLeader) != leaders.end();
    entry.topic.leaders = std::move(leaders);
    entry.unknown_since_ns = 0;
    entry.trouble = entry.is_wanted ? fmt::format("a partition of topic {} has no leader at present", told.name) : "";
    return;
  }
  entry.trouble = fmt::format("cannot find topic {}: {} (error {})", told.name, error_name(code), told.error_code);
  entry.is_wanted = true;
  const std::int64_t now_ns = now_steady_ns();
  if (code != ErrorCode::unknown_topic_or_partition)
    entry.unknown_since_ns = 0;
  else if (entry.unknown_since_ns == 0)
    entry.unknown_since_ns = now_ns;
  const bool is_missing = entry.unknown_since_ns != 0 && now_ns - entry.unknown_since_ns >= kPatienceNs;
  if (is_missing)
    entry.topic.missing = Error{code, fmt::format("there is no topic {}, and the broker does not create it "
                                                  "(auto.create.topics.enable): create it first", told.name)};
  else if (!is_passing(code))
    entry.topic.missing = Error{code, entry.trouble};
  if (entry.topic.missing) entry.missing_since_ns = now_ns;
}

}  // namespace ringmain::client
