// One step over a frame of a disk image.
#include "segment/image_walk.hpp"

namespace ringmain::segment {

ImageStop ImageWalk::step() noexcept {
  const std::size_t at = bytes_at(place_.units);
  if (at >= image_.size() || image_.size() - at < format::kFrameHeaderBytes)
    return ImageStop::end_of_image;
  PlainFrameHeader header;
  std::memcpy(&header, image_.data() + at, sizeof(header));
  if (format::commit_tag(header.commit) != seal_.tag()) return ImageStop::end_of_data;
  const std::int32_t size = format::commit_size(header.commit);
  if (size < std::int32_t{format::kFrameHeaderBytes} ||
      static_cast<std::size_t>(size) > image_.size() - at)
    return ImageStop::torn_frame;
  const auto frame = image_.subspan(at, static_cast<std::size_t>(size));
  if (seal_.checksum_of_sealed(frame, place_.units) != header.crc32c)
    return ImageStop::bad_checksum;
  // Offsets within a segment are counted in 32 bits.
  if (!note_frame(header, place_, frame.data() + format::kFrameHeaderBytes, note_) ||
      place_.offset - base_offset_ + note_.offsets > 0xffffffff)
    return ImageStop::bad_fields;
  place_ = note_.next();
  return ImageStop::none;
}

}  // namespace ringmain::segment
