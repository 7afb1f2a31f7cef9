// One group's members, protocols and generations.
#include "coordination/group.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "kafka/consumer_protocol.hpp"

namespace ringmain::coordination {
namespace {

constexpr const char* kConsumerProtocolType = "consumer";

// How often a list that a client sent names a protocol says nothing: each counts once.
std::set<std::string> distinct_names(const std::vector<Protocol>& protocols) {
  std::set<std::string> names;
  for (const Protocol& protocol : protocols) names.insert(protocol.name);
  return names;
}

}  // namespace

const char* name_of(GroupState state) noexcept {
  switch (state) {
    case GroupState::empty:
      return "Empty";
    case GroupState::preparing_rebalance:
      return "PreparingRebalance";
    case GroupState::completing_rebalance:
      return "CompletingRebalance";
    case GroupState::stable:
      return "Stable";
    case GroupState::dead:
      return "Dead";
  }
  return "Unknown";
}

const Bytes& Member::metadata(const std::string& protocol) const {
  static const Bytes nothing;
  const auto found = std::ranges::find(protocols, protocol, &Protocol::name);
  return found != protocols.end() ? found->metadata : nothing;
}

void Group::enter(GroupState state, int64_t real_ms) {
  state_ = state;
  state_since_ms_ = real_ms;
}

Member* Group::find(const std::string& member) {
  const auto found = members_.find(member);
  return found != members_.end() ? &found->second : nullptr;
}

const std::string* Group::member_of_instance(const std::string& instance) const {
  const auto found = static_members_.find(instance);
  return found != static_members_.end() ? &found->second : nullptr;
}

GroupError Group::check(const MemberName& who) const {
  if (who.instance) {
    const std::string* current = member_of_instance(*who.instance);
    if (current == nullptr) return GroupError::unknown_member_id;
    return *current == who.member ? GroupError::none : GroupError::fenced_instance_id;
  }
  return has(who.member) ? GroupError::none : GroupError::unknown_member_id;
}

void Group::count_protocols(const Member& member, int by) {
  for (const std::string& name : distinct_names(member.protocols)) {
    if (by > 0) {
      ++protocol_counts_[name];
    } else if (const auto found = protocol_counts_.find(name); --found->second == 0) {
      protocol_counts_.erase(found);
    }
  }
}

Member& Group::add(Member member, const std::string& protocol_type) {
  RINGMAIN_ASSERT(!has(member.who.member) && !member.joining());
  if (member.who.instance) {
    const bool added = static_members_.emplace(*member.who.instance, member.who.member).second;
    RINGMAIN_ASSERT(added);
  }
  if (members_.empty()) protocol_type_ = protocol_type;
  if (!leader_) leader_ = member.who.member;
  count_protocols(member, 1);
  std::string id = member.who.member;
  return members_.emplace(std::move(id), std::move(member)).first->second;
}

Member Group::remove(const std::string& member) {
  auto node = members_.extract(member);
  RINGMAIN_ASSERT(!node.empty());
  Member gone = std::move(node.mapped());
  if (gone.joining()) --joining_count_;
  if (gone.who.instance) static_members_.erase(*gone.who.instance);
  count_protocols(gone, -1);
  if (leads(member)) {
    leader_ = members_.empty() ? std::nullopt : std::optional(members_.begin()->first);
  }
  return gone;
}

Member& Group::rename(const std::string& member, const std::string& new_member) {
  auto node = members_.extract(member);
  RINGMAIN_ASSERT(!node.empty() && node.mapped().who.instance);
  static_members_[*node.mapped().who.instance] = new_member;
  if (leads(member)) leader_ = new_member;
  node.mapped().who.member = new_member;
  node.key() = new_member;
  return members_.insert(std::move(node)).position->second;
}

void Group::set_protocols(Member& member, std::vector<Protocol> protocols) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, 1);
}

void Group::park_join(Member& member, Ticket ticket) {
  if (!member.joining()) ++joining_count_;
  member.join_ = ticket;
}

std::optional<Ticket> Group::take_join(Member& member) {
  if (member.joining()) --joining_count_;
  return std::exchange(member.join_, std::nullopt);
}

bool Group::all_synced() const {
  return std::ranges::none_of(members_, [](const auto& entry) { return entry.second.owes_sync; });
}

int32_t Group::rebalance_timeout_ms() const {
  int32_t longest = 0;
  for (const auto& [id, member] : members_)
    longest = std::max(longest, member.rebalance_timeout_ms);
  return longest;
}

