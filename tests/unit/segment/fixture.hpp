// Segments and log files for tests: frames as producers write them into a slot that holds garbage,
// and the disk image that the copier makes of them.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "base/crc32c.hpp"
#include "base/random.hpp"
#include "log/frame_writer.hpp"
#include "segment/frame_copier.hpp"
#include "segment/head.hpp"

namespace ringmain::segment::test {

using Writer = log::FrameWriter<log::SharedMemory>;
using Bytes = std::vector<std::byte>;

inline constexpr std::uint64_t kSlotBytes = format::kMinSlotBytes;
inline constexpr std::uint64_t kFileTag = 0x0f0e0d0c0b0a0908;

// Header fields of a Kafka RecordBatch v2 that matter here; big endian.
inline Bytes batch_body(std::int64_t first_ms, std::int64_t largest_ms, std::int32_t records,
                        std::size_t payload_bytes = 20) {
  Bytes body(kBatchHeaderBytes + payload_bytes, std::byte{0x5a});
  const auto put = [&body](std::size_t at, std::uint64_t value, int bytes) {
    for (int i = bytes; i-- > 0; value >>= 8)
      body[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(value & 0xff);
  };
  put(27, static_cast<std::uint64_t>(first_ms), 8);
  put(35, static_cast<std::uint64_t>(largest_ms), 8);
  put(57, static_cast<std::uint64_t>(records), 4);
  return body;
}

inline std::span<const std::byte> text(std::string_view value) {
  return std::as_bytes(std::span(value.data(), value.size()));
}

// A slot of shared memory with one segment in it.
class HotSegment {
 public:
  explicit HotSegment(std::uint64_t sequence = 5, std::uint64_t base_offset = 100,
                      std::uint64_t slot_bytes = kSlotBytes, std::uint32_t partition = 3)
      : slot_bytes_(slot_bytes),
        memory_(allocate(slot_bytes)),
        place_{format::kFirstFrameUnits, base_offset} {
    Random random(sequence);
    for (std::uint64_t at = 0; at < slot_bytes; at += 8) {
      const std::uint64_t word = random();
      std::memcpy(memory_.get() + at, &word, 8);
    }
    format::LogFileHead identity{};
    identity.magic = format::kSegmentMagic;
    for (std::uint8_t i = 0; i < 16; ++i)
      identity.topic_id[i] = static_cast<std::uint8_t>(0xa0 + i);
    identity.partition = partition;
    identity.tag = 0x7a660000 + static_cast<std::uint32_t>(sequence);
    identity.sequence = sequence;
    identity.created_ms = 0x18c2d3e4f56;
    identity.leader_epoch = 7;
    identity.identity_crc32c =
        crc32c(std::as_bytes(std::span(&identity, 1)).first(format::kSegmentCrcBytes));
    std::memcpy(memory_.get(), &identity, 64);
    tag_ = identity.tag;
    placement_ = {kFileTag, slot_bytes, base_offset, 0};
  }

  // Publishes a frame behind the last one, and says where it is.
  SegmentPlace add(format::FrameType type, std::int64_t extent, std::span<const std::byte> body) {
    const SegmentPlace at = place_;
    std::byte* to = frame_at(at.units);
    const auto size = static_cast<std::uint32_t>(format::kFrameHeaderBytes + body.size());
    Writer::write_fields(to, {at.offset, extent, type, 0, 9});
    std::copy(body.begin(), body.end(), to + format::kFrameHeaderBytes);
    Writer::publish(to, size, tag_);
    place_.units += format::align_frame(size) / format::kFrameAlignment;
    place_.offset += type == format::FrameType::record ? 1 : static_cast<std::uint64_t>(extent);
    return at;
  }
  SegmentPlace record(std::string_view value, std::int64_t time_ns = 1000) {
    return add(format::FrameType::record, time_ns, text(value));
  }
  SegmentPlace filler(std::uint32_t bytes, std::int64_t void_offsets) {
    const SegmentPlace at = place_;
    std::byte* to = frame_at(at.units);
    Writer::write_fields(to,
                         Writer::filler(at.offset, static_cast<std::uint64_t>(void_offsets), 9));
    Writer::publish(to, bytes, tag_);
    place_.units += format::align_frame(bytes) / format::kFrameAlignment;
    place_.offset += static_cast<std::uint64_t>(void_offsets);
    return at;
  }
  SegmentPlace batch(std::int64_t first_ms, std::int64_t largest_ms, std::int32_t records) {
    return add(format::FrameType::batch, records, batch_body(first_ms, largest_ms, records));
  }

  std::span<const std::byte> slot() const { return {memory_.get(), slot_bytes_}; }
  std::byte* frame_at(std::uint32_t units) { return memory_.get() + std::size_t{units} * 32; }
  SegmentPlace end() const { return place_; }
  std::uint32_t tag() const { return tag_; }
  HeadPlacement& placement() { return placement_; }

  format::LogFileHead head() const { return make_head(slot(), placement_, "test").value(); }

  // The head, once everything is durable.
  format::LogFileHead proved_head(std::uint32_t flags, const TimeRange& times) const {
    format::LogFileHead head = this->head();
    head.flags = flags;
    head.proved_units = place_.units;
    head.proved_count = static_cast<std::uint32_t>(place_.offset - head.base_offset);
    head.smallest_ns = times.smallest_ns;
    head.largest_ns = times.largest_ns;
    seal_head(head);
    return head;
  }

 private:
  struct Release {
    void operator()(std::byte* memory) const noexcept {
      ::operator delete[](memory, std::align_val_t{4096});
    }
  };
  using Memory = std::unique_ptr<std::byte[], Release>;
  static Memory allocate(std::uint64_t bytes) {
    return Memory(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{4096})));
  }

