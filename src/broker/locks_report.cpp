#include "broker/locks_report.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "os/process.hpp"

namespace ringmain::broker {
namespace {

namespace json = boost::json;

void add_process(json::object& to, const Participants& participants, ParticipantId id) {
  to["participant"] = id;
  const auto pid = id == format::kBroker ? std::optional(::getpid()) : participants.pid(id);
  to["pid"] = pid ? json::value(*pid) : json::value(nullptr);
  const auto state = pid ? os::process_state(*pid) : fail(ErrorCode::closed, "");
  to["process_state"] = !state                ? "gone"
                        : state->is_stopped() ? "stopped"
                        : state->is_dead()    ? "dead"
                        : state->state == 'R' ? "running"
                                              : "sleeping";
}

const char* intent_name(format::IntentState state) {
  switch (state) {
    case format::IntentState::idle: return "idle";
    case format::IntentState::about: return "about";
    case format::IntentState::claimed: return "claimed";
    case format::IntentState::abandoned: return "abandoned";
  }
  return "idle";
}

// A claim whose frame is published holds nothing up any more: it counts as idle.
bool is_open(const log::PartitionView& view, const format::Intent& intent) {
  if (intent.state != format::IntentState::claimed) return intent.state != format::IntentState::idle;
  const auto slot = view.find(intent.segment);
  if (!slot || intent.position_units >= view.geometry().capacity_units()) return false;
  const auto* frame = reinterpret_cast<const format::FrameHeader*>(
      view.slot(*slot) + std::size_t{intent.position_units} * format::kFrameAlignment);
  return !format::is_published(frame->commit.load(std::memory_order_acquire), view.segment_in(*slot).tag);
}

json::array producers_of(const partition::Partition& partition, const Participants& participants) {
  json::array producers;
  const auto& view = partition.view();
  for (std::uint32_t i = 0; i < format::kMaxProducers; ++i) {
    const auto& line = view.intent(i);
    const ParticipantId id = line.participant.load(std::memory_order_acquire);
    if (id == 0) continue;
    const format::Intent intent = format::unpack_intent(line.word.load(std::memory_order_acquire));
    const bool open = is_open(view, intent);
    const std::uint64_t claim = line.claim.load(std::memory_order_relaxed);
    json::object producer;
    producer["index"] = i;
    add_process(producer, participants, id);
    producer["intent"] = open ? intent_name(intent.state) : "idle";
    if (open) {
      producer["segment"] = intent.segment;
      producer["position"] = std::uint64_t{intent.position_units} * format::kFrameAlignment;
      producer["bytes"] = (claim & 0xffffffff) * format::kFrameAlignment;
      producer["records"] = claim >> 32;
      producer["offset"] = line.offset.load(std::memory_order_relaxed);
    }
    producers.push_back(std::move(producer));
  }
  return producers;
}

json::array readers_of(const partition::Partition& partition, const Participants& participants) {
  json::array readers;
  const auto& view = partition.view();
  for (std::uint32_t i = 0; i < format::kMaxReaders; ++i) {
    const auto& line = view.readers().lines[i];
    const ParticipantId id = line.participant.load(std::memory_order_acquire);
    if (id == 0 || id == format::kPersister || id == format::kBroker) continue;  // these two pin nothing
    const std::uint64_t pin = line.pin.load(std::memory_order_acquire);
    json::object reader;
    reader["index"] = i;
    add_process(reader, participants, id);
    reader["pinned_segment"] = pin == 0 ? json::value(nullptr) : json::value(format::pinned(pin) - 1);
    reader["holds_all"] = (pin & format::kHoldsAll) != 0;
    reader["next_offset"] = line.next_offset.load(std::memory_order_relaxed);
    reader["sleeping"] = (view.readers().sleeping[i / 64].load(std::memory_order_acquire) >> i % 64 & 1) != 0;
    readers.push_back(std::move(reader));
  }
  return readers;
}

}  // namespace

std::string locks_report(Topics& topics, const Participants& participants, const std::optional<std::string>& topic) {
  json::array partitions;
  topics.for_each_open([&](partition::Partition& partition) {
    if (topic && partition.name().topic != *topic) return;
    const auto& view = partition.view();
    json::object entry;
    entry["topic"] = partition.name().topic;
    entry["partition"] = partition.name().partition;
    entry["path"] = partition.files().path();
    entry["pages"] = os::page_kind_name(partition.files().page_kind());
    entry["active_segment"] = view.control().active.load(std::memory_order_acquire);
    entry["log_start_segment"] = view.control().log_start.load(std::memory_order_acquire);
    entry["prepared_segments"] = view.control().prepared.load(std::memory_order_acquire);
    entry["waiting_producers"] = view.control().memory_waiters.load(std::memory_order_acquire);
    entry["slots_in_use"] = partition.slots_in_use();
    entry["slot_limit"] = view.geometry().slot_limit;
    entry["slot_bytes"] = view.geometry().slot_bytes;
    entry["producers"] = producers_of(partition, participants);
    entry["readers"] = readers_of(partition, participants);
    json::array retired;
    for (const auto& [segment, holder] : partition.held())
      retired.push_back(json::object{{"segment", segment},
                                     {"held_by", holder.hold == log::Hold::reader ? "reader" : "producer"},
                                     {"index", holder.index}});
    entry["retired"] = std::move(retired);
    partitions.push_back(std::move(entry));
  });
  return json::serialize(json::object{{"partitions", std::move(partitions)}});
}

}  // namespace ringmain::broker
