// Where the provable records of a segment's disk image end, and why there. Pure; any thread; linear
// time. The decision whether that is the log's end or damage is judge()'s:
// docs/formats/log-file.md, "Recovery".
#pragma once

#include <optional>

#include "segment/head.hpp"
#include "segment/image_walk.hpp"

namespace ringmain::segment {

// Frames of the same segment that stand behind the place where the proof stopped.
struct Beyond {
  SegmentPlace first;           // of the first that proves itself
  std::uint32_t end_units = 0;  // behind the last
  // True: too many bytes merely look like frames to check them all, so frames may be there that
  // were not found. Nobody writes this by accident: take it for damage.
  bool cut_short = false;
};

struct Proof {
  SegmentPlace end;  // behind the last provable frame
  TimeRange times;   // of the frames walked
  ImageStop stop = ImageStop::end_of_data;
  std::optional<Beyond> beyond;
};

// The part of a segment's image that may hold frames: a complete segment ends where it says.
inline std::span<const std::byte> written_part(std::span<const std::byte> image,
                                               const format::LogFileHead& head) noexcept {
  const std::uint64_t end = is_complete(head)
                                ? std::uint64_t{head.proved_units} * format::kFrameAlignment
                                : head.slot_bytes;
  return image.first(std::min<std::uint64_t>(image.size(), end));
}

// Walks `image` (a segment from its head on, as far as it is there) from `from` on, and calls
// `on_frame(const FrameNote&)` for each frame.
template <class OnFrame>
Proof prove(std::span<const std::byte> image, const format::LogFileHead& head, SegmentPlace from,
            OnFrame&& on_frame);
Proof prove(std::span<const std::byte> image, const format::LogFileHead& head, SegmentPlace from);
Proof prove(std::span<const std::byte> image, const format::LogFileHead& head);

// The first and last frame of the segment from `stopped` on, that stands at no known place.
std::optional<Beyond> find_beyond(std::span<const std::byte> image, const format::LogFileHead& head,
                                  SegmentPlace stopped) noexcept;

enum class Verdict {
  clean_end,  // the log ends here
  torn_tail,  // writes that were never acknowledged as durable got through in part: cut here
  damaged,    // what was durable is not there any more: report, never cut
};

// What the caller knows of the segment, beside its bytes.
struct Durability {
  std::uint32_t durable_units = 0;  // all below was reported durable (0: only what the head proves)
  std::uint64_t in_flight_bytes =
      0;  // the most that was ever on its way to disk behind what was durable
};
Verdict judge(const format::LogFileHead& head, const Proof& proof, Durability known) noexcept;

template <class OnFrame>
Proof prove(std::span<const std::byte> image, const format::LogFileHead& head, SegmentPlace from,
            OnFrame&& on_frame) {
  image = written_part(image, head);
  ImageWalk walk(image, FrameSeal(head), head.base_offset, from);
  Proof proof;
  while ((proof.stop = walk.step()) == ImageStop::none) {  // each turn moves on in the image
    proof.times.add(walk.note().times);
    on_frame(walk.note());
  }
  proof.end = walk.place();
  if (proof.stop != ImageStop::end_of_image) proof.beyond = find_beyond(image, head, proof.end);
  return proof;
}

}  // namespace ringmain::segment
