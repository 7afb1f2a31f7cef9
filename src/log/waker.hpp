// Wakes consumers that sleep on a partition, after a publish.
//
//   Order: the producer publishes, passes a light barrier and looks at the sleep marks; the
//   sleeper sets its mark, issues the heavy barrier and looks at the log once more. Whatever
//   way they interleave, one sees the other. The producer pays no fence.
//   Death of a sleeper: its mark stays until its line is freed, and costs a wake-up of nobody.
#pragma once

#include "log/partition_view.hpp"

namespace ringmain::log {

template <class M>
class BasicWaker {
 public:
  using View = BasicPartitionView<M>;

  explicit BasicWaker(const View& view) : view_(view) {}

  // After each publish.
  void after_publish() noexcept {
    M::light_barrier(view_.geometry().fences);
    auto& sleeping = view_.readers().sleeping;
    std::uint64_t any = 0;
    for (auto& word : sleeping) any |= word.load(std::memory_order_relaxed);
    if (any != 0) [[unlikely]]
      wake();
  }

  // For a producer that also sleeps on the partition: its own mark stays, and it is not rung.
  void after_own_publish(std::uint32_t own_line) noexcept {
    M::light_barrier(view_.geometry().fences);
    std::uint64_t any = 0;
    for (std::uint32_t i = 0; i < format::kSleepWords; ++i)
      any |= view_.readers().sleeping[i].load(std::memory_order_relaxed) & ~bit_in(i, own_line);
    if (any != 0) [[unlikely]]
      wake(own_line);
  }

  void wake(std::uint32_t but_for = kNoLine) noexcept {
    auto& readers = view_.readers();
    for (std::uint32_t i = 0; i < format::kSleepWords; ++i) {
      const std::uint64_t kept = bit_in(i, but_for);
      std::uint64_t marks = readers.sleeping[i].fetch_and(kept, std::memory_order_acq_rel) & ~kept;
      for (; marks != 0; marks &= marks - 1) {
        const std::uint32_t line = i * 64 + static_cast<std::uint32_t>(__builtin_ctzll(marks));
        const std::uint32_t participant = readers.lines[line].participant.load(std::memory_order_acquire);
        if (participant == 0 || participant >= format::kMaxParticipants) continue;
        auto& bell = view_.doorbells()[participant].rings;
        bell.fetch_add(1, std::memory_order_release);
        M::wake_all(bell);
      }
    }
  }

  static bool is_marked(const View& view, std::uint32_t line) noexcept {
    return (view.readers().sleeping[line / 64].load(std::memory_order_acquire) & 1ull << line % 64) != 0;
  }

  // The sleeper's side, for one partition: mark, then (after marking all) a heavy barrier and a
  // last look, then sleep on the doorbell.
  static void mark(const View& view, std::uint32_t line) noexcept {
    view.readers().sleeping[line / 64].fetch_or(1ull << line % 64, std::memory_order_acq_rel);
  }
  static void unmark(const View& view, std::uint32_t line) noexcept {
    view.readers().sleeping[line / 64].fetch_and(~(1ull << line % 64), std::memory_order_acq_rel);
  }

 private:
  static constexpr std::uint32_t kNoLine = ~0u;

  static std::uint64_t bit_in(std::uint32_t word, std::uint32_t line) noexcept {
    return line / 64 == word ? 1ull << line % 64 : 0;
  }

  View view_;
};

using Waker = BasicWaker<SharedMemory>;

}  // namespace ringmain::log
