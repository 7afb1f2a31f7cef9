#include "concurrency/oracle.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringmain::sim {
namespace {

constexpr std::size_t kNoClaim = ~std::size_t{0};

std::uint64_t memory_word(const void* address) {
  std::uint64_t word;
  std::memcpy(&word, address, 8);
  return word;
}

}  // namespace

Oracle::Oracle(const View& view, std::uint32_t used_intents, std::uint32_t used_readers)
    : view_(view),
      used_intents_(used_intents),
      used_readers_(used_readers),
      base_{0},
      readers_(used_readers) {
  unit_claim_.assign(view.geometry().slot_limit,
                     std::vector<int>(view.geometry().capacity_units(), -1));
}

void Oracle::breach(const std::string& what) const {
  scheduler_->fail(what);
}

std::string Oracle::describe(const ClaimInfo& claim) const {
  static constexpr const char* kFates[] = {"pending", "published", "filled", "dropped"};
  return fmt::format(
      "the claim of thread {} in segment {} (slot {}), units {}..{}, offsets {}..{}, {}",
      claim.thread, claim.segment, claim.slot, claim.position, claim.position + claim.units,
      claim.offset, claim.offset + claim.records, kFates[static_cast<int>(claim.fate)]);
}

bool Oracle::is_broker(int thread) const {
  return std::find(brokers_.begin(), brokers_.end(), thread) != brokers_.end();
}

bool Oracle::find_place(const void* address, Place& place) const {
  const auto* byte = static_cast<const std::byte*>(address);
  const std::byte* first = view_.slot(0);
  const std::uint64_t bytes = view_.geometry().slot_limit * view_.geometry().slot_bytes;
  if (byte < first || byte >= first + bytes) return false;
  const auto at = static_cast<std::uint64_t>(byte - first);
  place = {static_cast<std::uint32_t>(at / view_.geometry().slot_bytes),
           at % view_.geometry().slot_bytes};
  return true;
}

bool Oracle::is_frame_memory(const void* address) const {
  Place place;
  return find_place(address, place) && place.at >= format::kSegmentHeaderBytes;
}

bool Oracle::is_quiet(const void* address) const {
  const auto* byte = static_cast<const std::byte*>(address);
  const auto within = [byte](const void* from, const void* to) {
    return byte >= static_cast<const std::byte*>(from) && byte < static_cast<const std::byte*>(to);
  };
  auto& readers = view_.readers();
  return within(&view_.intent(used_intents_), &view_.intent(format::kMaxProducers)) ||
         within(&readers.lines[used_readers_], readers.lines + format::kMaxReaders) ||
         within(&readers.sleeping[1], readers.sleeping + format::kSleepWords);
}

std::string Oracle::name_of(const void* address) const {
  Place place;
  if (find_place(address, place)) {
    const char* part = "";
    if (place.at < format::kSegmentHeaderBytes) {
      part = place.at == 64    ? "tail"
             : place.at == 128 ? "base_offset"
             : place.at == 136 ? "final"
             : place.at == 192 ? "prepared_bytes"
                               : "header";
      return fmt::format("slot {} {}", place.slot, part);
    }
    const std::uint64_t inside = place.at % format::kFrameAlignment;
    return fmt::format("slot {} unit {}{}", place.slot, place.at / format::kFrameAlignment,
                       inside == 0 ? "" : fmt::format("+{}", inside));
  }
  const auto* byte = static_cast<const std::byte*>(address);
  const auto* control = reinterpret_cast<const std::byte*>(&view_.control());
  if (byte >= control && byte < control + sizeof(View::Control)) {
    switch (byte - control) {
      case 0:
        return "active";
      case 64:
        return "prepared";
      case 72:
        return "log_start";
      case 80:
        return "state";
      case 128:
        return "memory_bell";
      case 132:
        return "memory_waiters";
      default:
        return "control";
    }
  }
  const auto* intents = reinterpret_cast<const std::byte*>(&view_.intent(0));
  if (byte >= intents && byte < intents + format::kMaxProducers * 64) {
    static constexpr const char* kFields[] = {"word", "claim", "offset", "participant"};
    return fmt::format("intent {} {}", (byte - intents) / 64,
                       kFields[(byte - intents) % 64 / 8 % 4]);
  }
  const auto* directory = control - format::kControlAt + format::kDirectoryAt;
  if (byte >= directory && byte < directory + 8 * view_.geometry().directory_size)
    return fmt::format("directory {}", (byte - directory) / 8);
  const auto* readers = reinterpret_cast<const std::byte*>(&view_.readers());
  if (byte >= readers && byte < readers + sizeof(View::Readers)) {
    if (byte - readers < 128) return "sleeping";
    return fmt::format("reader {} {}", (byte - readers - 128) / 64,
                       (byte - readers) % 64 == 0 ? "pin" : "line");
  }
  return "doorbell";
}

