// A partition's shared memory as the log sees it: typed access over a mapping that somebody
// else owns. The geometry is a private copy, validated once; nothing that could lead out of the
// mapping is read from shared memory again without a bound.
#pragma once

#include <cstdint>
#include <optional>

#include "format/partition.hpp"
#include "format/readers.hpp"
#include "log/memory.hpp"

namespace ringmain::log {

struct Geometry {
  std::uint64_t slot_bytes = 0;
  std::uint64_t slots_at = 0;
  std::uint32_t slot_limit = 0;
  std::uint32_t directory_size = 0;  // power of two
  std::uint64_t max_record_bytes = 0;
  bool single_producer = false;
  bool fences = false;
  format::FullPolicy full_policy = format::FullPolicy::block;

  std::uint32_t capacity_units() const noexcept {
    return static_cast<std::uint32_t>(slot_bytes / format::kFrameAlignment);
  }
  // The largest frame: a quarter of a segment, so that a roll wastes little.
  std::uint32_t max_frame_bytes() const noexcept { return static_cast<std::uint32_t>(slot_bytes / 4); }
};

template <class M>
class BasicPartitionView {
 public:
  using SegmentHeader = format::BasicSegmentHeader<Layout<M>>;
  using FrameHeader = format::BasicFrameHeader<Layout<M>>;
  using Control = format::BasicControl<Layout<M>>;
  using IntentLine = format::BasicIntentLine<Layout<M>>;
  using Readers = format::BasicReaders<Layout<M>>;
  using Doorbell = format::BasicDoorbell<Layout<M>>;
  using Word = typename M::template Atomic<std::uint64_t>;

  BasicPartitionView() = default;
  BasicPartitionView(Geometry geometry, std::byte* partition_file, Readers* readers, Doorbell* doorbells)
      : geometry_(geometry), file_(partition_file), readers_(readers), doorbells_(doorbells) {}

  // The same log, with reader lines of one's own: for whoever lets no segment go while it reads.
  BasicPartitionView with_readers(Readers& own) const noexcept { return {geometry_, file_, &own, doorbells_}; }

  const Geometry& geometry() const noexcept { return geometry_; }
  Control& control() const noexcept { return *reinterpret_cast<Control*>(file_ + format::kControlAt); }
  IntentLine& intent(std::uint32_t index) const noexcept {
    return reinterpret_cast<IntentLine*>(file_ + format::kIntentsAt)[index];
  }
  // Where a segment's entry is looked for first; see find().
  Word& directory(std::uint64_t segment) const noexcept {
    return reinterpret_cast<Word*>(file_ + format::kDirectoryAt)[segment & (geometry_.directory_size - 1)];
  }
  std::byte* slot(std::uint32_t index) const noexcept {
    return file_ + geometry_.slots_at + index * geometry_.slot_bytes;
  }
  SegmentHeader& segment_in(std::uint32_t slot_index) const noexcept {
    return *reinterpret_cast<SegmentHeader*>(slot(slot_index));
  }
  Readers& readers() const noexcept { return *readers_; }
  Doorbell* doorbells() const noexcept { return doorbells_; }

  // The slot that holds a segment, if one does. The directory is a hash table with at least twice
  // as many places as slots: a segment that a slow reader or a stopped producer still holds keeps
  // its place, however far the log has gone on.
  //   Order: acquire; partner: the release in name_slot(), after the slot's header.
  std::optional<std::uint32_t> find(std::uint64_t segment) const noexcept {
    for (std::uint32_t probe = 0; probe < geometry_.directory_size; ++probe) {  // as a rule one
      const std::uint64_t entry = directory(segment + probe).load(std::memory_order_acquire);
      const std::uint64_t slot_plus_one = entry & 0xffff;
      if (entry >> 16 == segment && slot_plus_one != 0 && slot_plus_one <= geometry_.slot_limit)
        return static_cast<std::uint32_t>(slot_plus_one - 1);
    }
    return std::nullopt;
  }

  // The broker's: names a slot whose header is complete, and takes a name back before the slot's
  // header changes. A segment has at most one slot, also after a broker died between the two.
  void name_slot(std::uint64_t segment, std::uint32_t slot) const noexcept {
    for (std::uint32_t probe = 0; probe < geometry_.directory_size; ++probe) {
      auto& place = directory(segment + probe);
      if (place.load(std::memory_order_relaxed) != 0) continue;
      place.store(format::pack_directory(segment, slot), std::memory_order_release);
      return;
    }
  }
  void forget_names(std::uint64_t segment, std::uint32_t slot) const noexcept {
    for (std::uint32_t place = 0; place < geometry_.directory_size; ++place) {
      const std::uint64_t entry = directory(place).load(std::memory_order_relaxed);
      if (entry != 0 && (entry >> 16 == segment || (entry & 0xffff) == slot + 1u))
        directory(place).store(0, std::memory_order_release);
    }
  }

 private:
  Geometry geometry_;
  std::byte* file_ = nullptr;
  Readers* readers_ = nullptr;
  Doorbell* doorbells_ = nullptr;
};

using PartitionView = BasicPartitionView<SharedMemory>;

}  // namespace ringmain::log
