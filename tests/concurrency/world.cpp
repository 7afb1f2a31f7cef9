#include "concurrency/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringmain::sim {
namespace {

std::uint32_t participant_of(std::uint32_t reader) {
  return reader + 1;
}

}  // namespace

World::World(const Scenario& scenario, const Options& options)
    : scenario_(scenario),
      fixture_(scenario.slots, scenario.slot_bytes, scenario.policy, options.seed,
               scenario.exclusive, scenario.fences),
      view_(fixture_.view()),
      oracle_(view_, static_cast<std::uint32_t>(scenario.producers),
              static_cast<std::uint32_t>(scenario.readers)),
      scheduler_(options, oracle_),
      line_owner_(static_cast<std::size_t>(scenario.producers), -1),
      reader_done_(static_cast<std::size_t>(scenario.readers), false),
      asleep_(static_cast<std::size_t>(scenario.readers), nullptr) {
  oracle_.attach(scheduler_);
  scheduler_.on_idle([this]() -> std::string {
    for (std::size_t r = 0; r < asleep_.size(); ++r)
      if (asleep_[r] != nullptr && asleep_[r]->ready() && !oracle_.reader_has_all(r))
        return fmt::format("reader {} sleeps although there is something to read", r);
    return {};
  });
  fixture_.prepare(0, scenario.small_steps ? scenario.slot_bytes / 2 : ~0ull);
  for (std::uint32_t r = 0; r < static_cast<std::uint32_t>(scenario.readers); ++r) {
    view_.readers().lines[r].pin.store(1);
    view_.readers().lines[r].participant.store(participant_of(r));
  }
  for (int i = 0; i < scenario.producers; ++i) {
    if (scenario.exclusive && i > 0) break;
    line_owner_[static_cast<std::size_t>(i)] = i;
  }
  for (int i = 0; i < scenario.producers; ++i)
    scheduler_.spawn(fmt::format("producer{}", i), [this, i] {
      if (scenario_.exclusive && i > 0)
        succeed(i);
      else
        produce(i, static_cast<std::uint32_t>(i));
    });
  for (int i = 0; i < scenario.successors; ++i)
    scheduler_.spawn(fmt::format("successor{}", i),
                     [this, i] { succeed(scenario_.producers + i); });
  for (int r = 0; r < scenario.readers; ++r)
    scheduler_.spawn(fmt::format("reader{}", r),
                     [this, r] { consume(static_cast<std::uint32_t>(r)); });
  for (int b = 0; b < scenario.brokers; ++b)
    oracle_.add_broker(scheduler_.spawn(fmt::format("broker{}", b), [this, b] { tend(b); }));
}

bool World::run() {
  scheduler_.run();
  if (scheduler_.failure().empty()) {
    const std::string unsettled = oracle_.unsettled();
    if (!unsettled.empty()) scheduler_.fail(unsettled);
  }
  return scheduler_.failure().empty();
}

std::string World::report() const {
  return fmt::format("{}\nthe last steps:\n{}", scheduler_.failure(), scheduler_.trace());
}

// ---- producers --------------------------------------------------------------------------------

void World::produce(int number, std::uint32_t intent) {
  if (scenario_.exclusive) {
    log::BasicExclusiveAppender<SimMemory> appender(view_, intent, bell_);
    append_all(appender, number, static_cast<std::uint64_t>(number) + 1);
  } else {
    log::BasicSharedAppender<SimMemory> appender(view_, intent, bell_);
    append_all(appender, number, static_cast<std::uint64_t>(number) + 1);
  }
}

// Takes the line of a producer that died and was repaired; none may ever come free.
void World::succeed(int number) {
  const auto others_done = [this, number] {
    for (int i = 0; i < scenario_.producers + scenario_.successors; ++i) {
      if (i == number) continue;
      const bool waits_too = i >= scenario_.producers || (scenario_.exclusive && i > 0);
      const bool owns_line =
          std::find(line_owner_.begin(), line_owner_.end(), i) != line_owner_.end();
      if (owns_line && scheduler_.is_killed(i)) return false;  // its line will come free
      if (scheduler_.is_live(i) && (!waits_too || owns_line)) return false;
    }
    return true;
  };
  scheduler_.wait_until([&] { return !free_lines_.empty() || others_done(); });
  if (free_lines_.empty()) return;
  const int line = free_lines_.back();
  free_lines_.pop_back();
  line_owner_[static_cast<std::size_t>(line)] = number;
  produce(number, static_cast<std::uint32_t>(line));
}