// ---- what the actors state --------------------------------------------------------------------

void Oracle::will_publish(std::uint64_t offset, std::uint32_t size, std::uint64_t records,
                          std::uint64_t seed) {
  if (offset >= expected_.size()) return breach(fmt::format("offset {} was never claimed", offset));
  const auto& claim = claims_[expected_[offset].claim];
  expected_[offset].size = size;
  expected_[offset].records = records;
  expected_[offset].seed = seed;
  expected_[offset].tag = view_.segment_in(claim.slot).tag;
}

// Words of a body; some of them look like the commit word and offset of a frame.
std::uint64_t Oracle::body_word(std::uint64_t seed, std::uint64_t index, std::uint32_t tag,
                                std::uint64_t offset) {
  const std::uint64_t noise = SplitMix64(seed * 1000 + index)();
  if (index % 4 == 0 && noise % 2 == 0)
    return format::commit_word(32 + static_cast<std::int32_t>(noise / 2 % 3) * 32, tag);
  if (index % 4 == 1 && noise % 2 == 0) return offset + 1 + noise / 2 % 2;
  return noise;
}

void Oracle::exclusive_claim(int thread, std::uint64_t segment, std::uint32_t slot,
                             std::uint32_t position, std::uint32_t units, std::uint64_t offset,
                             std::uint64_t records) {
  for (auto& claim : claims_)
    if (claim.fate == Fate::pending && !claim.publish_issued)
      claim.fate = Fate::dropped;  // it never happened
  for (auto& unit : unit_claim_[slot])
    if (unit >= 0 && claims_[static_cast<std::size_t>(unit)].fate == Fate::dropped) unit = -1;
  if (segment >= base_.size()) return breach("an exclusive claim in a segment that is not active");
  claims_.push_back({thread, segment, slot, position, units, offset, records, Fate::pending});
  if (expected_.size() < offset + records)
    expected_.resize(offset + records, {kNoClaim, 0, 0, 0, 0});
  for (std::uint64_t o = offset; o < offset + records; ++o) {
    if (expected_[o].claim != kNoClaim && claims_[expected_[o].claim].fate != Fate::dropped)
      return breach(fmt::format("offset {} is given out twice", o));
    expected_[o] = {claims_.size() - 1, 0, 0, 0, 0};
  }
  for (std::uint32_t u = position; u < position + units; ++u) {
    if (unit_claim_[slot][u] >= 0)
      return breach("claimed again: " +
                    describe(claims_[static_cast<std::size_t>(unit_claim_[slot][u])]));
    unit_claim_[slot][u] = static_cast<int>(claims_.size()) - 1;
  }
}

void Oracle::reader_enters(std::size_t reader, std::uint64_t next_offset) {
  readers_[reader].next_offset = next_offset;
}

void Oracle::reader_stands_in(std::size_t reader, std::uint64_t segment,
                              std::uint64_t next_offset) {
  auto& shadow = readers_[reader];
  shadow.inside = true;
  shadow.segment = segment;
  if (next_offset < shadow.next_offset)
    breach(fmt::format("reader {} went back from offset {} to {}", reader, shadow.next_offset,
                       next_offset));
}

void Oracle::reader_left(std::size_t reader) {
  readers_[reader].inside = false;
}

