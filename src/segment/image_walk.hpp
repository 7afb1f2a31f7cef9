// Walks the frames of one segment's disk image, every byte of which may be wrong. Bounds come
// before use; each step is linear in the frame. Pure over the image; one thread per object.
#pragma once

#include "segment/frame_note.hpp"
#include "segment/frame_seal.hpp"

namespace ringmain::segment {

enum class ImageStop {
  none,          // the last step took a frame
  end_of_image,  // no further frame would fit: a full segment, or a file that ends here
  end_of_data,   // zeros, or what another segment left
  torn_frame,    // begins like a frame of this segment, and its size leads out of the image
  bad_checksum,  // likewise, and its checksum is wrong
  bad_fields,    // its checksum is right, but its offset, type or extent cannot be
};

class ImageWalk {
 public:
  // `image` begins at the segment's head; the walk ends where it ends.
  ImageWalk(std::span<const std::byte> image, const FrameSeal& seal, std::uint64_t base_offset,
            SegmentPlace from) noexcept
      : image_(image), seal_(seal), base_offset_(base_offset), place_(from) {}

  // Steps over one frame, if its checksum and fields prove it; else says why not, and stays.
  ImageStop step() noexcept;

  // Of the last step, if that returned none.
  const FrameNote& note() const noexcept { return note_; }
  std::span<const std::byte> frame() const noexcept {  // header and body
    return image_.subspan(bytes_at(note_.place.units), note_.size);
  }

  // Where the next frame would be.
  SegmentPlace place() const noexcept { return place_; }

 private:
  static std::size_t bytes_at(std::uint32_t units) noexcept {
    return std::size_t{units} * format::kFrameAlignment;
  }

  std::span<const std::byte> image_;
  FrameSeal seal_;
  std::uint64_t base_offset_;
  SegmentPlace place_;
  FrameNote note_;
};

}  // namespace ringmain::segment
