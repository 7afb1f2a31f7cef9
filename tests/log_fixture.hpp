// A partition laid out in ordinary memory, for tests of the log: over any memory policy, with
// slots that start full of hostile garbage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "base/random.hpp"
#include "log/broker_bell.hpp"
#include "log/frame_writer.hpp"
#include "log/recycler.hpp"

namespace ringmain::test {

struct CountingBell final : log::BrokerBell {
  void ring() noexcept override { ++rings; }
  int rings = 0;
};

template <class M>
class LogFixture {
 public:
  using View = log::BasicPartitionView<M>;

  static constexpr std::uint32_t kDoorbells = 64;

  explicit LogFixture(std::uint32_t slots = 4, std::uint64_t slot_bytes = 1024,
                      format::FullPolicy policy = format::FullPolicy::drop_oldest,
                      std::uint64_t seed = 1, bool single_producer = false, bool fences = false)
      : random_(seed) {
    geometry_.slot_bytes = slot_bytes;
    geometry_.slot_limit = slots;
    geometry_.slots_at = format::slots_at_for(slots);
    geometry_.directory_size = format::directory_size_for(slots);
    geometry_.max_record_bytes = geometry_.max_frame_bytes() - format::kFrameHeaderBytes;
    geometry_.full_policy = policy;
    geometry_.single_producer = single_producer;
    geometry_.fences = fences;
    file_ = allocate(format::partition_file_bytes(slots, slot_bytes));
    readers_ = allocate(sizeof(typename View::Readers));
    doorbells_ = allocate(kDoorbells * sizeof(typename View::Doorbell));
    view_ = View(geometry_, file_.get(), reinterpret_cast<typename View::Readers*>(readers_.get()),
                 reinterpret_cast<typename View::Doorbell*>(doorbells_.get()));
    for (std::uint32_t slot = 0; slot < slots; ++slot) fill_with_garbage(slot);
  }

  const View& view() const noexcept { return view_; }
  const log::Geometry& geometry() const noexcept { return geometry_; }

  // The next segment, in that slot.
  std::uint64_t prepare(std::uint32_t slot, std::uint64_t prepared_bytes = ~0ull) {
    const std::uint64_t segment = view_.control().prepared.load(std::memory_order_relaxed);
    log::BasicRecycler<M>(view_).prepare(segment, slot, identity(),
                                         std::min(prepared_bytes, geometry_.slot_bytes),
                                         segment == 0 ? 0 : format::kNoOffset);
    return segment;
  }

  log::SegmentIdentity identity() noexcept {
    log::SegmentIdentity identity;
    identity.tag = ++last_tag_;
    return identity;
  }

  // What a slot may hold before its first use: frames of other segments, and bodies like them.
  void fill_with_garbage(std::uint32_t slot) {
    std::byte* place = view_.slot(slot);
    for (std::uint64_t at = format::kSegmentHeaderBytes; at < geometry_.slot_bytes; at += 8) {
      std::uint64_t word = random_();
      if (at % format::kFrameAlignment == 0)
        word = format::commit_word(static_cast<std::int32_t>(32 * (1 + random_.below(8))),
                                   0xdead0000 + static_cast<std::uint32_t>(random_.below(8)));
      if (at % format::kFrameAlignment == 8) word = random_.below(64);
      std::memcpy(place + at, &word, 8);
    }
  }

 private:
  struct Release {
    void operator()(std::byte* memory) const noexcept {
      ::operator delete[](memory, std::align_val_t{format::kPageBytes});
    }
  };
  using Memory = std::unique_ptr<std::byte[], Release>;

  static Memory allocate(std::uint64_t bytes) {
    Memory memory(
        static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{format::kPageBytes})));
    std::memset(memory.get(), 0, bytes);
    return memory;
  }

  log::Geometry geometry_;
  Memory file_, readers_, doorbells_;
  View view_;
  Random random_;
  std::uint32_t last_tag_ = 100;
};

}  // namespace ringmain::test