void Oracle::reader_lost(std::size_t reader, std::uint64_t lost, std::uint64_t next_offset) {
  auto& shadow = readers_[reader];
  // Fillers that the reader skipped count as passed, so it may stand ahead of its shadow.
  if (next_offset < shadow.next_offset + lost)
    breach(fmt::format("reader {} was told of {} lost records, from {} to {}", reader, lost,
                       shadow.next_offset, next_offset));
  const std::uint64_t from = next_offset - lost;
  for (std::uint64_t o = shadow.next_offset; o < from && o < expected_.size(); ++o)
    if (expected_[o].size != 0 && claims_[expected_[o].claim].fate == Fate::published)
      breach(fmt::format("reader {} was not told that record {} is lost", reader, o));
  const std::uint64_t start = view_.control().log_start.load();
  if (lost == 0 || start >= base_.size() || next_offset > base_[start])
    breach(fmt::format("reader {}: {} lost up to {}, which the log still holds", reader, lost,
                       next_offset));
  shadow.next_offset = next_offset;
}

void Oracle::read(std::size_t reader, std::uint64_t offset, std::uint64_t records,
                  std::uint32_t size, const std::byte* body) {
  auto& shadow = readers_[reader];
  if (offset < shadow.next_offset)
    return breach(fmt::format("reader {} got offset {} again", reader, offset));
  for (std::uint64_t o = shadow.next_offset; o < offset; ++o) {
    if (o >= expected_.size())
      return breach(fmt::format("reader {} is beyond every claim: {}", reader, offset));
    const auto& claim = claims_[expected_[o].claim];
    if (claim.fate == Fate::published && expected_[o].size == 0)
      continue;  // its owner made it void
    if (claim.fate == Fate::filled) continue;
    return breach(fmt::format("reader {} skipped offset {} of {}", reader, o, describe(claim)));
  }
  if (offset >= expected_.size() || expected_[offset].size == 0)
    return breach(fmt::format("reader {} got offset {}, which is void", reader, offset));
  const auto& expected = expected_[offset];
  if (claims_[expected.claim].fate != Fate::published)
    return breach(fmt::format("reader {} got offset {} of {}", reader, offset,
                              describe(claims_[expected.claim])));
  if (expected.size != size || expected.records != records)
    return breach(
        fmt::format("reader {} got offset {} with {} bytes and {} records instead of {} and {}",
                    reader, offset, size, records, expected.size, expected.records));
  check_body(offset, body);
  shadow.next_offset = offset + records;
}

void Oracle::check_body(std::uint64_t offset, const std::byte* body) const {
  const auto& expected = expected_[offset];
  for (std::uint64_t i = 0; i < (expected.size - format::kFrameHeaderBytes) / 8; ++i)
    if (memory_word(body + 8 * i) != body_word(expected.seed, i, expected.tag, offset))
      return breach(
          fmt::format("the body of record {} is not what was published (word {})", offset, i));
}

void Oracle::reuse(std::uint32_t slot) {
  for (const int unit : unit_claim_[slot])
    if (unit >= 0 && claims_[static_cast<std::size_t>(unit)].fate == Fate::pending)
      return breach(fmt::format("slot {} is taken back under {}", slot,
                                describe(claims_[static_cast<std::size_t>(unit)])));
  auto& header = view_.segment_in(slot);
  if (header.magic == format::kSegmentMagic) {
    ++reused_;
    for (std::size_t r = 0; r < readers_.size(); ++r)
      if (readers_[r].inside && slot_of(readers_[r].segment) == slot)
        return breach(fmt::format("slot {} is taken back under reader {} in segment {}", slot, r,
                                  header.sequence));
    // Bodies change at once, so that whoever still looks at them is found out.
    for (std::uint64_t at = format::kSegmentHeaderBytes; at < view_.geometry().slot_bytes; at += 8)
      if (at % format::kFrameAlignment >= 16) {
        const std::uint64_t word = ~memory_word(view_.slot(slot) + at);
        std::memcpy(view_.slot(slot) + at, &word, 8);
      }
  }
  std::fill(unit_claim_[slot].begin(), unit_claim_[slot].end(), -1);
}

bool Oracle::reader_has_all(std::size_t reader) const {
  for (std::uint64_t o = readers_[reader].next_offset; o < expected_.size(); ++o)
    if (expected_[o].size != 0 && claims_[expected_[o].claim].fate == Fate::published) return false;
  return true;
}

std::string Oracle::unsettled() const {
  for (const auto& claim : claims_) {
    if (claim.fate != Fate::pending) continue;
    const bool never_happened = view_.geometry().single_producer && !claim.publish_issued;
    if (never_happened || lies_beyond_the_end(claim)) continue;
    return describe(claim) + " was never settled";
  }
  return {};
}

