#include "client/member_thread.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "kafka/generated/heartbeat.hpp"
#include "kafka/generated/leave_group.hpp"
#include "kafka/generated/metadata.hpp"

namespace ringmain::client {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kFirstRetryNs = 2 * kMs;  // the next broker is up within milliseconds
constexpr std::int64_t kLongestRetryNs = 100 * kMs;
constexpr std::int64_t kAnswerNs = 5'000 * kMs;      // to what a broker answers at once
constexpr std::int64_t kJoinAnswerNs = 5'000 * kMs;  // beyond the time that the others may take
constexpr Versions kMetadata{4, kafka::MetadataRequest::max_version};  // which makes no topics

// A static member's name stands in requests from that version on.
template <class Request>
Versions from(const GroupSettings& settings, std::int16_t version) {
  return {settings.instance ? version : Request::min_version, Request::max_version};
}

os::EventFd make_eventfd() {
  auto created = os::EventFd::create();
  if (!created) throw Exception(created.error());
  return std::move(*created);
}

}  // namespace

MemberThread::MemberThread(std::shared_ptr<LinkPeer> coordinator, const std::string& client_id,
                           GroupSettings settings, std::function<void()> tell)
    : coordinator_(std::move(coordinator)),
      client_id_(client_id),
      settings_(std::move(settings)),
      tell_(std::move(tell)),
      commands_(make_eventfd()),
      join_link_(coordinator_, client_id_),
      heart_link_(coordinator_, client_id_) {
  thread_ = std::thread([this] { run(); });
}

MemberThread::~MemberThread() {
  end_thread();
}

// ---- the polling thread

void MemberThread::join(JoinOrder order) {
  {
    const std::lock_guard lock(mutex_);
    ordered_ = std::move(order);
  }
  commands_.ring();
}

