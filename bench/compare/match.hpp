// What two processes play over a transport, one size after the other: ping-pong, records on a
// schedule, and as many as go through. Runs in the two processes; both take the same turns in step.
//
// A message goes one way when the sender has written every byte of it where the transport wants it,
// and the receiver has read every byte of it where the transport left it. So what copies pays for
// its copies, what hands pages over does not, and neither is spared the cache misses.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "compare/rival.hpp"
#include "metrics/histogram.hpp"
#include "perf/payload.hpp"
#include "perf/schedule.hpp"
#include "perf/shared.hpp"
#include "perf/stopwatch.hpp"

namespace ringmain::bench {

inline constexpr size_t sizes_most = 16;

struct MatchPlan {
  std::vector<size_t> sizes;
  double measure_ns = 1e9;  // about how long each measurement takes: its count follows from that
  double rate_per_s = 100'000;
  size_t rate_size = 64;  // the one size that is sent on a schedule
  std::vector<int> cores;
  bool one_core = false;
};

// What one size gave. Written by the processes, read by their parent when both have ended.
struct MatchResult {
  metrics::Histogram one_way_ns;
  metrics::Histogram scheduled_ns;  // empty for sizes that have no schedule
  uint64_t throughput_count = 0;
  double records_per_s = 0;  // 0: not measured
};

struct MatchBoard {  // shared by the two processes and their parent
  tools::Rendezvous rendezvous;
  std::atomic<uint64_t> count{0};  // of the measurement that comes
  alignas(128) int64_t begin_ns = 0;
  alignas(128) int64_t end_ns = 0;
  double memcpy_bytes_per_s = 0;  // of the limits' turn
  std::array<MatchResult, sizes_most> results;
};

class Match {
 public:
  Match(const MatchPlan& plan, MatchBoard& board, Side side);

  Side side() const noexcept { return side_; }
  bool is_first() const noexcept { return side_ == Side::first; }
  const MatchPlan& plan() const noexcept { return plan_; }
  MatchBoard& board() noexcept { return board_; }

  // Both processes get here, and go on together.
  void meet() { board_.rendezvous.meet(2); }

  // All that a transport can be asked. `open` may call meet(), if both do.
  template <class Open>
  void play(const Open& open) {
    for (size_t index = 0; index < plan_.sizes.size(); ++index) {
      with_channel(open, index, [&](auto& channel) {
        play_latency(channel, index);
        if (plan_.sizes[index] == plan_.rate_size) play_schedule(channel, index);
        play_throughput(channel, index);
      });
    }
  }

  // Ping-pong alone.
  template <class Open>
  void play_latency_only(const Open& open) {
    for (size_t index = 0; index < plan_.sizes.size(); ++index)
      with_channel(open, index, [&](auto& channel) { play_latency(channel, index); });
  }

  // The calling thread to its core, and free again: threads that a transport starts shall not be
  // bound.
  void pin() const;
  void unpin() const;

 private:
  static constexpr uint64_t pilot_rounds = 500;  // say how many fill the warm-up
  static constexpr uint64_t rounds_least = 1000, rounds_most = 100'000'000;
  static constexpr double warm_up_share = 0.25;  // of the measurement's time

  enum class Check { whole, by_line };

  template <class Open, class Play>
  void with_channel(const Open& open, size_t index, const Play& measure) {
    unpin();
    auto channel = open(plan_.sizes[index]);
    static_assert(Channel<typename decltype(channel)::element_type>);
    pin();
    sequence_ = 0;
    meet();
    measure(*channel);
    meet();
    if (!is_first()) channel.reset();
    meet();  // the first may now take away what both used
    channel.reset();
    meet();
  }

  template <class C>
  void play_latency(C& channel, size_t index) {
    tools::Payload payload(plan_.sizes[index]);
    warm_up([&](uint64_t rounds) { rally(channel, payload, rounds, nullptr); });
    rally(channel, payload, board_.count, &board_.results[index].one_way_ns);
  }

