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

  void wake() noexcept {
    auto& readers = view_.readers();
    for (std::uint32_t i = 0; i < format::kSleepWords; ++i) {
      std::uint64_t marks = readers.sleeping[i].exchange(0, std::memory_order_acq_rel);
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

  // The sleeper's side, for one partition: mark, then (after marking all) a heavy barrier and a
  // last look, then sleep on the doorbell.
  static void mark(const View& view, std::uint32_t line) noexcept {
    view.readers().sleeping[line / 64].fetch_or(1ull << line % 64, std::memory_order_acq_rel);
  }
  static void unmark(const View& view, std::uint32_t line) noexcept {
    view.readers().sleeping[line / 64].fetch_and(~(1ull << line % 64), std::memory_order_acq_rel);
  }

 private:
  View view_;
};

using Waker = BasicWaker<SharedMemory>;

}  // namespace ringmain::log