GroupNews MemberThread::take_news() {
  asked_who_polls_.store(false, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

void MemberThread::leave(os::Deadline deadline) {
  end_thread();
  say_good_bye(deadline);
}

void MemberThread::end_thread() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  commands_.ring();
  if (thread_.joinable()) thread_.join();
}

// ---- the member's thread

void MemberThread::run() {
  for (;;) {  // until the polling thread ends it
    if (!take_order()) return;
    go_on();
    wait();
  }
}

bool MemberThread::take_order() {
  const std::lock_guard lock(mutex_);
  if (closing_) return false;
  if (!ordered_) return true;
  order_ = std::move(*std::exchange(ordered_, std::nullopt));
  forget_join();
  phase_ = Phase::to_join;
  join_due_ns_ = join_since_ns_ = now_steady_ns();
  told_of_slow_join_ = false;
  return true;
}

void MemberThread::go_on() {
  const std::int64_t now_ns = now_steady_ns();
  if (phase_ == Phase::to_join && now_ns >= join_due_ns_) send_join();
  if (phase_ == Phase::joining) look_how_long_it_joins(now_ns);
  if (is_in()) look_who_polls(now_ns);
  if (is_in() && heart_link_.owed() == 0 && now_ns >= heart_due_ns_) send_heartbeat();
}

void MemberThread::wait() {
  std::int64_t until_ns = INT64_MAX;
  if (phase_ == Phase::to_join) until_ns = join_due_ns_;
  if (phase_ == Phase::joining && !told_of_slow_join_)
    until_ns = join_since_ns_ + settings_.max_poll_interval_ms * kMs;
  if (is_in()) until_ns = heart_link_.owed() == 0 ? std::min(look_ns_, heart_due_ns_) : look_ns_;
  if (join_link_.owed() > 0) until_ns = std::min(until_ns, join_answer_ns_);
  if (heart_link_.owed() > 0) until_ns = std::min(until_ns, heart_answer_ns_);
  pollfd watched[3] = {{commands_.fd(), POLLIN, 0},
                       {join_link_.owed() > 0 ? join_link_.fd() : -1, POLLIN, 0},
                       {heart_link_.owed() > 0 ? heart_link_.fd() : -1, POLLIN, 0}};
  const auto deadline =
      until_ns == INT64_MAX ? os::Deadline::never() : os::Deadline::at_steady_ns(until_ns);
  ::poll(watched, 3, deadline.poll_timeout_ms());
  commands_.drain();
  const os::Deadline now = os::Deadline::after_ns(0);
  if (watched[1].revents != 0 && phase_ == Phase::joining) {
    auto response = join_link_.receive<kafka::JoinGroupResponse>(now);
    if (!response)
      join_failed(response.error());
    else if (*response)
      joined(std::move(**response));
  } else if (watched[1].revents != 0 && phase_ == Phase::syncing) {
    auto response = join_link_.receive<kafka::SyncGroupResponse>(now);
    if (!response)
      join_failed(response.error());
    else if (*response)
      synced(**response);
  } else if (watched[1].revents != 0) {
    join_link_.close();  // an answer to what nobody waits for any more
  }
  if (watched[2].revents != 0) receive_heartbeat();
  look_for_answers(now_steady_ns());
}

// Over TCP nobody tells that the other side's host is gone.
void MemberThread::look_for_answers(std::int64_t now_ns) {
  if (join_link_.owed() > 0 && now_ns >= join_answer_ns_) {
    join_link_.close();
    join_link_.look_elsewhere();
    if (phase_ == Phase::joining || phase_ == Phase::syncing) join_later(retry_delay_ns());
  }
  if (heart_link_.owed() > 0 && now_ns >= heart_answer_ns_) {
    heart_link_.close();
    heart_link_.look_elsewhere();
    heart_due_ns_ = now_ns + retry_delay_ns();
  }
}

std::int64_t MemberThread::retry_delay_ns() {
  retry_ns_ = std::clamp(2 * retry_ns_, kFirstRetryNs, kLongestRetryNs);
  return retry_ns_;
}

// ---- joining

// Nobody waits for what is still owed there. Without a reason the link stays: its end, or the other
// link's, tells the broker that this member is gone.
void MemberThread::forget_join() {
  if (join_link_.owed() > 0) join_link_.close();
}

void MemberThread::join_later(std::int64_t delay_ns) {
  phase_ = Phase::to_join;
  join_due_ns_ = now_steady_ns() + delay_ns;
}

// What a refusal would mean, it means here, too; all else passes.
void MemberThread::join_failed(const Error& error) {
  const auto code = static_cast<Answer>(error.code);
  const bool is_refusal = code > 0 && code < 1000 && verdict_on(code) == Verdict::fatal;
  if (coordinator_->is_local() || !is_refusal) return join_later(retry_delay_ns());
  out(error, code);
}

void MemberThread::send_join() {
  phase_ = Phase::joining;
  const Status sent = join_link_.send(join_request(settings_, order_, me_.member),
                                      from<kafka::JoinGroupRequest>(settings_, 5));
  if (!coordinator_->is_local())
    join_answer_ns_ = now_steady_ns() + settings_.max_poll_interval_ms * kMs + kJoinAnswerNs;
  if (!sent) join_failed(sent.error());
}

void MemberThread::joined(kafka::JoinGroupResponse response) {
  if (response.error_code == static_cast<Answer>(ErrorCode::member_id_required)) {
    me_.member = response.member_id;
    return send_join();
  }
  if (response.error_code != 0) return join_refused(response.error_code);
  me_ = {response.member_id, response.generation_id};
  phase_ = Phase::syncing;
  polled_ns_ = heart_due_ns_ = now_steady_ns();
  look_ns_ = 0;
  if (const Status sent = send_sync(response); !sent) join_failed(sent.error());
}

// The leader shares out first.
Status MemberThread::send_sync(const kafka::JoinGroupResponse& joined) {
  kafka::SyncGroupRequest sync;
  sync.group_id = settings_.group;
  sync.generation_id = me_.generation;
  sync.member_id = me_.member;
  sync.group_instance_id = settings_.instance;
  sync.protocol_type = joined.protocol_type;
  sync.protocol_name = joined.protocol_name;
  counts_.reset();
  if (joined.leader == me_.member) {
    const auto view = view_of_group(joined);
    if (!view) return fail(ErrorCode::inconsistent_group_protocol, "unknown protocol");
    kafka::MetadataRequest asked;
    auto& names = asked.topics.emplace();
    for (const std::string& topic : view->topics) names.push_back({topic});
    asked.allow_auto_topic_creation = false;
    RINGMAIN_TRY_ASSIGN(metadata, join_link_.call<kafka::MetadataResponse>(
                                      asked, kMetadata, os::Deadline::after_ns(kAnswerNs)));
    counts_.emplace();
    for (const std::string& topic : view->topics) (*counts_)[topic] = 0;
    PartitionCounts there;
    for (const auto& topic : metadata.topics)
      if (topic.error_code == 0)
        (*counts_)[topic.name] = there[topic.name] =
            static_cast<std::int32_t>(topic.partitions.size());
    RINGMAIN_TRY_ASSIGN(parts, share_out(*view, there));
    sync.assignments = std::move(parts);
  }
  return join_link_.send(sync, from<kafka::SyncGroupRequest>(settings_, 3));
}

void MemberThread::synced(const kafka::SyncGroupResponse& response) {
  if (response.error_code != 0) return join_refused(response.error_code);
  auto part = part_of(response);
  if (!part) return out(part.error(), static_cast<Answer>(ErrorCode::unknown));
  phase_ = Phase::member;
  retry_ns_ = 0;
  publish([&](GroupNews& news) {
    news.rebalance = false;
    news.part = GroupPart{me_, std::move(*part), counts_};
  });
}

void MemberThread::join_refused(Answer answer) {
  switch (verdict_on(answer)) {
    case Verdict::good:
      return join_later(retry_delay_ns());
    case Verdict::again:
      join_link_.look_elsewhere();
      return join_later(retry_delay_ns());
    case Verdict::rejoin:
      return join_later(0);
    case Verdict::lost:
    case Verdict::fatal:
      return out(group_error(settings_.group, answer), answer);
  }
}

// The others wait for a member no longer than this. A static one is not told that it was passed
// over: it knows by itself that it may hold nothing any more.
void MemberThread::look_how_long_it_joins(std::int64_t now_ns) {
  if (told_of_slow_join_ || now_ns < join_since_ns_ + settings_.max_poll_interval_ms * kMs) return;
  told_of_slow_join_ = true;
  publish([&](GroupNews& news) {
    news.lost = Error{ErrorCode::unknown_member_id,
                      fmt::format("group {}: joining took longer than max.poll.interval.ms={}",
                                  settings_.group, settings_.max_poll_interval_ms)};
    news.still_joins = true;
  });
}

// ---- heartbeats

void MemberThread::send_heartbeat() {
  heartbeat_of_ = me_;
  if (!coordinator_->is_local()) {
    kafka::HeartbeatRequest beat;
    beat.group_id = settings_.group;
    beat.generation_id = me_.generation;
    beat.member_id = me_.member;
    beat.group_instance_id = settings_.instance;
    heart_answer_ns_ = now_steady_ns() + settings_.session_timeout_ms * kMs;
    if (!heart_link_.send(beat, from<kafka::HeartbeatRequest>(settings_, 3)))
      heart_due_ns_ = now_steady_ns() + retry_delay_ns();
    return;
  }
  kafka::AwaitRebalanceRequest request;
  request.group_id = settings_.group;
  request.generation_id = me_.generation;
  request.member_id = me_.member;
  request.group_instance_id = settings_.instance;
  request.max_wait_ms = settings_.heartbeat_interval_ms;
  if (!heart_link_.send(request)) heart_due_ns_ = now_steady_ns() + retry_delay_ns();
}

void MemberThread::receive_heartbeat() {
  if (coordinator_->is_local())
    receive_heartbeat_as<kafka::AwaitRebalanceResponse>();
  else
    receive_heartbeat_as<kafka::HeartbeatResponse>();
}

template <class Response>
void MemberThread::receive_heartbeat_as() {
  auto response = heart_link_.receive<Response>(os::Deadline::after_ns(0));
  if (!response)
    heart_due_ns_ = now_steady_ns() + retry_delay_ns();
  else if (*response)
    heartbeat_answered((*response)->error_code);
}

void MemberThread::heartbeat_answered(Answer answer) {
  const std::int64_t now_ns = now_steady_ns();
  heart_due_ns_ = now_ns;
  if (!coordinator_->is_local()) heart_due_ns_ += settings_.heartbeat_interval_ms * kMs;
  const bool speaks_of_me =
      heartbeat_of_.member == me_.member && heartbeat_of_.generation == me_.generation;
  if (!is_in() || !speaks_of_me) return;
  switch (verdict_on(answer)) {
    case Verdict::good:
      if (phase_ == Phase::member) retry_ns_ = 0;
      return;
    case Verdict::again:
      heart_link_.look_elsewhere();
      heart_due_ns_ = now_ns + retry_delay_ns();
      return;
    case Verdict::rejoin:
      heart_due_ns_ = now_ns + settings_.heartbeat_interval_ms * kMs;
      if (phase_ != Phase::member) return;  // SyncGroup tells, or the polling thread knows
      phase_ = Phase::told;
      return publish([](GroupNews& news) { news.rebalance = true; });
    case Verdict::lost:
    case Verdict::fatal:
      return out(group_error(settings_.group, answer), answer);
  }
}

// Asks the polling thread now and then for a sign of life, which its next poll() gives.
void MemberThread::look_who_polls(std::int64_t now_ns) {
  if (now_ns < look_ns_) return;
  const std::int64_t max_ns = settings_.max_poll_interval_ms * kMs;
  look_ns_ = now_ns + std::min(settings_.heartbeat_interval_ms * kMs, max_ns / 2);
  if (!asked_who_polls_.exchange(true, std::memory_order_relaxed)) {
    polled_ns_ = now_ns;
    return tell_();
  }
  if (now_ns - polled_ns_ < max_ns) return;
  say_good_bye(os::Deadline::after_ns(kAnswerNs));
  out({ErrorCode::unknown_member_id,
       fmt::format(
           "group {}: poll() was not called for max.poll.interval.ms={}, so this member left",
           settings_.group, settings_.max_poll_interval_ms)},
      static_cast<Answer>(ErrorCode::unknown_member_id));
}

// ---- leaving

void MemberThread::out(Error why, Answer answer) {
  phase_ = Phase::idle;
  forget_join();
  me_.generation = -1;
  if (answer != static_cast<Answer>(ErrorCode::illegal_generation)) me_.member.clear();
  publish([&](GroupNews& news) {
    news = {};
    news.lost = std::move(why);
    news.is_fatal = verdict_on(answer) == Verdict::fatal;
  });
}

void MemberThread::publish(const std::function<void(GroupNews&)>& what) {
  {
    const std::lock_guard lock(mutex_);
    what(news_);
  }
  tell_();
}

// Over a socket of its own: the others may wait for an answer.
void MemberThread::say_good_bye(os::Deadline deadline) {
  if (settings_.instance || me_.member.empty()) return;
  kafka::LeaveGroupRequest request;
  request.group_id = settings_.group;
  request.member_id = me_.member;  // up to version 2
  request.members.push_back({me_.member, std::nullopt});
  BrokerLink link(coordinator_, client_id_);
  // No answer, no harm: the end of the sockets says the same.
  static_cast<void>(link.call<kafka::LeaveGroupResponse>(
      request, Versions::of<kafka::LeaveGroupRequest>(), deadline));
}

}  // namespace ringmain::client
