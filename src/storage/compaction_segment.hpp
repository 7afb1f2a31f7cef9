// Rewrites the disk image of one segment: frames that stay move down, fillers take the offsets of
// those that go. Pure over two buffers; any thread.
//
// Segment, sequence, tag and offsets stay as they are, so readers need to know nothing new. Each
// frame is sealed anew: its checksum covers its place.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "segment/frame_note.hpp"

namespace ringmain::storage {

struct SegmentImage {
  format::LogFileHead head;
  std::span<const std::byte> bytes;  // from the head on, as far as it was read
};

// Asked for each frame, in order.
using FrameStays = std::function<bool(const segment::FrameNote&, std::span<const std::byte>)>;
// Told of each frame as it is now; fillers, too.
using FrameHere = std::function<void(const segment::FrameNote&)>;

// Visits all frames of a complete segment. Error (kafka_storage_error): they do not prove
// themselves up to where the head says. `what` names the file.
Status walk_complete(
    const SegmentImage& image, const std::string& what,
    const std::function<bool(const segment::FrameNote&, std::span<const std::byte>)>& visit);

// Writes the segment without what goes into `into`, which is as long as the image, from the head
// on; the head itself is the caller's to put there. Gives it, with the new end and times, not
// sealed.
Result<format::LogFileHead> rewrite_segment(const SegmentImage& image, const std::string& what,
                                            const FrameStays& stays, std::span<std::byte> into,
                                            const FrameHere& here);

}  // namespace ringmain::storage
