// Audit: what must hold of groups, judged from outside: by the log, and by what members were told.
//
// It knows nothing of the coordinator's inside. The log says who was in which generation with which
// partitions; a commit of the simulation carries its generation and its owner in its metadata.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "coordination/coordinator.hpp"

namespace ringmain::coordination::test {

// What a commit writes into the metadata of its offsets.
std::string commit_note(int32_t generation, const std::string& owner);

class Audit {
 public:
  // The first breach, or empty.
  const std::string& wrong() const { return wrong_; }
  void report(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  // Every record that got into the log, in its order: a commit lies within its generation, and is
  // by a member of it that has the partition.
  void logged(const Record& record);

  // A SyncGroup was answered: within a generation each partition has one owner, whatever crashes.
  void assigned(const std::string& group, int32_t generation, const std::string& owner,
                const Bytes& assignment);

  void is_cooperative(const std::string& group) { cooperative_.insert(group); }

  // Ids that are out, and must not commit as long as this coordinator lives.
  void out(const std::string& group, const std::string& member) { out_.insert({group, member}); }
  void static_member(const std::string& group, const std::string& instance,
                     const std::string& member);
  bool is_out(const std::string& group, const std::string& member) const {
    return out_.contains({group, member});
  }
  void committed(const std::string& group, const std::string& member, bool was_out) {
    if (was_out) report(group + ": a commit of " + member + " was taken after it was out");
  }
  // Who was out is not in the log, so the next coordinator may know it as a member again.
  void crashed() { out_.clear(), instances_.clear(); }

  // What the log says, offset by offset: the next coordinator must give the same.
  void replayed(const Coordinator& coordinator);

  uint64_t commits = 0, assignments = 0, generations = 0;

 private:
  struct Generation {
    int32_t number = 0;
    std::map<int32_t, std::string> owners;  // partition -> instance id, or member id
  };
  std::set<std::string> cooperative_;
  std::map<std::string, Generation> generations_;  // by group, the last in the log
  std::map<std::string, std::map<TopicPartition, int64_t>> offsets_;
  std::map<std::pair<std::string, int32_t>, std::map<int32_t, std::string>> handed_out_;
  std::set<std::pair<std::string, std::string>> out_;
  std::map<std::pair<std::string, std::string>, std::string> instances_;
  std::string wrong_;
};

}  // namespace ringmain::coordination::test