// Dead producers' claims behind all others: the repairer ended the segment before them.
bool Oracle::lies_beyond_the_end(const ClaimInfo& claim) const {
  const std::uint64_t final = memory_word(&view_.segment_in(claim.slot).final);
  return scheduler_->is_killed(claim.thread) && final != 0 &&
         claim.position >= format::unpack_final(final).units;
}

// ---- what memory shows ------------------------------------------------------------------------

void Oracle::check_write(int thread, const Place& place, const char* when) {
  const auto unit = static_cast<std::uint32_t>(place.at / format::kFrameAlignment);
  const int owner = unit_claim_[place.slot][unit];
  const bool exclusive = view_.geometry().single_producer;
  if (owner < 0) {
    if (!exclusive)
      breach(
          fmt::format("{} into slot {} unit {}, which nobody has claimed", when, place.slot, unit));
    return;
  }
  const auto& claim = claims_[static_cast<std::size_t>(owner)];
  if (claim.fate == Fate::published || claim.fate == Fate::filled)
    return breach(fmt::format("{} into unit {} of {}", when, unit, describe(claim)));
  if (exclusive || claim.thread == thread) return;
  const bool given_up = [&] {
    for (std::uint32_t i = 0; i < used_intents_; ++i) {
      const auto intent = format::unpack_intent(memory_word(&view_.intent(i).word));
      if (intent.state == format::IntentState::abandoned && intent.segment == claim.segment &&
          intent.position_units == claim.position)
        return true;
    }
    return false;
  }();
  if (is_broker(thread) && (given_up || scheduler_->is_killed(claim.thread))) return;
  breach(fmt::format("{} into unit {} of {}", when, unit, describe(claim)));
}

void Oracle::on_issue(int thread, const void* address, std::uint64_t value) {
  Place place;
  if (!find_place(address, place) || place.at < format::kSegmentHeaderBytes) return;
  check_write(thread, place, "stores");
  const auto unit = static_cast<std::uint32_t>(place.at / format::kFrameAlignment);
  const int owner = unit_claim_[place.slot][unit];
  if (owner < 0) return;
  auto& claim = claims_[static_cast<std::size_t>(owner)];
  if (claim.publish_issued) return breach("stores into what it has published: " + describe(claim));
  if (claim.thread == thread && claim.position == unit && place.at % format::kFrameAlignment == 0)
    claim.publish_issued = format::is_published(value, view_.segment_in(place.slot).tag);
  if (claim.publish_issued) claim.issued_commit = value;
}

void Oracle::on_visible(int thread, const void* address, std::uint64_t value) {
  Place place;
  if (!find_place(address, place) || place.at < format::kSegmentHeaderBytes) return;
  check_write(thread, place, "a late store");
  const auto unit = static_cast<std::uint32_t>(place.at / format::kFrameAlignment);
  const int owner = unit_claim_[place.slot][unit];
  if (owner < 0 || place.at % format::kFrameAlignment != 0) return;
  auto& claim = claims_[static_cast<std::size_t>(owner)];
  if (claim.position != unit || !format::is_published(value, view_.segment_in(place.slot).tag))
    return;
  if (thread == claim.thread) {
    if (value != claim.issued_commit)
      return;  // a wiped frame of an exclusive claim that never happened
    claim.fate = Fate::published;
    ++published_frames_;
    return;
  }
  // A filler may settle the claims of several dead producers at once.
  const auto end =
      unit + format::align_frame(static_cast<std::uint32_t>(format::commit_size(value))) / 32;
  for (std::uint32_t u = unit; u < end && u < view_.geometry().capacity_units(); ++u) {
    const int other = unit_claim_[place.slot][u];
    if (other < 0) return breach("a filler covers what nobody has claimed");
    auto& covered = claims_[static_cast<std::size_t>(other)];
    if (covered.fate == Fate::published) return breach("a filler covers " + describe(covered));
    if (covered.fate == Fate::pending) ++filled_;
    if (covered.position + covered.units > end)
      return breach("a filler covers a part of " + describe(covered));
    covered.fate = Fate::filled;
  }
}