bool Group::has_leader_that_joined() {
  if (!leader_) return false;
  if (find(*leader_)->joining()) return true;
  const auto joined =
      std::ranges::find_if(members_, [](const auto& entry) { return entry.second.joining(); });
  if (joined == members_.end()) return false;
  leader_ = joined->first;
  return true;
}

bool Group::supports(const std::string& protocol_type,
                     const std::vector<Protocol>& protocols) const {
  if (members_.empty()) return !protocol_type.empty() && !protocols.empty();
  return protocol_type_ == protocol_type && std::ranges::any_of(protocols, [&](const auto& one) {
           const auto found = protocol_counts_.find(one.name);
           return found != protocol_counts_.end() && found->second == members_.size();
         });
}

std::string Group::choose_protocol() const {
  RINGMAIN_ASSERT(!members_.empty());
  std::map<std::string, size_t> votes;
  for (const auto& [id, member] : members_) {
    const auto wanted = std::ranges::find_if(member.protocols, [&](const Protocol& one) {
      return protocol_counts_.at(one.name) == members_.size();
    });
    // Every join was held against supports(), so that one protocol is left that all know.
    RINGMAIN_ASSERT(wanted != member.protocols.end());
    ++votes[wanted->name];
  }
  const auto most =
      std::ranges::max_element(votes, {}, [](const auto& entry) { return entry.second; });
  return most->first;
}

void Group::learn_topics() {
  subscribed_topics_.reset();
  if (protocol_type_ != kConsumerProtocolType) return;
  std::set<std::string> topics;
  for (const auto& [id, member] : members_) {
    const auto subscription = kafka::decode_subscription(member.metadata(protocol_.value_or("")));
    if (!subscription) return;  // not for us to judge: then every topic counts as subscribed to
    topics.insert(subscription->topics.begin(), subscription->topics.end());
  }
  subscribed_topics_ = std::move(topics);
}

bool Group::is_subscribed_to(const std::string& topic) const {
  return !subscribed_topics_ || subscribed_topics_->contains(topic);
}

void Group::next_generation(int64_t real_ms) {
  generation_ = generation_ == std::numeric_limits<int32_t>::max() ? 1 : generation_ + 1;
  protocol_ = members_.empty() ? std::nullopt : std::optional(choose_protocol());
  learn_topics();
  assignment_in_flight = false;
  enter(members_.empty() ? GroupState::empty : GroupState::completing_rebalance, real_ms);
}

std::vector<JoinedMember> Group::joined_members() const {
  std::vector<JoinedMember> out;
  for (const auto& [id, member] : members_) {
    out.push_back({member.who, member.metadata(protocol_.value_or(""))});
  }
  return out;
}

GroupMetadata Group::metadata() const {
  GroupMetadata out;
  out.protocol_type = protocol_type_.value_or("");
  out.generation = generation_;
  out.protocol = protocol_;
  out.leader = leader_;
  out.state_since_ms = state_since_ms_;
  for (const auto& [id, member] : members_) {
    out.members.push_back({member.who.member, member.who.instance, member.client_id,
                           member.client_host, member.rebalance_timeout_ms,
                           member.session_timeout_ms, member.metadata(protocol_.value_or("")),
                           member.assignment});
  }
  return out;
}

void Group::restore(const GroupMetadata& from) {
  RINGMAIN_ASSERT(members_.empty() && generation_ == 0);
  generation_ = std::max(0, from.generation);
  if (!from.protocol_type.empty()) protocol_type_ = from.protocol_type;
  for (const GroupMetadata::Member& one : from.members) {
    // What the log says twice counts once.
    if (has(one.member) || (one.instance && static_members_.contains(*one.instance))) continue;
    Member member;
    member.who = {one.member, one.instance};
    member.client_id = one.client_id;
    member.client_host = one.client_host;
    member.session_timeout_ms = one.session_timeout_ms;
    member.rebalance_timeout_ms = one.rebalance_timeout_ms;
    member.protocols = {{from.protocol.value_or(""), one.subscription}};
    member.assignment = one.assignment;
    add(std::move(member), from.protocol_type);
  }
  if (from.leader && has(*from.leader)) leader_ = from.leader;
  if (!members_.empty()) protocol_ = from.protocol.value_or("");
  state_ = members_.empty() ? GroupState::empty : GroupState::stable;
  state_since_ms_ = from.state_since_ms;
  learn_topics();
}

bool Group::is_blank() const {
  return is(GroupState::empty) && generation_ == 0 && members_.empty() && pending.empty() &&
         offsets.empty() && commits_in_flight.empty();
}

}  // namespace ringmain::coordination
