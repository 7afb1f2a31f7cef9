#include "client/consumer_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"

namespace ringmain::client {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kCallNs = 60 * kSecond;          // Kafka's default.api.timeout.ms
constexpr std::int64_t kLastCommitNs = 5 * kSecond;     // the others wait for it
constexpr std::int64_t kLookAgainNs = kSecond;          // at topics that are not there
constexpr std::int64_t kAnswerLookNs = kSecond / 1000;  // at commits under way
constexpr std::int64_t kCommitAgainNs = kSecond / 10;

bool holds(const std::vector<TopicPartition>& list, const TopicPartition& partition) {
  return std::ranges::find(list, partition) != list.end();
}

}  // namespace

ConsumerGroup::ConsumerGroup(Bus::Impl& bus, std::shared_ptr<LinkPeer> coordinator,
                             const std::string& client_id, GroupSettings settings,
                             std::int64_t max_age_ns, AssignedPartitions& partitions,
                             std::function<void()> tell)
    : bus_(bus),
      coordinator_(std::move(coordinator)),
      client_id_(client_id),
      settings_(std::move(settings)),
      max_age_ns_(max_age_ns),
      partitions_(partitions),
      tell_(std::move(tell)),
      offsets_(coordinator_, client_id, settings_) {}

void ConsumerGroup::subscribe(std::vector<std::string> topics,
                              std::shared_ptr<RebalanceListener> listener) {
  listener_ = std::move(listener);
  if (fatal_) member_.reset();
  fatal_.reset();
  if (!member_) {
    partitions_.take_all();  // assigned by hand
    member_ = std::make_unique<MemberThread>(coordinator_, client_id_, settings_, tell_);
    is_joining_ = false;
    wants_join_ = true;
  }
  std::ranges::sort(topics);
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  wants_join_ |= topics != topics_;
  topics_ = std::move(topics);
  attention_ns_ = 0;
}

void ConsumerGroup::leave(os::Deadline deadline, Tell tell) {
  if (tell == Tell::nobody) offsets_.forget_callbacks();
  commit_before_giving_up(deadline);
  const std::vector<TopicPartition> held = partitions_.list();
  if (member_ && !held.empty() && tell == Tell::listener)
    tell_listener(me_.generation < 0 ? &RebalanceListener::on_lost : &RebalanceListener::on_revoked,
                  held);
  partitions_.take_all();
  kept_.clear();
  missing_.clear();
  counts_.reset();
  if (member_) member_->leave(deadline);
  member_.reset();
  me_ = {};
  topics_.clear();
  fatal_.reset();
  keep_problem([&] { offsets_.settle(deadline); });
  set_attention(now_steady_ns());
  throw_problem();
}

void ConsumerGroup::attend(std::int64_t now_ns) {
  keep_problem([&] { offsets_.settle(os::Deadline::at_steady_ns(now_ns)); });
  if (member_) take_news(now_ns);
  if (!missing_.empty() && now_ns >= missing_due_ns_)
    if (const auto opened = open_missing(now_ns); !opened.empty())
      tell_listener(&RebalanceListener::on_assigned, opened);
  look_at_topics(now_ns);
  if (member_ && wants_join_ && !is_joining_ && !fatal_) join_again();
  commit_by_itself(now_ns);
  set_attention(now_ns);
  throw_problem();
}

void ConsumerGroup::set_attention(std::int64_t now_ns) {
  attention_ns_ =
      std::min(counts_ ? look_ns_ : INT64_MAX, missing_.empty() ? INT64_MAX : missing_due_ns_);
  if (settings_.commits_by_itself && !partitions_.is_empty())
    attention_ns_ = std::min(attention_ns_, commit_due_ns_);
  if (!offsets_.is_settled()) attention_ns_ = std::min(attention_ns_, now_ns + kAnswerLookNs);
  if (fatal_ || (wants_join_ && !is_joining_ && member_)) attention_ns_ = now_ns;
}