void Oracle::on_rmw(int thread, const void* address, std::uint64_t before, std::uint64_t after) {
  if (address == &view_.control().active) {
    if (before != after) on_active(before, after);
    return;
  }
  Place place;
  if (!find_place(address, place)) return;
  if (place.at == offsetof(View::SegmentHeader, tail)) {
    const auto old = format::unpack_tail(before);
    const auto now = format::unpack_tail(after);
    give_claim(thread, place.slot, old, {now.units - old.units, now.count - old.count, 0});
    scheduler_->made_claim(thread);
  }
  if (place.at == offsetof(View::SegmentHeader, base_offset) && before != after) {
    const std::uint64_t segment = view_.segment_in(place.slot).sequence;
    const std::uint64_t active = memory_word(&view_.control().active);
    if (segment != active + 1)
      breach(fmt::format("sets the base offset of segment {} while {} is active", segment, active));
  }
}

void Oracle::give_claim(int thread, std::uint32_t slot, format::Tail old, format::Tail add) {
  const auto& header = view_.segment_in(slot);
  const std::uint64_t segment = header.sequence;
  if (segment >= base_.size())
    return breach(fmt::format("claims in segment {}, which was never active", segment));
  if (format::is_full({old.units + add.units, old.count + add.count, 0},
                      view_.geometry().capacity_units()))
    return;
  ClaimInfo claim{thread,
                  segment,
                  slot,
                  static_cast<std::uint32_t>(old.units),
                  static_cast<std::uint32_t>(add.units),
                  base_[segment] + old.count,
                  add.count,
                  Fate::pending};
  claims_.push_back(claim);
  if (expected_.size() < claim.offset + claim.records)
    expected_.resize(claim.offset + claim.records, {kNoClaim, 0, 0, 0, 0});
  for (std::uint64_t o = claim.offset; o < claim.offset + claim.records; ++o) {
    if (expected_[o].claim != kNoClaim && claims_[expected_[o].claim].fate != Fate::dropped)
      return breach(fmt::format("offset {} is given out twice", o));
    expected_[o] = {claims_.size() - 1, 0, 0, 0, 0};
  }
  for (std::uint32_t u = claim.position; u < claim.position + claim.units; ++u) {
    if (unit_claim_[slot][u] >= 0)
      return breach("claimed again: " +
                    describe(claims_[static_cast<std::size_t>(unit_claim_[slot][u])]));
    unit_claim_[slot][u] = static_cast<int>(claims_.size()) - 1;
  }
}

std::uint32_t Oracle::slot_of(std::uint64_t segment) const {
  for (std::uint32_t slot = 0; slot < view_.geometry().slot_limit; ++slot)
    if (view_.segment_in(slot).magic == format::kSegmentMagic &&
        view_.segment_in(slot).sequence == segment &&
        memory_word(&view_.segment_in(slot).base_offset) != format::kNoOffset)
      return slot;
  breach(fmt::format("segment {} has no slot", segment));
  return 0;
}

void Oracle::on_active(std::uint64_t before, std::uint64_t after) {
  if (after != before + 1 || after != base_.size())
    return breach(fmt::format("active jumps from {} to {}", before, after));
  const std::uint64_t final = memory_word(&view_.segment_in(slot_of(before)).final);
  if (final == 0) return breach(fmt::format("segment {} is left without a final word", before));
  const auto end = format::unpack_final(final);
  std::uint64_t units = format::kSegmentHeaderBytes / format::kFrameAlignment;
  std::uint64_t count = 0;
  for (auto& claim : claims_) {
    if (claim.segment != before) continue;
    if (claim.position + claim.units > end.units) {
      if (claim.fate == Fate::published)
        return breach("the final word cuts off " + describe(claim));
      if (!view_.geometry().single_producer && !scheduler_->is_killed(claim.thread))
        return breach("the final word cuts off " + describe(claim));
      claim.fate = Fate::dropped;
      continue;
    }
    if (claim.fate == Fate::dropped) continue;
    units += claim.units;
    count += claim.records;
  }
  if (units != end.units || count != end.count)
    return breach(fmt::format(
        "segment {} ends at unit {} with {} offsets by its final word, at {} with {} by its claims",
        before, end.units, end.count, units, count));
  base_.push_back(base_[before] + count);
  const std::uint64_t base = memory_word(&view_.segment_in(slot_of(after)).base_offset);
  if (base != base_[after])
    breach(fmt::format("segment {} begins at offset {} instead of {}", after, base, base_[after]));
}

}  // namespace ringmain::sim