  std::uint64_t slot_bytes_;
  Memory memory_;
  std::uint32_t tag_ = 0;
  SegmentPlace place_;
  HeadPlacement placement_;
};

inline void put_head(std::span<std::byte> image, const format::LogFileHead& head) {
  std::memcpy(image.data(), &head, sizeof(head));
}

enum class Closing { open, complete };

// The image on disk of all that is published; the rest of the stride is zeros.
inline Bytes disk_image(const HotSegment& segment, Closing closing,
                        std::vector<FrameNote>* notes = nullptr) {
  Bytes image(segment.slot().size());
  const format::LogFileHead head = segment.head();
  FrameCopier copier(head);
  TimeRange times;
  copier.copy(segment.slot(), ~0u, std::span(image).subspan(format::kSegmentHeaderBytes),
              [&](const FrameNote& note) {
                times.add(note.times);
                if (notes != nullptr) notes->push_back(note);
              });
  put_head(image, closing == Closing::complete
                      ? segment.proved_head(format::kSegmentComplete, times)
                      : head);
  return image;
}

// A log file of several segments, each with `records` records of 100 bytes and rising timestamps.
// Record with offset o has the timestamp 1000 * o.
inline Bytes log_file(std::uint32_t segments, std::uint32_t records,
                      std::uint64_t base_offset = 100, std::uint64_t first_sequence = 5,
                      Closing last = Closing::complete, std::uint64_t file_tag = kFileTag,
                      std::uint32_t partition = 3) {
  Bytes file;
  for (std::uint32_t index = 0; index < segments; ++index) {
    HotSegment segment(first_sequence + index, base_offset, kSlotBytes, partition);
    segment.placement().index_in_file = index;
    segment.placement().file_tag = file_tag;
    for (std::uint32_t i = 0; i < records; ++i)
      segment.record(std::string(100, 'x'), static_cast<std::int64_t>(1000 * (base_offset + i)));
    const Bytes image = disk_image(segment, index + 1 < segments ? Closing::complete : last);
    file.insert(file.end(), image.begin(), image.end());
    base_offset = segment.end().offset;
  }
  return file;
}

inline format::LogFileHead head_in(std::span<const std::byte> file, std::uint64_t at = 0) {
  format::LogFileHead head;
  std::memcpy(&head, file.data() + at, sizeof(head));
  return head;
}

inline void flip(std::span<std::byte> bytes, std::size_t at, int bit = 0) {
  bytes[at] ^= static_cast<std::byte>(1 << bit);
}

}  // namespace ringmain::segment::test