// ---- what the group says

void ConsumerGroup::take_news(std::int64_t now_ns) {
  if (fatal_) throw Exception(*fatal_);
  const GroupNews news = member_->take_news();
  if (news.lost) lose(news);
  if (news.part) take_part(*news.part, now_ns);
  if (news.rebalance) wants_join_ = true;
}

void ConsumerGroup::lose(const GroupNews& news) {
  const std::vector<TopicPartition> held = partitions_.list();
  me_ = {};
  counts_.reset();
  missing_.clear();
  if (!held.empty()) tell_listener(&RebalanceListener::on_lost, held);
  partitions_.take_all();
  kept_.clear();
  if (news.still_joins) return;
  is_joining_ = false;
  wants_join_ = true;
  if (!news.is_fatal) return;
  if (news.lost->code == ErrorCode::fenced_instance_id)
    fatal_ = news.lost;  // or the two would throw each other out by turns
  keep_problem([&] { throw Exception(*news.lost); });
}

void ConsumerGroup::take_part(const GroupPart& part, std::int64_t now_ns) {
  is_joining_ = false;
  std::vector<TopicPartition> revoked;
  for (const TopicPartition& held : partitions_.list())
    if (!holds(part.partitions, held)) revoked.push_back(held);
  if (!revoked
           .empty()) {  // cooperative: they go to others once this member has joined without them
    give_up(revoked);
    wants_join_ = true;
  }
  // Others wait for what this member claimed and shall not have, also where it has lost that since.
  for (const TopicPartition& claimed : claimed_)
    if (!holds(part.partitions, claimed)) wants_join_ = true;
  me_ = part.me;
  counts_ = part.counts;
  set_next_look(now_ns);
  if (commit_due_ns_ < now_ns) commit_due_ns_ = now_ns + settings_.commit_interval_ms * 1'000'000;
  missing_.clear();
  for (const TopicPartition& one : part.partitions)
    if (partitions_.find(one) == nullptr) missing_.insert(one);
  const std::vector<TopicPartition> opened = open_missing(now_ns);
  std::erase_if(kept_, [&](const AssignedPartition& one) { return !missing_.contains(one.source->partition()); });
  tell_listener(&RebalanceListener::on_assigned, opened);
}

// Gives up what must be given up before joining: all of it, unless every assignor that is offered
// lets members keep what they have.
void ConsumerGroup::join_again() {
  wants_join_ = false;
  JoinOrder order{topics_, partitions_.list(), me_.generation};
  if (settings_.is_cooperative()) {
    std::vector<TopicPartition> unwanted;
    for (const TopicPartition& one : order.owned)
      if (!std::ranges::binary_search(topics_, one.topic)) unwanted.push_back(one);
    if (!unwanted.empty()) give_up(unwanted);
    order.owned = partitions_.list();
  } else if (!order.owned.empty()) {
    commit_before_giving_up(os::Deadline::after_ns(kLastCommitNs));
    tell_listener(&RebalanceListener::on_revoked, order.owned);
    std::ranges::move(partitions_.take_all(), std::back_inserter(kept_));
  }
  missing_.clear();
  claimed_ = settings_.is_cooperative() ? order.owned : std::vector<TopicPartition>{};
  is_joining_ = true;
  member_->join(std::move(order));
}

void ConsumerGroup::give_up(const std::vector<TopicPartition>& partitions) {
  commit_before_giving_up(os::Deadline::after_ns(kLastCommitNs));
  tell_listener(&RebalanceListener::on_revoked, partitions);
  std::set<TopicPartition> left;
  for (const TopicPartition& one : partitions_.list())
    if (!holds(partitions, one)) left.insert(one);
  partitions_.keep_only(left);
}

// ---- partitions that are to be read

