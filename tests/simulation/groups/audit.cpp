// The checks of the group simulation.
#include "simulation/groups/audit.hpp"

#include <fmt/format.h>

#include "kafka/consumer_protocol.hpp"

namespace ringmain::coordination::test {
namespace {

std::vector<int32_t> partitions_of(const Bytes& assignment) {
  if (assignment.empty()) return {};
  std::vector<int32_t> out;
  const auto decoded = kafka::decode_assignment(assignment).value();
  for (const auto& topic : decoded.partitions)
    out.insert(out.end(), topic.partitions.begin(), topic.partitions.end());
  return out;
}

}  // namespace

std::string commit_note(int32_t generation, const std::string& owner) {
  return fmt::format("{} {}", generation, owner);
}

void Audit::logged(const Record& record) {
  const Change change = decode(record).value().value();
  if (const auto* group = std::get_if<GroupChange>(&change)) {
    if (!group->value) return report(group->key.group + " was deleted");  // nobody deletes here
    Generation& last = generations_[group->key.group];
    if (group->value->generation < last.number) {
      return report(fmt::format("{}: generation {} in the log behind {}", group->key.group,
                                group->value->generation, last.number));
    }
    if (group->value->generation > last.number) ++generations;
    last = {group->value->generation, {}};
    for (const auto& member : group->value->members) {
      for (const int32_t partition : partitions_of(member.assignment))
        last.owners[partition] = member.instance.value_or(member.member);
    }
    return;
  }
  const auto& offset = std::get<OffsetChange>(change);
  if (!offset.value) return report(offset.key.group + ": an offset was deleted");
  ++commits;
  offsets_[offset.key.group][offset.key.partition] = offset.value->offset;
  const Generation& last = generations_[offset.key.group];
  const auto owner = last.owners.find(offset.key.partition.partition);
  const std::string owned_by = owner != last.owners.end() ? owner->second : "nobody";
  const std::string& note = offset.value->metadata;
  const int32_t generation = std::stoi(note);
  const std::string committed_by = note.substr(note.find(' ') + 1);
  bool good = generation == last.number && committed_by == owned_by;
  // A cooperative member works on while it joins: in a generation that may never get its
  // assignment, and on what nobody else has, if it has not heard yet that it is to give it up.
  if (cooperative_.contains(offset.key.group))
    good = generation >= last.number && (committed_by == owned_by || owned_by == "nobody");
  if (!good) {
    report(fmt::format(
        "{}: a commit of partition {} in the log by '{}', where generation {} has it as {}'s",
        offset.key.group, offset.key.partition.partition, note, last.number, owned_by));
  }
}

void Audit::assigned(const std::string& group, int32_t generation, const std::string& owner,
                     const Bytes& assignment) {
  ++assignments;
  auto& owners = handed_out_[{group, generation}];
  for (const int32_t partition : partitions_of(assignment)) {
    const auto [found, first] = owners.emplace(partition, owner);
    if (!first && found->second != owner) {
      report(fmt::format("{} generation {}: partition {} belongs to {} and to {}", group,
                         generation, partition, found->second, owner));
    }
  }
}

void Audit::static_member(const std::string& group, const std::string& instance,
                          const std::string& member) {
  auto [found, first] = instances_.emplace(std::pair{group, instance}, member);
  if (!first && found->second != member) {
    out(group, found->second);
    found->second = member;
  }
}

void Audit::replayed(const Coordinator& coordinator) {
  for (const auto& [group, offsets] : offsets_) {
    const FetchReply reply = coordinator.fetch(group, nullptr);
    bool same = reply.offsets.size() == offsets.size();
    for (const FetchedOffset& one : reply.offsets) {
      const auto found = offsets.find(one.partition);
      same = same && found != offsets.end() && found->second == one.offset;
    }
    if (!same) return report(group + ": after a replay the offsets are not those of the log");
  }
}

}  // namespace ringmain::coordination::test
