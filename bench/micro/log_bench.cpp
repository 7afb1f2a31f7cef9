// The log in ordinary memory, one thread: what claiming, publishing and reading cost without
// another core that takes the lines away.
#include <benchmark/benchmark.h>

#include "log/exclusive_appender.hpp"
#include "log/memory.hpp"
#include "log/reader.hpp"
#include "log/recycler.hpp"
#include "log/shared_appender.hpp"
#include "log_fixture.hpp"

namespace ringmain::log {
namespace {

constexpr std::uint32_t slots = 4;
constexpr std::uint64_t slot_bytes = std::uint64_t{1}
                                     << 20;  // four of them stay within a core's caches or near

using Writer = FrameWriter<SharedMemory>;

// A partition whose oldest segment goes when memory is used up, as a broker would see to.
class Log {
 public:
  explicit Log(bool single_producer = false)
      : memory_(slots, slot_bytes, format::FullPolicy::drop_oldest, 1, single_producer) {
    for (std::uint32_t slot = 0; slot < slots; ++slot) memory_.prepare(slot);
    next_slot_ = 0;
  }

  const PartitionView& view() const noexcept { return memory_.view(); }
  test::CountingBell& bell() noexcept { return bell_; }

  void recycle() {
    Recycler(view()).retire_below(++retired_);
    memory_.prepare(next_slot_++ % slots);
  }

  // Claims, whatever it takes.
  template <class Appender>
  void claim(Appender& appender, std::uint32_t frame_bytes, Claim& claim) {
    while (appender.claim(frame_bytes, 1, claim) != ClaimOutcome::ok)
      recycle();  // ends: that makes room
  }

 private:
  test::LogFixture<SharedMemory> memory_;
  test::CountingBell bell_;
  std::uint32_t next_slot_ = 0;
  std::uint64_t retired_ = 0;
};

std::uint32_t frame_bytes_for(std::int64_t value_bytes) {
  return format::align_frame(format::kFrameHeaderBytes + static_cast<std::uint32_t>(value_bytes));
}

// Claims alone; each is published empty, or no segment would ever be complete.
template <class Appender>
void claim(benchmark::State& state) {
  Log log(std::is_same_v<Appender, ExclusiveAppender>);
  Appender appender(log.view(), 0, log.bell());
  for (auto _ : state) {
    Claim claim;
    log.claim(appender, format::kFrameHeaderBytes, claim);
    Writer::write_fields(claim.at, {claim.offset, 0, format::FrameType::record, 0, 0});
    appender.publish(claim, format::kFrameHeaderBytes);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(claim<SharedAppender>);
BENCHMARK(claim<ExclusiveAppender>);

// Claim, write, publish, by the size of the value.
template <class Appender>
void publish(benchmark::State& state) {
  Log log(std::is_same_v<Appender, ExclusiveAppender>);
  Appender appender(log.view(), 0, log.bell());
  const std::string value(static_cast<std::size_t>(state.range(0)), 'v');
  const auto size = format::kFrameHeaderBytes + static_cast<std::uint32_t>(value.size());
  for (auto _ : state) {
    Claim claim;
    log.claim(appender, format::align_frame(size), claim);
    std::memcpy(claim.at + format::kFrameHeaderBytes, value.data(), value.size());
    Writer::write_fields(claim.at, {claim.offset, 0, format::FrameType::record, 0, 0});
    appender.publish(claim, size);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(publish<SharedAppender>)->RangeMultiplier(16)->Range(32, 65536);
BENCHMARK(publish<ExclusiveAppender>)->RangeMultiplier(16)->Range(32, 65536);

// Over and over one segment that is there.
void read(benchmark::State& state) {
  Log log;
  SharedAppender appender(log.view(), 0, log.bell());
  const std::uint32_t frame_bytes = frame_bytes_for(state.range(0));
  const std::uint64_t records = slot_bytes / 2 / frame_bytes;
  for (std::uint64_t i = 0; i < records; ++i) {
    Claim claim;
    log.claim(appender, frame_bytes, claim);
    Writer::write_fields(claim.at, {claim.offset, 0, format::FrameType::record, 0, 0});
    appender.publish(claim, format::kFrameHeaderBytes + static_cast<std::uint32_t>(state.range(0)));
  }
  Reader reader(log.view(), 0);
  if (reader.seek_start() != SeekOutcome::ok) state.SkipWithError("cannot seek");
  for (auto _ : state) {
    if (reader.next() != ReadOutcome::record) {
      if (reader.seek_start() != SeekOutcome::ok || reader.next() != ReadOutcome::record) {
        state.SkipWithError("the records are gone");
        break;
      }
    }
    benchmark::DoNotOptimize(&reader.frame());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read)->Arg(32)->Arg(64)->Arg(1024);

}  // namespace
}  // namespace ringmain::log