std::vector<TopicPartition> ConsumerGroup::open_missing(std::int64_t now_ns) {
  missing_due_ns_ = now_ns + kLookAgainNs;
  std::vector<TopicPartition> opened;
  keep_problem([&] {
    if (missing_.empty()) return;
    const CommittedOffsets committed =
        offsets_.committed({missing_.begin(), missing_.end()}, os::Deadline::after_ns(kCallNs));
    const std::set<TopicPartition> wanted = missing_;
    for (const TopicPartition& one : wanted) {
      try {
        AssignedPartition partition = reopen(one);
        try {
          place(partition, committed);
        } catch (...) {
          kept_.push_back(std::move(partition));  // attached, until it has a place
          throw;
        }
        partitions_.add(std::move(partition));
        missing_.erase(one);
        opened.push_back(one);
      } catch (const Exception& thrown) {
        if (thrown.code() == ErrorCode::unknown_topic_or_partition) continue;
        if (thrown.code() != ErrorCode::offset_out_of_range) throw;
        keep_problem([] { throw; });  // auto.offset.reset=none: the others are read
      }
    }
  });
  return opened;
}

AssignedPartition ConsumerGroup::reopen(const TopicPartition& partition) {
  const auto kept = std::ranges::find_if(kept_, [&](const AssignedPartition& one) {
    return one.source->partition() == partition;
  });
  if (kept == kept_.end() || kept->source->is_void()) return partitions_.open(partition);
  AssignedPartition again(std::move(kept->source));
  kept_.erase(kept);
  return again;
}

void ConsumerGroup::place(std::vector<AssignedPartition>& opened) {
  if (opened.empty()) return;
  std::vector<TopicPartition> names;
  for (const AssignedPartition& one : opened) names.push_back(one.source->partition());
  const CommittedOffsets committed = offsets_.committed(names, os::Deadline::after_ns(kCallNs));
  for (AssignedPartition& one : opened) place(one, committed);
  set_attention(now_steady_ns());
}

void ConsumerGroup::place(AssignedPartition& opened, const CommittedOffsets& committed) const {
  const auto found = committed.find(opened.source->partition());
  if (found == committed.end()) return partitions_.place_at_reset(opened);
  opened.committed = found->second.offset;
  partitions_.seek(opened, found->second.offset);
}

void ConsumerGroup::was_deleted(const TopicPartition& partition) {
  missing_.insert(partition);
  const std::int64_t now_ns = now_steady_ns();
  missing_due_ns_ = now_ns + kLookAgainNs;
  if (counts_) look_ns_ = now_ns;
  set_attention(now_ns);
}

// The leader's: whether the topics are as they were when it shared them out.
void ConsumerGroup::look_at_topics(std::int64_t now_ns) {
  if (!counts_ || now_ns < look_ns_ || is_joining_) return;
  set_next_look(now_ns);
  if (!bus_.is_online()) {
    look_ns_ = now_ns + kLookAgainNs;
    return;
  }
  for (const auto& [topic, count] : *counts_) {
    std::int32_t there = 0;
    try {
      there = bus_.admin.describe_topic(topic).partitions;
    } catch (const Exception& thrown) {
      if (thrown.code() != ErrorCode::unknown_topic_or_partition) return;  // at the next look
    }
    if (there != count) wants_join_ = true;
  }
}

void ConsumerGroup::set_next_look(std::int64_t now_ns) {
  if (!counts_) return;
  const bool all_there =
      std::ranges::all_of(*counts_, [](const auto& topic) { return topic.second > 0; });
  look_ns_ = now_ns + (all_there ? max_age_ns_ : std::min(max_age_ns_, kLookAgainNs));
}

// ---- commits

CommittedOffsets ConsumerGroup::positions() const {
  CommittedOffsets offsets;
  for (const AssignedPartition& one : partitions_.all())
    if (one.positioned && one.source->position() >= 0)
      offsets[one.source->partition()].offset = one.source->position();
  return offsets;
}