template <class Appender>
void World::append_all(Appender& appender, int thread, std::uint64_t seed) {
  auto& random = scheduler_.random();
  log::BasicWaker<SimMemory> waker(view_);
  const std::uint32_t most = view_.geometry().max_frame_bytes() / format::kFrameAlignment;
  for (int n = 0; n < scenario_.records; ++n) {
    const auto bytes =
        static_cast<std::uint32_t>(2 + random.below(most - 1)) * format::kFrameAlignment;
    const auto records = static_cast<std::uint32_t>(1 + random.below(3));
    if (scenario_.pauses && random.below(8) == 0) scheduler_.wait_for_idle();
    log::Claim claim;
    for (;;) {  // until it is claimed; the scheduler ends a schedule in which nobody gets on
      scheduler_.note_look();
      const log::ClaimOutcome outcome = appender.claim(bytes, records, claim);
      if (outcome == log::ClaimOutcome::ok) break;
      if (outcome == log::ClaimOutcome::deleted) scheduler_.fail("the partition is called deleted");
      if (outcome == log::ClaimOutcome::stalled) {
        ++probes_.stalled;
        scheduler_.wait_for_change();
        continue;
      }
      ++probes_.no_memory;
      if (appender.holds_pending_claim()) ++probes_.pending;
      if (scenario_.give_up && appender.holds_pending_claim() && random.below(2) == 0) {
        appender.abandon();
        ++probes_.abandoned;
      }
      const std::uint32_t bell = view_.control().memory_bell.load(std::memory_order_acquire);
      view_.control().memory_waiters.fetch_add(1, std::memory_order_acq_rel);
      scheduler_.note_look();
      const log::ClaimOutcome again = appender.claim(bytes, records, claim);
      if (again == log::ClaimOutcome::no_memory) {
        bool timed_out = false;
        scheduler_.futex_wait(&view_.control().memory_bell, bell, timed_out);
        if (timed_out) scheduler_.fail("waits for memory and nobody wakes it");
      }
      view_.control().memory_waiters.fetch_sub(1, std::memory_order_acq_rel);
      if (again == log::ClaimOutcome::ok) break;
    }
    if (scenario_.exclusive)
      oracle_.exclusive_claim(
          thread, claim.segment,
          static_cast<std::uint32_t>((claim.at - view_.slot(0)) /
                                     static_cast<std::ptrdiff_t>(view_.geometry().slot_bytes)),
          static_cast<std::uint32_t>((claim.at - view_.slot(0)) %
                                     static_cast<std::ptrdiff_t>(view_.geometry().slot_bytes) /
                                     format::kFrameAlignment),
          claim.bytes / format::kFrameAlignment, claim.offset, claim.records);
    if (scenario_.exclusive && random.below(5) == 0) {
      leave_half_written(claim, appender.owner());
      continue;
    }
    fill_and_publish(appender, claim, thread, seed * 1000 + static_cast<std::uint64_t>(n));
    waker.after_publish();
    scheduler_.progress();
  }
}

void World::place_record(std::byte* at, std::uint64_t offset, std::uint32_t size,
                         std::uint64_t records, std::uint16_t owner, std::uint32_t tag,
                         std::uint64_t seed) {
  using Writer = log::FrameWriter<SimMemory>;
  const bool batch = records != 1;
  Writer::write_fields(at,
                       {offset, static_cast<std::int64_t>(records),
                        batch ? format::FrameType::batch : format::FrameType::record, 0, owner});
  std::vector<std::uint64_t> body((size - format::kFrameHeaderBytes) / 8);
  for (std::uint64_t i = 0; i < body.size(); ++i) body[i] = Oracle::body_word(seed, i, tag, offset);
  SimMemory::write(at + format::kFrameHeaderBytes, reinterpret_cast<const std::byte*>(body.data()),
                   body.size() * 8);
  oracle_.will_publish(offset, size, records, seed);
}

