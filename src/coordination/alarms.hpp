// Alarms: who is to be looked at when. A heartbeat moves a deadline far more often than the
// deadline passes, so moving it later costs a store: the queue keeps one entry for each alarm,
// and an entry that comes up too early is put back for the later time.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "base/assert.hpp"

namespace ringmain::coordination {

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// One deadline of one thing; lives with the thing.
struct Alarm {
  int64_t due_ms = kNever;
  int64_t queued_ms = kNever;  // when the queue's entry comes up: <= due_ms, unless that is kNever
};

enum class AlarmKind : uint8_t {
  session,         // a member has not been heard of
  heartbeat,       // a heartbeat has waited long enough
  pending_member,  // an id was handed out and nobody came with it
  rebalance,       // the group's wait for members to join, or to sync, is over
};

struct AlarmName {
  AlarmKind kind;
  std::string group;
  std::string member{};  // empty for the group's own
  auto operator<=>(const AlarmName&) const = default;
};

class Alarms {
 public:
  void set(Alarm& alarm, int64_t due_ms, const AlarmName& name) {
    alarm.due_ms = due_ms;
    if (due_ms >= alarm.queued_ms) return;
    if (alarm.queued_ms != kNever) queue_.erase({alarm.queued_ms, name});
    alarm.queued_ms = due_ms;
    queue_.insert({due_ms, name});
  }

  // Also before the alarm's owner goes: so the queue never outgrows its owners.
  void cancel(Alarm& alarm, const AlarmName& name) {
    if (alarm.queued_ms != kNever) queue_.erase({alarm.queued_ms, name});
    alarm = {};
  }

  std::optional<int64_t> next_ms() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.begin()->at_ms);
  }

  // Calls find(name), which gives an Alarm*, and then fire(name) for each that is due.
  // What fires may set and cancel alarms, its own too.
  template <class Find, class Fire>
  void run(int64_t now_ms, Find find, Fire fire) {
    // Ends: an alarm that fires is set again for later, or by an event that ends with its turn.
    while (!queue_.empty() && queue_.begin()->at_ms <= now_ms) {
      const AlarmName name = queue_.begin()->name;
      queue_.erase(queue_.begin());
      Alarm* alarm = find(name);
      RINGMAIN_ASSERT(alarm != nullptr);  // whoever goes cancels
      alarm->queued_ms = kNever;
      if (alarm->due_ms > now_ms) {
        set(*alarm, alarm->due_ms, name);
        continue;
      }
      alarm->due_ms = kNever;
      fire(name);
    }
  }

  void clear() { queue_.clear(); }

 private:
  struct Entry {
    int64_t at_ms;
    AlarmName name;
    // Equal times go by name, so that a run replays exactly.
    auto operator<=>(const Entry&) const = default;
  };
  std::set<Entry> queue_;
};

}  // namespace ringmain::coordination
