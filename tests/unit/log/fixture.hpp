// The log over real atomics in ordinary memory, with the roles of several processes in one thread.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "log/exclusive_appender.hpp"
#include "log/memory.hpp"
#include "log/reader.hpp"
#include "log/recycler.hpp"
#include "log/repairer.hpp"
#include "log/shared_appender.hpp"
#include "log/waker.hpp"
#include "log_fixture.hpp"

namespace ringmain::log {

using Writer = FrameWriter<SharedMemory>;

class LogTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kSlotBytes = 1024;  // 32 units, of which 8 are the header's

  explicit LogTest(std::uint32_t slots = 4, std::uint64_t slot_bytes = kSlotBytes,
                   format::FullPolicy policy = format::FullPolicy::drop_oldest)
      : memory(slots, slot_bytes, policy),
        view(memory.view()),
        recycler(view),
        repairer(view),
        appender(view, 0, bell),
        other(view, 1, bell),
        reader(view, 0) {}

  static std::string_view body_of(const Reader& r) {
    return {reinterpret_cast<const char*>(r.frame().body()),
            r.frame_size() - format::kFrameHeaderBytes};
  }
  static std::uint32_t claim_bytes(std::string_view body) {
    return format::align_frame(format::kFrameHeaderBytes + static_cast<std::uint32_t>(body.size()));
  }
  // Writes a record into a claim, without publishing it.
  static std::uint32_t place(std::byte* at, std::uint64_t offset, std::string_view body) {
    Writer::write_fields(at, {offset, 0, format::FrameType::record, 0, 0});
    std::memcpy(at + format::kFrameHeaderBytes, body.data(), body.size());
    return format::kFrameHeaderBytes + static_cast<std::uint32_t>(body.size());
  }
  template <class Appender>
  ClaimOutcome append(Appender& by, std::string_view body) {
    Claim claim;
    const ClaimOutcome outcome = by.claim(claim_bytes(body), 1, claim);
    if (outcome == ClaimOutcome::ok) by.publish(claim, place(claim.at, claim.offset, body));
    return outcome;
  }
  // All that can be read, as "offset:body".
  static std::vector<std::string> read_all(Reader& r) {
    std::vector<std::string> records;
    for (;;) {
      const ReadOutcome outcome = r.next();
      if (outcome == ReadOutcome::record) {
        records.push_back(std::to_string(r.offset()) + ":" + std::string(body_of(r)));
      } else if (outcome != ReadOutcome::rolled) {
        if (outcome != ReadOutcome::empty)
          records.push_back(outcome == ReadOutcome::lost ? "lost" : "other");
        return records;
      }
    }
  }
  // What a producer in that state leaves in its intent line.
  void leave_intent(std::uint32_t line, format::Intent intent, std::uint32_t units,
                    std::uint32_t records, std::uint64_t offset = 0) {
    view.intent(line).claim.store(std::uint64_t{units} | std::uint64_t{records} << 32);
    view.intent(line).offset.store(offset);
    view.intent(line).word.store(format::pack_intent(intent));
  }
  // Adds a claim to the tail of a segment, as a producer that dies right after it.
  format::Tail add_to_tail(std::uint32_t slot, std::uint32_t units, std::uint32_t records) {
    return format::unpack_tail(
        view.segment_in(slot).tail.fetch_add(format::pack_tail({units, records, 0})));
  }
  FrameWriter<SharedMemory>::FrameHeader& frame_at(std::uint32_t slot, std::uint32_t unit) {
    return Writer::at(view.slot(slot) + unit * format::kFrameAlignment);
  }
  static bool nobody_else(std::uint32_t) { return false; }
  static bool everybody(std::uint32_t) { return true; }

  test::LogFixture<SharedMemory> memory;
  PartitionView view;
  Recycler recycler;
  Repairer repairer;
  test::CountingBell bell;
  SharedAppender appender, other;
  Reader reader;
};

using Strings = std::vector<std::string>;
// Two of these fill the 24 units of a segment; each is of 8 units, the largest there is.
inline const std::string kLargest(8 * 32 - 32, 'x');

}  // namespace ringmain::log