// An exclusive claim that is never published simply never happened, whatever frames it holds.
void World::leave_half_written(const log::Claim& claim, std::uint16_t owner) {
  using Writer = log::FrameWriter<SimMemory>;
  for (std::uint32_t at = 32; at < claim.bytes; at += 32) {
    Writer::write_fields(claim.at + at,
                         {claim.offset + at / 32, 1, format::FrameType::record, 0, owner});
    Writer::place_inside(claim.at + at, 32, claim.tag);
  }
}

// One of: a frame as large as its claim; a smaller one and a filler; nothing but a filler; several
// frames, the first of which is published last.
template <class Appender>
void World::fill_and_publish(Appender& appender, const log::Claim& claim, int, std::uint64_t seed) {
  using Writer = log::FrameWriter<SimMemory>;
  auto& random = scheduler_.random();
  const std::uint16_t owner = appender.owner();
  const std::uint64_t kind = random.below(6);
  if (kind == 0) {  // given up
    Writer::write_fields(claim.at, Writer::filler(claim.offset, claim.records, owner));
    return appender.publish(claim, claim.bytes);
  }
  if (kind == 1 && claim.bytes >= 96) {  // partly used
    const std::uint32_t used = 64;
    std::byte* rest = claim.at + used;
    Writer::write_fields(rest, Writer::filler(claim.offset + 1, claim.records - 1, owner));
    Writer::place_inside(rest, claim.bytes - used, claim.tag);
    place_record(claim.at, claim.offset, used - 8, 1, owner, claim.tag, seed);
    return appender.publish(claim, used - 8);
  }
  if (kind <= 3 && claim.records > 1 && claim.bytes >= claim.records * 64) {  // one frame a record
    std::byte* at = claim.at;
    std::uint32_t left = claim.bytes;
    for (std::uint32_t i = 0; i < claim.records; ++i) {
      const std::uint32_t size = i + 1 == claim.records ? left : 64;
      place_record(at, claim.offset + i, size, 1, owner, claim.tag, seed * 7 + i);
      if (i > 0) Writer::place_inside(at, size, claim.tag);
      at += size;
      left -= size;
    }
    return appender.publish(claim, claim.records == 1 ? claim.bytes : 64);
  }
  place_record(claim.at, claim.offset, claim.bytes, claim.records, owner, claim.tag, seed);
  appender.publish(claim, claim.bytes);
}

// ---- readers ----------------------------------------------------------------------------------

void World::consume(std::uint32_t number) {
  log::BasicReader<SimMemory> reader(view_, number);
  auto& random = scheduler_.random();
  bool entered = false;
  const auto has_all = [&] { return producers_are_done() && oracle_.reader_has_all(number); };
  while (!has_all()) {
    scheduler_.note_look();
    oracle_.reader_left(number);  // no view is held any more; only the pin counts
    if (scenario_.seeks && entered && random.below(4) == 0) seek_where_it_stands(reader);
    const log::ReadOutcome outcome = reader.next();
    switch (outcome) {
      case log::ReadOutcome::record: {
        const auto& frame = reader.frame();
        const std::uint64_t records = log::FrameWalk<SimMemory>::offsets_of(frame);
        const std::uint64_t offset = frame.offset.load(std::memory_order_relaxed);
        if (offset != reader.offset()) scheduler_.fail("the frame's offset is not the reader's");
        oracle_.reader_stands_in(number, reader.segment(), 0 + offset);
        oracle_.read(number, offset, records, reader.frame_size(), frame.body());
        scheduler_.progress();
        if (random.below(4) == 0) {  // a view stays valid while the reader stays
          for (int i = 0; i < 8; ++i) scheduler_.yield();
          oracle_.check_body(offset, frame.body());
        }
        break;
      }
      case log::ReadOutcome::lost: {
        const std::uint64_t lost = reader.take_lost();
        ++probes_.lost;
        oracle_.reader_lost(number, lost, reader.next_offset());
        oracle_.reader_stands_in(number, reader.segment(), reader.next_offset());
        bell_.ring();
        scheduler_.progress();
        break;
      }
      case log::ReadOutcome::rolled:
        if (!std::exchange(entered, true)) oracle_.reader_enters(number, reader.next_offset());
        oracle_.reader_stands_in(number, reader.segment(), reader.next_offset());
        bell_.ring();
        scheduler_.progress();
        break;
      case log::ReadOutcome::empty:
        if (random.below(2) == 0)
          sleep(number, reader);
        else
          scheduler_.yield();
        break;
      case log::ReadOutcome::corrupt:
        scheduler_.fail("finds the log corrupt");
        break;
      default:
        scheduler_.fail("finds the partition deleted, or what next() never says");
        break;
    }
  }
  oracle_.reader_left(number);
  reader_done_[number] = true;  // before the broker hears of it
  reader.unpin();
  bell_.ring();
}

