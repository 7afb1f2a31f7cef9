// The broker's JSON about locks, and what it means for a person.
#include "inspect/locks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/exit.hpp"
#include "cli/json.hpp"

namespace ringmain::tools {
namespace {

int64_t number(const json::object& object, std::string_view name, int64_t otherwise) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? value->as_int64() : otherwise;
}

std::string text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

bool yes(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->as_bool();
}

template <class Parse>
auto list(const json::object& object, std::string_view name, Parse parse) {
  std::vector<decltype(parse(object))> items;
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return items;
  for (const json::value& item : value->as_array()) items.push_back(parse(item.as_object()));
  return items;
}

ProducerLock parse_producer(const json::object& object) {
  return {
      number(object, "index", -1), number(object, "pid", -1),     text(object, "process_state"),
      text(object, "intent"),      number(object, "segment", -1), number(object, "position", -1),
      number(object, "bytes", 0),  number(object, "records", 0),  number(object, "offset", -1)};
}

ReaderLock parse_reader(const json::object& object) {
  ReaderLock reader{number(object, "index", -1), number(object, "pid", -1),
                    text(object, "process_state"), std::nullopt, yes(object, "holds_all"),
                    number(object, "next_offset", -1), yes(object, "sleeping")};
  const int64_t pinned = number(object, "pinned_segment", -1);
  if (pinned >= 0) reader.pinned_segment = pinned;
  return reader;
}

RetiredSegment parse_retired(const json::object& object) {
  return {number(object, "segment", -1), text(object, "held_by"), number(object, "index", -1)};
}

PartitionLocks parse_partition(const json::object& object) {
  PartitionLocks locks;
  locks.topic = text(object, "topic");
  locks.partition = number(object, "partition", -1);
  locks.path = text(object, "path");
  locks.active_segment = number(object, "active_segment", 0);
  locks.log_start_segment = number(object, "log_start_segment", 0);
  locks.prepared_segments = number(object, "prepared_segments", 0);
  locks.slots_in_use = number(object, "slots_in_use", 0);
  locks.slot_limit = number(object, "slot_limit", 0);
  locks.slot_bytes = number(object, "slot_bytes", 0);
  locks.waiting_producers = number(object, "waiting_producers", 0);
  locks.producers = list(object, "producers", parse_producer);
  locks.readers = list(object, "readers", parse_reader);
  locks.retired = list(object, "retired", parse_retired);
  return locks;
}

bool is_stopped(std::string_view process_state) {
  return process_state == "stopped";
}

std::string how_to_go_on(int64_t pid) {
  return fmt::format("kill -CONT {}, or kill -KILL {}", pid, pid);
}

std::optional<std::string> about_producer(const ProducerLock& producer) {
  if (is_stopped(producer.process_state) && producer.intent == "claimed") {
    return fmt::format(
        "pid {} is stopped (SIGSTOP) in the middle of a claim at offset {}; records behind it "
        "cannot be read until it continues: {} to have its claim voided",
        producer.pid, producer.offset, how_to_go_on(producer.pid));
  }
  if (is_stopped(producer.process_state) && producer.intent == "about") {
    return fmt::format(
        "pid {} is stopped (SIGSTOP) in the act of claiming in segment {}; if it has claimed, "
        "records behind that cannot be read until it continues: {} to have the claim voided",
        producer.pid, producer.segment, how_to_go_on(producer.pid));
  }
  if (producer.intent == "abandoned") {
    return fmt::format(
        "pid {} gave up a claim at offset {} for want of memory; records behind it cannot be read "
        "until the broker finds memory to void it: let readers move on, or raise "
        "memory.budget.bytes",
        producer.pid, producer.offset);
  }
  return std::nullopt;
}

template <class Lock>
const Lock* with_index(const std::vector<Lock>& locks, int64_t index) {
  const auto found = std::find_if(locks.begin(), locks.end(),
                                  [&](const Lock& lock) { return lock.index == index; });
  return found == locks.end() ? nullptr : &*found;
}

std::string about_retired(const PartitionLocks& locks, const RetiredSegment& retired) {
  if (retired.held_by != "reader") {
    const ProducerLock* producer = with_index(locks.producers, retired.index);
    return fmt::format(
        "segment {} is dropped, but its memory is held by producer pid {}, which has not published "
        "its claim there",
        retired.segment, producer == nullptr ? -1 : producer->pid);
  }
  const ReaderLock* reader = with_index(locks.readers, retired.index);
  if (reader == nullptr)
    return fmt::format("segment {} is dropped, but its memory is held by a reader",
                       retired.segment);
  const bool stopped = is_stopped(reader->process_state);
  return fmt::format(
      "segment {} is dropped, but its memory is held by reader pid {}, which {}; the memory comes "
      "back when it moves on or ends{}",
      retired.segment, reader->pid, stopped ? "is stopped (SIGSTOP)" : "is still in it",
      stopped ? ": " + how_to_go_on(reader->pid) : "");
}

// With full.policy=block, a reader that holds all decides when memory comes, else the one that is furthest back.
std::optional<std::string> about_full_memory(const PartitionLocks& locks) {
  if (locks.waiting_producers == 0 || locks.slots_in_use < locks.slot_limit) return std::nullopt;
  const ReaderLock* slowest = nullptr;
  for (const ReaderLock& reader : locks.readers) {
    if (!reader.pinned_segment) continue;
    if (slowest == nullptr || std::pair(!reader.holds_all, *reader.pinned_segment) <
                                  std::pair(!slowest->holds_all, *slowest->pinned_segment))
      slowest = &reader;
  }
  const std::string who = locks.waiting_producers == 1
                              ? "a producer waits"
                              : fmt::format("{} producers wait", locks.waiting_producers);
  if (slowest == nullptr) {
    return fmt::format(
        "{} for memory: all {} slots are in use, and no reader is attached to make room; start "
        "one, or use full.policy=drop-oldest",
        who, locks.slot_limit);
  }
  if (slowest->holds_all) {
    return fmt::format(
        "{} for memory: all {} slots are in use, and reader pid {} ({}) holds all: it seeks, or has not begun to read "
        "(no poll() yet), and full.policy=block waits for it",
        who, locks.slot_limit, slowest->pid, slowest->process_state);
  }
  return fmt::format(
      "{} for memory: all {} slots are in use, and reader pid {} ({}) is furthest back, in segment "
      "{} of {}",
      who, locks.slot_limit, slowest->pid, slowest->process_state, *slowest->pinned_segment,
      locks.active_segment);
}

}  // namespace

std::vector<PartitionLocks> parse_locks(std::string_view json_text) {
  try {
    const json::value root = json::parse(json_text);
    return list(root.as_object(), "partitions", parse_partition);
  } catch (const std::exception& error) {
    throw Failure(fmt::format(
        "cannot understand what the broker says about locks ({}): is it of another version? "
        "Restart it with this one",
        error.what()));
  }
}

std::vector<std::string> who_is_in_the_way(const PartitionLocks& locks) {
  std::vector<std::string> sentences;
  for (const ProducerLock& producer : locks.producers) {
    if (auto sentence = about_producer(producer)) sentences.push_back(std::move(*sentence));
  }
  if (auto sentence = about_full_memory(locks)) sentences.push_back(std::move(*sentence));
  for (const RetiredSegment& retired : locks.retired)
    sentences.push_back(about_retired(locks, retired));
  return sentences;
}

}  // namespace ringmain::tools
