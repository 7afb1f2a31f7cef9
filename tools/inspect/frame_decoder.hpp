// Decodes frames of one segment from a copy of its bytes. Pure: reads nothing but the copy, and
// nothing beyond it, whatever the bytes say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.hpp"
#include "inspect/partition_file.hpp"

namespace ringmain::tools {

class FrameDecoder {
 public:
  // `bytes`: the segment from its first byte on; frames are looked for up to their end.
  FrameDecoder(std::span<const std::byte> bytes, const SegmentInfo& segment)
      : bytes_(bytes), segment_(segment), next_offset_(segment.base_offset) {}

  // The next frame; nullopt where nothing is claimed any more. After an error the decoder stands
  // where it stood: the bytes may be read anew and tried again.
  Result<std::optional<FrameInfo>> next();

  uint64_t position() const noexcept { return position_; }

 private:
  Result<FrameInfo> published(int32_t size) const;
  Result<FrameInfo> in_progress(int32_t negative_size) const;
  std::optional<FrameInfo> unmarked() const;
  Status describe_record(FrameInfo& frame, uint8_t flags) const;
  void pass(const FrameInfo& frame) noexcept;

  template <class T>
  T field(size_t at) const noexcept;
  bool has_room_for(uint64_t bytes) const noexcept { return bytes <= bytes_.size() - position_; }
  tl::unexpected<Error> corrupt(const std::string& why) const;

  std::span<const std::byte> bytes_;
  const SegmentInfo& segment_;
  uint64_t position_ = format::kSegmentHeaderBytes;
  std::optional<uint64_t> next_offset_;  // none behind a claim whose record count is unknown
};

}  // namespace ringmain::tools