// Where nothing is dropped, what it was to read next is still there.
void World::seek_where_it_stands(log::BasicReader<SimMemory>& reader) {
  const std::uint64_t offset = reader.next_offset();
  ++probes_.seeks;
  reader.hold();
  if (scheduler_.random().below(2) == 0 && reader.seek(offset + 1'000'000) != log::SeekOutcome::beyond_end)
    return scheduler_.fail("sought what was never appended, and was told otherwise");
  if (reader.seek(offset) != log::SeekOutcome::ok || reader.next_offset() != offset)
    return scheduler_.fail(fmt::format("sought offset {}, which it had come to, and it is gone", offset));
  reader.release();
  bell_.ring();
}

void World::sleep(std::uint32_t number, log::BasicReader<SimMemory>& reader) {
  using Waker = log::BasicWaker<SimMemory>;
  auto& bell = view_.doorbells()[participant_of(number)].rings;
  const std::uint32_t value = bell.load(std::memory_order_acquire);
  Waker::mark(view_, number);
  if (scenario_.mistake != Mistake::sleeps_without_barrier)
    SimMemory::heavy_barrier(view_.geometry().fences);
  if (!reader.ready()) {
    bool timed_out = false;
    ++probes_.sleeps;
    asleep_[number] = &reader;
    scheduler_.futex_wait(&bell, value, timed_out);
    asleep_[number] = nullptr;
    if (!timed_out) ++probes_.wakes;
    // A time-out is how a test ends for a reader that has read all there is.
    if (timed_out && !(producers_are_done() && oracle_.reader_has_all(number)))
      scheduler_.fail("sleeps although there is something to read");
  } else {
    scheduler_.yield();
  }
  Waker::unmark(view_, number);
}

// ---- the broker -------------------------------------------------------------------------------

bool World::line_is_dead(std::uint32_t intent) const {
  const int owner = line_owner_[intent];
  return owner >= 0 && scheduler_.is_killed(owner);
}

bool World::producers_are_done() const {
  for (int i = 0; i < scenario_.producers + scenario_.successors; ++i)
    if (scheduler_.is_live(i) || scheduler_.has_buffered(i)) return false;
  for (std::uint32_t i = 0; i < line_owner_.size(); ++i)
    if (line_is_dead(i)) return false;
  for (std::uint32_t i = 0; i < line_owner_.size(); ++i) {  // abandoned claims are filled
    std::uint64_t word;
    std::memcpy(&word, &view_.intent(i).word, 8);
    if (format::unpack_intent(word).state == format::IntentState::abandoned) return false;
  }
  return true;
}

bool World::all_is_done() const {
  return producers_are_done() &&
         std::find(reader_done_.begin(), reader_done_.end(), false) == reader_done_.end();
}