  template <class C>
  void rally(C& channel, tools::Payload& payload, uint64_t rounds, metrics::Histogram* one_way_ns) {
    const tools::CycleScale scale;
    for (uint64_t i = 0; i < rounds; ++i, ++sequence_) {
      if (!is_first()) {
        take<Check::whole>(channel, payload);
        send(channel, payload, 0);
        continue;
      }
      const uint64_t sent = tools::ordered_cycles();
      send(channel, payload, 0);
      take<Check::whole>(channel, payload);
      const uint64_t back = tools::ordered_cycles();
      if (one_way_ns != nullptr) one_way_ns->record(scale.half_ns(sent, back));
    }
  }

  // Each record is due at its time, however late the last one was: what waits behind a slow record
  // counts as late, too.
  template <class C>
  void play_schedule(C& channel, size_t index) {
    tools::Payload payload(plan_.sizes[index]);
    const uint64_t total =
        rounds_least + static_cast<uint64_t>(plan_.rate_per_s * plan_.measure_ns / 1e9);
    meet();
    if (is_first()) {
      const tools::Schedule schedule(1e9 / plan_.rate_per_s);
      for (uint64_t i = 0; i < total; ++i, ++sequence_) {
        const uint64_t due = schedule.due_cycles(i);
        schedule.wait_until(due, plan_.one_core);
        send(channel, payload, due);
      }
    } else {
      const tools::CycleScale scale;
      for (uint64_t i = 0; i < total; ++i, ++sequence_) {
        const uint64_t due = take<Check::whole>(channel, payload);
        if (i >= rounds_least)
          board_.results[index].scheduled_ns.record(scale.ns(due, tools::ordered_cycles()));
      }
    }
    meet();
  }

  template <class C>
  void play_throughput(C& channel, size_t index) {
    tools::Payload payload(plan_.sizes[index]);
    warm_up([&](uint64_t rounds) { stream(channel, payload, rounds); });
    const uint64_t count = board_.count;
    if (is_first()) board_.begin_ns = now_steady_ns();
    stream(channel, payload, count);
    if (!is_first()) board_.end_ns = now_steady_ns();
    meet();
    if (is_first()) {
      MatchResult& result = board_.results[index];
      result.throughput_count = count;
      result.records_per_s =
          static_cast<double>(count) * 1e9 / static_cast<double>(board_.end_ns - board_.begin_ns);
    }
  }

  // One way.
  template <class C>
  void stream(C& channel, tools::Payload& payload, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i, ++sequence_) {
      if (is_first()) {
        send(channel, payload, 0);
      } else {
        take<Check::by_line>(channel, payload);
      }
    }
  }

  template <class C>
  [[gnu::always_inline]] void send(C& channel, const tools::Payload& payload, uint64_t due_cycles) {
    payload.fill(channel.claim(), {sequence_, due_cycles});
    channel.publish();
  }

  // Returns when it was due.
  template <Check check, class C>
  [[gnu::always_inline]] uint64_t take(C& channel, const tools::Payload& payload) {
    const Bytes message{channel.receive(), payload.size_bytes()};
    const bool is_sound = check == Check::whole ? payload.is_sound(message, sequence_)
                                                : payload.is_sound_by_line(message, sequence_);
    if (!is_sound) [[unlikely]]
      wrong_message(message.size());
    const uint64_t due_cycles = payload.stamp_of(message).intended_cycles;
    channel.release();
    return due_cycles;
  }

  // Plays a few rounds to learn how many the warm-up has, and those to learn how many the
  // measurement has: board_.count, on which both agree then.
  template <class Rounds>
  void warm_up(const Rounds& rounds) {
    uint64_t count = pilot_rounds;
    for (const double share : {warm_up_share, 1.0}) {
      meet();
      const int64_t begin_ns = now_steady_ns();
      rounds(count);
      meet();
      agree_on_count(count, now_steady_ns() - begin_ns, share * plan_.measure_ns);
      count = board_.count;
    }
  }
  void agree_on_count(uint64_t rounds, int64_t elapsed_ns, double wanted_ns);
  [[noreturn, gnu::cold]] void wrong_message(size_t message_bytes) const;

  const MatchPlan& plan_;
  MatchBoard& board_;
  const Side side_;
  const std::vector<int> all_cores_;
  uint64_t sequence_ = 0;
};

}  // namespace ringmain::bench
