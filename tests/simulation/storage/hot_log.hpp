// A partition's log in shared memory with its producers and the broker that recycles its slots, for
// tests of what brings it to disk; and the model: what was published at which offset.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "log/exclusive_appender.hpp"
#include "log/shared_appender.hpp"
#include "log_fixture.hpp"
#include "storage/log_writer.hpp"

namespace ringmain::storage::test {

inline constexpr std::uint64_t kSlotBytes = format::kMinSlotBytes;

// What one frame is to hold; its body follows from the seed.
struct PublishedFrame {
  format::FrameType type = format::FrameType::record;
  std::int64_t extent = 0;
  std::uint32_t offsets = 1;
  std::uint32_t body_bytes = 0;
  std::uint64_t seed = 0;

  std::vector<std::byte> body() const {
    std::vector<std::byte> bytes(body_bytes);
    if (type == format::FrameType::filler) return bytes;
    Random random(seed);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
    return bytes;
  }
};
using Model = std::map<std::uint64_t, PublishedFrame>;  // by offset

enum class Producers { shared, exclusive };

// Slots of shared memory. A slot is reused as early as the rule allows: once its segment is below
// durable_segments().
class HotLog {
 public:
  HotLog(const WriteStart& start, Model& model, std::uint64_t seed, std::uint32_t slots = 4,
         Producers producers = Producers::shared, std::uint64_t slot_bytes = kSlotBytes)
      : memory_(slots, slot_bytes, format::FullPolicy::drop_oldest, seed,
                producers == Producers::exclusive, true),
        view_(memory_.view()),
        recycler_(view_),
        model_(model),
        random_(seed),
        holds_(slots, kFree) {
    view_.control().prepared.store(start.sequence);
    view_.control().active.store(start.sequence);
    view_.control().log_start.store(start.sequence);
    prepare(0, start.base_offset);
    if (producers == Producers::exclusive) {
      exclusive_.emplace(view_, 0, bell_);
    } else {
      shared_.emplace(view_, 0, bell_);
      other_.emplace(view_, 1, bell_);
    }
  }

  const log::PartitionView& view() const { return view_; }
  std::uint64_t published_end() const {
    return model_.empty() ? 0 : model_.rbegin()->first + model_.rbegin()->second.offsets;
  }

  // As the broker does: prepares the next segment if a slot is free, or may be taken back.
  void upkeep(std::uint64_t durable_segments) {
    const std::uint64_t next = view_.control().prepared.load();
    const std::uint64_t active = view_.control().active.load();
    if (next > active + 1) return;
    for (std::uint32_t slot = 0; slot < holds_.size(); ++slot) {
      const bool durable = holds_[slot] < durable_segments && holds_[slot] < active;
      if (holds_[slot] != kFree && !durable) continue;
      if (holds_[slot] != kFree) recycler_.retire_below(holds_[slot] + 1);
      prepare(slot, format::kNoOffset);
      return;
    }
  }

  // Publishes one frame. False: no memory, until the disk has taken some.
  bool append(std::uint32_t body_bytes) { return append(draw(body_bytes)); }
  bool append_random(std::uint32_t most_body_bytes) {
    const std::uint32_t most =
        static_cast<std::uint32_t>(random_.below(8) == 0 ? most_body_bytes : 700);
    return append(draw(static_cast<std::uint32_t>(random_.below(most))));
  }
  bool append(const PublishedFrame& frame) {
    log::Claim claim;
    if (!this->claim(frame, claim)) return false;
    publish(claim, frame);
    return true;
  }
  // Two claims, of which the later is published first. The earlier one is returned.
  struct Open {
    log::Claim claim;
    PublishedFrame frame;
  };
  std::optional<Open> append_behind_an_open_claim(std::uint32_t body_bytes) {
    if (!shared_) return std::nullopt;
    Open open{{}, draw(body_bytes)};
    if (!claim(open.frame, open.claim)) return std::nullopt;
    const PublishedFrame later = draw(body_bytes);
    log::Claim claim;
    if (other_->claim(bytes_of(later), later.offsets, claim) == log::ClaimOutcome::ok)
      publish(claim, later, &*other_);
    return open;
  }
  void publish(const Open& open) { publish(open.claim, open.frame); }

  PublishedFrame draw(std::uint32_t body_bytes) {
    PublishedFrame frame;
    frame.seed = random_();
    frame.body_bytes = body_bytes;
    frame.extent = static_cast<std::int64_t>(random_.below(1'000'000));
    const std::uint64_t kind = random_.below(20);
    if (kind == 0) frame.type = format::FrameType::filler;
    if (kind == 1 && body_bytes < 61) frame.type = format::FrameType::batch;
    if (frame.type != format::FrameType::record) {
      frame.offsets = 1 + static_cast<std::uint32_t>(random_.below(5));
      frame.extent = frame.offsets;
    }
    return frame;
  }

 private:
  static constexpr std::uint64_t kFree = ~0ull;

  static std::uint32_t bytes_of(const PublishedFrame& frame) {
    return format::align_frame(format::kFrameHeaderBytes + frame.body_bytes);
  }
  bool claim(const PublishedFrame& frame, log::Claim& claim) {
    for (int turn = 0; turn < 3; ++turn) {
      const auto outcome = exclusive_ ? exclusive_->claim(bytes_of(frame), frame.offsets, claim)
                                      : shared_->claim(bytes_of(frame), frame.offsets, claim);
      if (outcome == log::ClaimOutcome::ok) return true;
      EXPECT_EQ(outcome, log::ClaimOutcome::no_memory);
    }
    return false;
  }
  void publish(const log::Claim& claim, const PublishedFrame& frame,
               log::SharedAppender* by = nullptr) {
    using Writer = log::FrameWriter<log::SharedMemory>;
    const std::vector<std::byte> body = frame.body();
    Writer::write_fields(claim.at, {claim.offset, frame.extent, frame.type, 0, 7});
    std::copy(body.begin(), body.end(), claim.at + format::kFrameHeaderBytes);
    const auto size = static_cast<std::uint32_t>(format::kFrameHeaderBytes + body.size());
    if (by != nullptr)
      by->publish(claim, size);
    else if (exclusive_)
      exclusive_->publish(claim, size);
    else
      shared_->publish(claim, size);
    model_[claim.offset] = frame;
  }
  void prepare(std::uint32_t slot, std::uint64_t base_offset) {
    const std::uint64_t segment = view_.control().prepared.load();
    log::SegmentIdentity identity;
    identity.tag = static_cast<std::uint32_t>(random_()) | 1;
    identity.created_ms = 1'600'000'000'000;
    recycler_.prepare(segment, slot, identity, view_.geometry().slot_bytes, base_offset);
    holds_[slot] = segment;
  }

  ringmain::test::LogFixture<log::SharedMemory> memory_;
  log::PartitionView view_;
  log::Recycler recycler_;
  ringmain::test::CountingBell bell_;
  Model& model_;
  Random random_;
  std::vector<std::uint64_t> holds_;  // by slot
  std::optional<log::SharedAppender> shared_, other_;
  std::optional<log::ExclusiveAppender> exclusive_;
};

}  // namespace ringmain::storage::test