CommittedOffsets ConsumerGroup::uncommitted() const {
  CommittedOffsets offsets;
  for (const AssignedPartition& one : partitions_.all())
    if (one.positioned && one.source->position() >= 0 && one.source->position() != one.committed)
      offsets[one.source->partition()].offset = one.source->position();
  return offsets;
}

void ConsumerGroup::note_committed(const CommittedOffsets& offsets) {
  for (AssignedPartition& one : partitions_.all())
    if (const auto found = offsets.find(one.source->partition()); found != offsets.end())
      one.committed = found->second.offset;
}

void ConsumerGroup::commit_by_itself(std::int64_t now_ns) {
  if (!settings_.commits_by_itself || now_ns < commit_due_ns_ || partitions_.is_empty()) return;
  commit_due_ns_ = now_ns + settings_.commit_interval_ms * 1'000'000;
  if (!offsets_.is_settled() || (member_ && me_.generation < 0)) return;
  const CommittedOffsets offsets = uncommitted();
  if (offsets.empty()) return;
  offsets_.commit_later(
      me_, offsets,
      [this, now_ns](const CommittedOffsets& done, const std::optional<Error>& error) {
        if (!error) return note_committed(done);
        if (error->code != ErrorCode::unknown_member_id) commit_due_ns_ = now_ns + kCommitAgainNs;
      });
}

// What cannot be committed now is read again by whoever gets the partition.
void ConsumerGroup::commit_before_giving_up(os::Deadline deadline) {
  try {
    if (settings_.commits_by_itself && (!member_ || me_.generation >= 0)) {
      const CommittedOffsets offsets = uncommitted();
      offsets_.commit(me_, offsets, deadline);
      note_committed(offsets);
    } else {
      offsets_.settle(deadline);  // before the group's next generation, or they come too late
    }
  } catch (const Exception&) {
  }
}

const Membership& ConsumerGroup::committer() const {
  if (member_ && me_.generation < 0)
    throw Exception({ErrorCode::unknown_member_id,
                     fmt::format("group {}: this consumer is not in it at present; poll() joins it",
                                 settings_.group)});
  return me_;
}

void ConsumerGroup::commit(const CommittedOffsets& offsets) {
  try {
    offsets_.commit(committer(), offsets, os::Deadline::after_ns(kCallNs));
  } catch (const Exception& thrown) {
    // The group has a new generation whose part the next poll() takes: this member is in it.
    if (thrown.code() == ErrorCode::illegal_generation && is_joining_)
      throw Exception(group_error(settings_.group,
                                  static_cast<std::int16_t>(ErrorCode::rebalance_in_progress)));
    throw;
  }
  note_committed(offsets);
}

void ConsumerGroup::commit_later(const CommittedOffsets& offsets, CommitCallback done) {
  offsets_.commit_later(committer(), offsets,
                        [this, done = std::move(done)](const CommittedOffsets& kept,
                                                       const std::optional<Error>& error) {
                          if (!error) note_committed(kept);
                          if (done) done(kept, error);
                        });
  set_attention(now_steady_ns());
}

CommittedOffsets ConsumerGroup::committed(const std::vector<TopicPartition>& partitions) {
  return offsets_.committed(partitions, os::Deadline::after_ns(kCallNs));
}

// ---- telling

void ConsumerGroup::tell_listener(
    void (RebalanceListener::*what)(const std::vector<TopicPartition>&),
    const std::vector<TopicPartition>& partitions) {
  if (!listener_) return;
  const std::shared_ptr<RebalanceListener> listener = listener_;
  is_telling_ = true;
  keep_problem([&] { (listener.get()->*what)(partitions); });
  is_telling_ = false;
}

template <class Call>
void ConsumerGroup::keep_problem(const Call& call) {
  try {
    call();
  } catch (...) {
    if (!problem_) problem_ = std::current_exception();
  }
}

void ConsumerGroup::throw_problem() {
  if (problem_) std::rethrow_exception(std::exchange(problem_, nullptr));
}

}  // namespace ringmain::client
