// Where the provable records of a segment end: docs/formats/log-file.md, "Recovery".
#include "segment/prove.hpp"

namespace ringmain::segment {
namespace {

// What may be spent on bytes that look like frames and are none, as a multiple of the image. Who
// knows a segment's tag can write a body that looks like a frame every 32 bytes.
constexpr std::uint64_t kVainBytesPerByte = 4;

// Looks for frames at any place, not one behind the other.
class Search {
 public:
  Search(std::span<const std::byte> image, const format::LogFileHead& head) noexcept
      : image_(image),
        seal_(head),
        base_offset_(head.base_offset),
        vain_left_(image.size() * kVainBytesPerByte) {}

  // The frame at `units`, if one proves itself there.
  std::optional<FrameNote> frame_at(std::uint32_t units) noexcept {
    const std::size_t at = std::size_t{units} * format::kFrameAlignment;
    PlainFrameHeader header;
    std::memcpy(&header, image_.data() + at, sizeof(header));
    if (!format::is_published(header.commit, seal_.tag())) return std::nullopt;
    const auto size = static_cast<std::size_t>(format::commit_size(header.commit));
    if (size > image_.size() - at || header.offset - base_offset_ > 0xffffffff) return std::nullopt;
    const std::byte* body = image_.data() + at + format::kFrameHeaderBytes;
    FrameNote note;
    if (!note_frame(header, {units, header.offset}, body, note)) return std::nullopt;
    if (size > vain_left_) {
      cut_short_ = true;
      return std::nullopt;
    }
    if (seal_.checksum_of_sealed(image_.subspan(at, size), units) == header.crc32c) return note;
    vain_left_ -= size;
    return std::nullopt;
  }
  bool cut_short() const noexcept { return cut_short_; }

 private:
  std::span<const std::byte> image_;
  FrameSeal seal_;
  std::uint64_t base_offset_;
  std::uint64_t vain_left_;
  bool cut_short_ = false;
};

}  // namespace

Proof prove(std::span<const std::byte> image, const format::LogFileHead& head, SegmentPlace from) {
  return prove(image, head, from, [](const FrameNote&) {});
}
Proof prove(std::span<const std::byte> image, const format::LogFileHead& head) {
  return prove(image, head, {format::kFirstFrameUnits, head.base_offset});
}

std::optional<Beyond> find_beyond(std::span<const std::byte> image, const format::LogFileHead& head,
                                  SegmentPlace stopped) noexcept {
  image = written_part(image, head);
  const auto end_units = static_cast<std::uint32_t>(image.size() / format::kFrameAlignment);
  Search search(image, head);
  std::optional<Beyond> beyond;
  std::uint32_t units = stopped.units + 1;
  while (units < end_units) {
    const auto note = search.frame_at(units);
    // A frame of before the stop, at a place behind it, is none that this log wrote there.
    if (!note || note->place.offset < stopped.offset) {
      ++units;
      continue;
    }
    if (!beyond) beyond = Beyond{note->place, 0, false};
    units = beyond->end_units = note->next().units;
  }
  if (search.cut_short()) {
    if (!beyond) beyond = Beyond{stopped, stopped.units, true};
    beyond->cut_short = true;
  }
  return beyond;
}

Verdict judge(const format::LogFileHead& head, const Proof& proof, Durability known) noexcept {
  const std::uint32_t durable_units = std::max(known.durable_units, head.proved_units);
  if (proof.end.units < durable_units) return Verdict::damaged;
  if (is_complete(head))
    return proof.end == SegmentPlace{head.proved_units, proved_end_offset(head)}
               ? Verdict::clean_end
               : Verdict::damaged;
  if (proof.beyond) {
    // A power cut keeps any part of what was in flight, but nothing is written further ahead.
    const std::uint64_t ahead_bytes =
        std::uint64_t{proof.beyond->end_units - durable_units} * format::kFrameAlignment;
    const bool too_far = ahead_bytes > known.in_flight_bytes;
    return too_far || proof.beyond->cut_short ? Verdict::damaged : Verdict::torn_tail;
  }
  const bool nothing_there =
      proof.stop == ImageStop::end_of_data || proof.stop == ImageStop::end_of_image;
  return nothing_there ? Verdict::clean_end : Verdict::torn_tail;
}

}  // namespace ringmain::segment
