// Proving and filling a damaged segment.
#include "storage/repair_segment.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/assert.hpp"
#include "segment/frame_seal.hpp"
#include "segment/image_walk.hpp"

namespace ringmain::storage {
namespace {

using segment::ImageStop;
using segment::ImageWalk;
using segment::PlainFrameHeader;
using segment::SegmentPlace;

// What may be spent on bytes that look like frames and are none, as a multiple of the image.
constexpr std::uint64_t kVainBytesPerByte = 16;

constexpr std::size_t kMostTags = 16;
constexpr std::size_t kPlacesPerTag = 16;

PlainFrameHeader header_at(std::span<const std::byte> image, std::uint32_t units) noexcept {
  PlainFrameHeader header;
  std::memcpy(&header, image.data() + std::size_t{units} * format::kFrameAlignment, sizeof(header));
  return header;
}

std::uint32_t units_of(std::span<const std::byte> image) noexcept {
  return static_cast<std::uint32_t>(image.size() / format::kFrameAlignment);
}

// Fillers that the offsets need.
std::uint64_t fillers_for(std::uint64_t offsets) noexcept {
  return (offsets + format::kMaxSegmentRecords - 1) / format::kMaxSegmentRecords;
}

bool can_fill(const SegmentPlace& from, const SegmentPlace& to) noexcept {
  return from.units <= to.units && from.offset <= to.offset &&
         fillers_for(to.offset - from.offset) <= to.units - from.units;
}

// The runs, in order, of a chain whose offsets never go back, with the most frames.
std::vector<ProvedRun> heaviest_chain(const std::vector<ProvedRun>& runs) {
  struct Link {
    std::uint64_t frames;  // of the chain up to here
    std::size_t before;    // its last run but one
  };
  constexpr std::size_t kNone = ~std::size_t{0};
  std::vector<Link> links;
  std::map<std::uint64_t, std::size_t> heaviest;  // by end offset; what ends later is heavier
  for (const ProvedRun& run : runs) {
    const auto above = heaviest.upper_bound(run.first.offset);
    const std::size_t before = above == heaviest.begin() ? kNone : std::prev(above)->second;
    links.push_back({run.frames + (before == kNone ? 0 : links[before].frames), before});
    const std::uint64_t frames = links.back().frames;
    const auto below = heaviest.upper_bound(run.end.offset);
    if (below != heaviest.begin() && links[std::prev(below)->second].frames >= frames) continue;
    auto beaten = heaviest.insert_or_assign(run.end.offset, links.size() - 1).first;
    for (++beaten; beaten != heaviest.end() && links[beaten->second].frames <= frames;)
      beaten = heaviest.erase(beaten);
  }
  std::vector<ProvedRun> chain;
  for (std::size_t at = heaviest.empty() ? kNone : heaviest.rbegin()->second; at != kNone;
       at = links[at].before)
    chain.push_back(runs[at]);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

// Where the segment ends if the last run that stays ends at `last`; nullopt: the rest does not fit.
std::optional<SegmentPlace> end_behind(const SegmentPlace& last, const SegmentEnd& end,
                                       std::uint32_t capacity_units) noexcept {
  if (!end.offset) return last;
  if (*end.offset < last.offset) return std::nullopt;
  const std::uint64_t fillers = fillers_for(*end.offset - last.offset);
  if (!end.units && fillers > capacity_units - last.units) return std::nullopt;
  const SegmentPlace to{end.units.value_or(static_cast<std::uint32_t>(last.units + fillers)),
                        *end.offset};
  return can_fill(last, to) ? std::optional(to) : std::nullopt;
}

std::vector<std::pair<std::uint32_t, std::vector<std::uint32_t>>> places_by_tag(
    std::span<const std::byte> image, const HeadClues& clues) {
  std::vector<std::pair<std::uint32_t, std::vector<std::uint32_t>>> found;
  for (std::uint32_t units = format::kFirstFrameUnits; units < units_of(image); ++units) {
    const PlainFrameHeader header = header_at(image, units);
    const std::uint32_t tag = format::commit_tag(header.commit);
    const bool may_be_one =
        tag != 0 && header.type >= 1 && header.type <= 3 && header.offset >= clues.lowest_offset &&
        header.offset < clues.highest_offset && format::is_published(header.commit, tag);
    if (!may_be_one) continue;
    auto same = std::find_if(found.begin(), found.end(),
                             [tag](const auto& each) { return each.first == tag; });
    if (same == found.end()) {
      if (found.size() == kMostTags) continue;
      same = found.insert(found.end(), {tag, {}});
    }
    if (same->second.size() < kPlacesPerTag) same->second.push_back(units);
  }
  return found;
}

bool proves_itself(std::span<const std::byte> image, const format::LogFileHead& head,
                   std::uint32_t units) noexcept {
  const std::uint64_t offset = header_at(image, units).offset;
  return ImageWalk(image, segment::FrameSeal(head), offset, {units, offset}).step() ==
         ImageStop::none;
}

}  // namespace

ProvedRuns find_runs(std::span<const std::byte> image, const format::LogFileHead& head) {
  ProvedRuns found;
  const segment::FrameSeal seal(head);
  std::uint64_t vain_left = image.size() * kVainBytesPerByte;
  std::uint32_t units = format::kFirstFrameUnits;
  while (units < units_of(image)) {  // each turn moves on
    const PlainFrameHeader header = header_at(image, units);
    if (!format::is_published(header.commit, seal.tag()) ||
        header.offset - head.base_offset > 0xffffffff) {
      ++units;
      continue;
    }
    const SegmentPlace first{units, header.offset};
    ImageWalk walk(image, seal, head.base_offset, first);
    ProvedRun run{first, first, 0, {}};
    while (walk.step() == ImageStop::none) {
      ++run.frames;
      run.times.add(walk.note().times);
    }
    if (run.frames != 0) {
      run.end = walk.place();
      units = run.end.units;
      found.runs.push_back(run);
      continue;
    }
    const auto vain = static_cast<std::uint64_t>(format::commit_size(header.commit));
    ++units;
    if (vain > image.size()) continue;  // no checksum was computed
    if (vain > vain_left) {
      found.cut_short = true;
      break;
    }
    vain_left -= vain;
  }
  return found;
}

std::optional<Mending> mend(const std::vector<ProvedRun>& runs, std::uint64_t base_offset,
                            const SegmentEnd& end, std::uint32_t capacity_units) {
  std::vector<ProvedRun> possible;
  std::copy_if(runs.begin(), runs.end(), std::back_inserter(possible), [&](const ProvedRun& run) {
    return run.first.offset >= base_offset && run.end.offset <= end.offset.value_or(UINT64_MAX) &&
           run.end.units <= end.units.value_or(capacity_units);
  });
  const SegmentPlace begin{format::kFirstFrameUnits, base_offset};
  std::vector<ProvedRun> stay;
  for (const ProvedRun& run : heaviest_chain(possible))
    if (can_fill(stay.empty() ? begin : stay.back().end, run.first)) stay.push_back(run);
  const auto last = [&] { return stay.empty() ? begin : stay.back().end; };
  auto to = end_behind(last(), end, capacity_units);
  while (!to && !stay.empty()) {
    stay.pop_back();
    to = end_behind(last(), end, capacity_units);
  }
  if (!to) return std::nullopt;
  Mending mending;
  SegmentPlace here = begin;
  for (const ProvedRun& run : stay) {
    if (run.first != here) mending.lost.push_back({here, run.first});
    mending.times.add(run.times);
    here = run.end;
  }
  if (*to != here) mending.lost.push_back({here, *to});
  mending.end = *to;
  return mending;
}

void fill(std::span<std::byte> image, const format::LogFileHead& head, const LostStretch& stretch) {
  RINGMAIN_ASSERT(can_fill(stretch.from, stretch.to) &&
                  std::size_t{stretch.to.units} * format::kFrameAlignment <= image.size());
  const segment::FrameSeal seal(head);
  SegmentPlace here = stretch.from;
  while (here != stretch.to) {  // each turn takes units
    const std::uint64_t offsets =
        std::min<std::uint64_t>(stretch.to.offset - here.offset, format::kMaxSegmentRecords);
    const bool is_last = here.offset + offsets == stretch.to.offset;
    const std::uint32_t units = is_last ? stretch.to.units - here.units : 1;
    const auto frame = image.subspan(std::size_t{here.units} * format::kFrameAlignment,
                                     std::size_t{units} * format::kFrameAlignment);
    std::fill(frame.begin(), frame.end(), std::byte{0});
    PlainFrameHeader header{};
    header.commit = format::commit_word(static_cast<std::int32_t>(frame.size()), seal.tag());
    header.offset = here.offset;
    header.extent = static_cast<std::int64_t>(offsets);
    header.type = static_cast<std::uint8_t>(format::FrameType::filler);
    std::memcpy(frame.data(), &header, sizeof(header));
    const std::uint32_t checksum = seal.checksum_of_sealed(frame, here.units);
    std::memcpy(frame.data() + offsetof(PlainFrameHeader, crc32c), &checksum, sizeof(checksum));
    here = {here.units + units, here.offset + offsets};
  }
}

std::optional<format::LogFileHead> find_identity(std::span<const std::byte> image,
                                                 const HeadClues& clues,
                                                 const format::LogFileHead& like) {
  for (const auto& [tag, places] : places_by_tag(image, clues))
    for (const std::uint64_t sequence : clues.sequences)
      for (const std::uint32_t epoch : clues.epochs) {
        format::LogFileHead head = like;
        head.tag = tag;
        head.sequence = sequence;
        head.leader_epoch = epoch;
        const bool proved = std::any_of(places.begin(), places.end(), [&](std::uint32_t units) {
          return proves_itself(image, head, units);
        });
        if (proved) return head;
      }
  return std::nullopt;
}

}  // namespace ringmain::storage