void World::tend(int number) {
  if (number > 0) {
    scheduler_.wait_until([&] {
      for (int b = 0; b < number; ++b)
        if (scheduler_.is_live(thread_of_broker(b))) return false;
      return true;
    });
    for (int b = 0; b < number; ++b)
      if (!scheduler_.is_killed(thread_of_broker(b))) return;
  }
  // A new broker cannot know what the last one had begun: it tells everybody.
  retire_below(view_.control().log_start.load(std::memory_order_acquire));
  log::BasicRecycler<SimMemory>(view_).ring_memory_bell();
  bell_.rung = true;
  ring_readers();
  while (!all_is_done()) {
    bell_.rung = false;
    scheduler_.note_look();
    const std::size_t deaths = scheduler_.kills();
    grow();
    const bool repaired = repair_all();
    const bool prepared = prepare_ahead();
    if (bell_.rung || scheduler_.kills() != deaths) continue;
    if (!repaired || !prepared)
      scheduler_.wait_for_change();
    else
      scheduler_.wait_until(
          [&, deaths] { return bell_.rung || scheduler_.kills() != deaths || all_is_done(); });
  }
}

bool World::repair_all() {
  log::BasicRepairer<SimMemory> repairer(view_);
  bool all = true, any = false;
  const auto is_dead = [this](std::uint32_t intent) { return line_is_dead(intent); };
  for (std::uint32_t i = 0; i < line_owner_.size(); ++i) {
    if (line_is_dead(i)) {
      if (scenario_.mistake == Mistake::fills_without_asking ||
          scenario_.mistake == Mistake::forgets_void_offsets)
        fill_without_asking(i);
      if (!settled(repairer.repair(i, is_dead))) {
        all = false;
        continue;
      }
      scheduler_.fence();  // the line is handed on through a socket
      line_owner_[i] = -1;
      free_lines_.push_back(static_cast<int>(i));
      any = true;
      scheduler_.progress();
      continue;
    }
    const auto word = view_.intent(i).word.load(std::memory_order_acquire);
    if (format::unpack_intent(word).state != format::IntentState::abandoned) continue;
    if (settled(repairer.repair_abandoned(i)))
      any = true;
    else
      all = false;
  }
  if (any) {
    ring_readers();
    log::BasicRecycler<SimMemory>(view_).ring_memory_bell();
  }
  return all;
}

bool World::settled(log::RepairOutcome outcome) {
  if (outcome == log::RepairOutcome::retry) ++probes_.retries;
  if (outcome == log::RepairOutcome::needs_memory) ++probes_.short_repairs;
  return outcome == log::RepairOutcome::done;
}

// What a careless repairer would do: whatever is unpublished below the tail is the dead one's.
void World::fill_without_asking(std::uint32_t intent) {
  using Writer = log::FrameWriter<SimMemory>;
  const auto word =
      format::unpack_intent(view_.intent(intent).word.load(std::memory_order_acquire));
  if (word.state == format::IntentState::idle) return;
  const auto slot = view_.find(word.segment);
  if (!slot) return;
  const bool voids = scenario_.mistake != Mistake::forgets_void_offsets;
  auto& header = view_.segment_in(*slot);
  if (header.base_offset.load(std::memory_order_acquire) == format::kNoOffset) return;
  if (!voids) {
    if (word.state != format::IntentState::claimed) return;
    std::byte* place = view_.slot(*slot) + word.position_units * format::kFrameAlignment;
    if (format::is_published(Writer::at(place).commit.load(std::memory_order_acquire), header.tag))
      return;
    const auto units =
        static_cast<std::uint32_t>(view_.intent(intent).claim.load(std::memory_order_relaxed));
    Writer::write_fields(
        place, Writer::filler(view_.intent(intent).offset.load(std::memory_order_relaxed), 0, 0));
    Writer::publish(place, units * format::kFrameAlignment, header.tag);
    return;
  }
  const auto tail = format::unpack_tail(header.tail.load(std::memory_order_acquire));
  const auto end = std::min<std::uint64_t>(tail.units, view_.geometry().capacity_units());
  log::FrameWalk<SimMemory> walk(view_.slot(*slot), header.tag, static_cast<std::uint32_t>(end),
                                 header.base_offset.load(std::memory_order_acquire));
  while (walk.step()) {
  }
  if (walk.position_units() >= end) return;
  std::byte* place = view_.slot(*slot) + walk.position_units() * format::kFrameAlignment;
  Writer::write_fields(place, Writer::filler(walk.next_offset(), 1, 0));
  Writer::publish(place, format::kFrameAlignment, header.tag);
}

