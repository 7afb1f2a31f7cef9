// Rewriting a segment.
#include "storage/compaction_segment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.hpp"
#include "segment/head.hpp"
#include "segment/image_walk.hpp"
#include "segment/prove.hpp"

namespace ringmain::storage {
namespace {

using segment::FrameNote;
using segment::PlainFrameHeader;
using segment::SegmentPlace;

const char* words_for(segment::ImageStop stop) noexcept {
  switch (stop) {
    case segment::ImageStop::torn_frame:
      return "its size leads out of the segment";
    case segment::ImageStop::bad_checksum:
      return "its checksum is wrong";
    case segment::ImageStop::bad_fields:
      return "its offset, type or extent cannot be";
    case segment::ImageStop::none:
    case segment::ImageStop::end_of_image:
    case segment::ImageStop::end_of_data:
      break;
  }
  return "no frame of this segment is there";
}

// Puts frames one behind the other.
class SegmentWriter {
 public:
  SegmentWriter(const format::LogFileHead& head, std::span<std::byte> into, const FrameHere& here)
      : seal_(head), into_(into), here_(here), place_{format::kFirstFrameUnits, head.base_offset} {}

  void put(FrameNote note, std::span<const std::byte> frame) {
    fill_up_to(note.place.offset);
    const auto to = room_for(note.size);
    std::copy(frame.begin(), frame.end(), to.begin());
    note.place.units = place_.units;
    seal(to.first(note.size));
    times_.add(note.times);
    advance(note);
  }

  // Void offsets from where the last frame ended.
  void fill_up_to(std::uint64_t offset) {
    while (place_.offset < offset) {  // each turn takes offsets
      FrameNote note;
      note.place = place_;
      note.size = format::kFrameHeaderBytes;
      note.offsets = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(offset - place_.offset, format::kMaxSegmentRecords));
      PlainFrameHeader header{};
      header.commit = format::commit_word(format::kFrameHeaderBytes, seal_.tag());
      header.offset = place_.offset;
      header.extent = note.offsets;
      header.type = static_cast<std::uint8_t>(format::FrameType::filler);
      const auto to = room_for(note.size);
      std::memcpy(to.data(), &header, sizeof(header));
      seal(to);
      advance(note);
    }
  }

  SegmentPlace place() const noexcept { return place_; }
  const segment::TimeRange& times() const noexcept { return times_; }

 private:
  // What goes takes at least the room of the filler in its place, so it always fits.
  std::span<std::byte> room_for(std::uint32_t size) const {
    const std::size_t at = std::size_t{place_.units} * format::kFrameAlignment;
    RINGMAIN_ASSERT(at <= into_.size() && format::align_frame(size) <= into_.size() - at);
    return into_.subspan(at, format::align_frame(size));
  }

  void seal(std::span<std::byte> frame) const noexcept {
    const std::uint32_t checksum = seal_.checksum_of_sealed(frame, place_.units);
    std::memcpy(frame.data() + offsetof(PlainFrameHeader, crc32c), &checksum, sizeof(checksum));
  }

  void advance(const FrameNote& note) {
    place_ = note.next();
    here_(note);
  }

  segment::FrameSeal seal_;
  std::span<std::byte> into_;
  const FrameHere& here_;
  SegmentPlace place_;
  segment::TimeRange times_;
};

}  // namespace

Status walk_complete(
    const SegmentImage& image, const std::string& what,
    const std::function<bool(const FrameNote&, std::span<const std::byte>)>& visit) {
  const format::LogFileHead& head = image.head;
  segment::ImageWalk walk(segment::written_part(image.bytes, head), segment::FrameSeal(head),
                          head.base_offset, {format::kFirstFrameUnits, head.base_offset});
  segment::ImageStop stop;
  while ((stop = walk.step()) == segment::ImageStop::none)  // each turn takes a frame
    if (!visit(walk.note(), walk.frame())) return {};
  if (walk.place() == SegmentPlace{head.proved_units, segment::proved_end_offset(head)}) return {};
  const std::uint64_t at = head.index_in_file * head.slot_bytes +
                           std::uint64_t{walk.place().units} * format::kFrameAlignment;
  return fail(ErrorCode::kafka_storage_error,
              fmt::format("log file {}: the frame at offset {} (byte {}) is damaged: {}; the "
                          "partition is not compacted: fetch the file from a replica or a backup, or skip what "
                          "is damaged with `ringmain log repair`",
                          what, walk.place().offset, at, words_for(stop)));
}

Result<format::LogFileHead> rewrite_segment(const SegmentImage& image, const std::string& what,
                                            const FrameStays& stays, std::span<std::byte> into,
                                            const FrameHere& here) {
  RINGMAIN_ASSERT(into.size() >= image.bytes.size());
  std::fill(into.begin(), into.end(), std::byte{0});
  SegmentWriter writer(image.head, into, here);
  RINGMAIN_TRY(
      walk_complete(image, what, [&](const FrameNote& note, std::span<const std::byte> frame) {
        if (stays(note, frame)) writer.put(note, frame);
        return true;
      }));
  writer.fill_up_to(segment::proved_end_offset(image.head));
  format::LogFileHead head = image.head;
  head.proved_units = writer.place().units;
  head.smallest_ns = writer.times().smallest_ns;
  head.largest_ns = writer.times().largest_ns;
  return head;
}

}  // namespace ringmain::storage