// Memory for the active segment, and for those before it in which a claim still waits for some.
void World::grow() {
  const std::uint64_t active = view_.control().active.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < view_.geometry().slot_limit; ++slot) {
    auto& header = view_.segment_in(slot);
    if (header.magic != format::kSegmentMagic || header.sequence > active) continue;
    if (header.prepared_bytes.load(std::memory_order_relaxed) >= view_.geometry().slot_bytes)
      continue;
    log::BasicRecycler<SimMemory>(view_).grow(slot, view_.geometry().slot_bytes);
  }
}

bool World::prepare_ahead() {
  auto& control = view_.control();
  for (;;) {
    const std::uint64_t prepared = control.prepared.load(std::memory_order_acquire);
    if (prepared > control.active.load(std::memory_order_acquire) + 1) return true;
    const auto slot = obtain_slot();
    if (!slot) return false;
    oracle_.reuse(*slot);
    const std::uint64_t bytes =
        scenario_.small_steps ? scenario_.slot_bytes / 2 : scenario_.slot_bytes;
    log::BasicRecycler<SimMemory>(view_).prepare(prepared, *slot, fixture_.identity(), bytes);
    scheduler_.progress();
  }
}

std::optional<std::uint32_t> World::obtain_slot() {
  auto& control = view_.control();
  log::BasicRecycler<SimMemory> recycler(view_);
  for (;;) {  // ends at the active segment
    if (const auto slot = collect()) return slot;
    const std::uint64_t start = control.log_start.load(std::memory_order_acquire);
    if (start >= control.active.load(std::memory_order_acquire)) return std::nullopt;
    if (scenario_.policy == format::FullPolicy::block && !recycler.passed_by_all_readers(start))
      return std::nullopt;
    retire_below(start + 1);
  }
}

void World::retire_below(std::uint64_t segment) {
  if (scenario_.mistake == Mistake::retires_without_barrier)
    view_.control().log_start.store(segment, std::memory_order_release);
  else
    log::BasicRecycler<SimMemory>(view_).retire_below(segment);
}

// A slot that no segment needs: all that a broker knows of it lies in shared memory.
std::optional<std::uint32_t> World::collect() {
  auto& control = view_.control();
  log::BasicRecycler<SimMemory> recycler(view_);
  const std::uint64_t start = control.log_start.load(std::memory_order_acquire);
  const std::uint64_t prepared = control.prepared.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < view_.geometry().slot_limit; ++slot) {
    const auto& header = view_.segment_in(slot);
    if (header.magic != format::kSegmentMagic) return slot;
    const bool named = view_.find(header.sequence) == slot;
    if (!named || header.sequence >= prepared) return slot;
    if (header.sequence >= start) continue;
    const log::Hold hold = recycler.holder(header.sequence).hold;
    if (hold == log::Hold::reader) ++probes_.held_by_reader;
    if (hold == log::Hold::producer) ++probes_.held_by_producer;
    if (hold == log::Hold::none ||
        (hold == log::Hold::producer && scenario_.mistake == Mistake::recycles_despite_intents) ||
        (hold == log::Hold::reader && scenario_.mistake == Mistake::recycles_despite_pins))
      return slot;
  }
  return std::nullopt;
}

void World::ring_readers() {
  for (std::uint32_t r = 0; r < static_cast<std::uint32_t>(scenario_.readers); ++r) {
    auto& bell = view_.doorbells()[participant_of(r)].rings;
    bell.fetch_add(1, std::memory_order_release);
    SimMemory::wake_all(bell);
  }
}

}  // namespace ringmain::sim
