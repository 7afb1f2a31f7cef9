// Reads of the clocks, and the calibration of the time stamp counter.
#include "base/clock.hpp"

#include <time.h>

#include <cstdio>
#include <limits>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ringmain {
namespace {

int64_t read_clock_ns(clockid_t clock) noexcept {
  timespec time;
  ::clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Counter and clocks together. Of a few tries the quickest is taken: a longer one was
// interrupted in between.
ClockReading read_together() noexcept {
  ClockReading best;
  uint64_t best_width_ticks = std::numeric_limits<uint64_t>::max();
  for (int i = 0; i < 5; ++i) {
    const uint64_t before = cycles();
    const int64_t real_ns = now_real_ns();
    const uint64_t between = cycles();
    const int64_t steady_ns = now_steady_ns();
    const uint64_t after = cycles();
    if (after - before >= best_width_ticks) continue;
    best_width_ticks = after - before;
    // The real clock was read half-way between `before` and `between`; the steady one, which only
    // gives the rate, is late by the same amount each time.
    best = {before + (between - before) / 2, steady_ns, real_ns};
  }
  return best;
}

const ClockReading& first_reading() noexcept {
  static const ClockReading reading = read_together();
  return reading;
}

// The kernel gives the counter up as a clock source when it differs between sockets or
// drifts; the sources below are what it then turns to.
bool kernel_distrusts_tsc() noexcept {
  char name[32] = {};
  std::FILE* file =
      std::fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
  if (file == nullptr) return false;  // hidden in a container: the CPU's word must do
  const bool read = std::fscanf(file, "%31s", name) == 1;
  std::fclose(file);
  const std::string_view source = name;
  return read && (source == "hpet" || source == "acpi_pm" || source == "jiffies" ||
                  source == "refined-jiffies");
}

// Counts at one rate in every power state, and alike on every core.
bool tsc_is_reliable() noexcept {
#if defined(__x86_64__)
  constexpr unsigned advanced_power_leaf = 0x80000007;
  constexpr unsigned invariant_tsc_bit = 1U << 8;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(advanced_power_leaf, &eax, &ebx, &ecx, &edx) == 0) return false;
  return (edx & invariant_tsc_bit) != 0 && !kernel_distrusts_tsc();
#else
  return false;
#endif
}

}  // namespace

int64_t now_steady_ns() noexcept {
  return read_clock_ns(CLOCK_MONOTONIC);
}
int64_t now_real_ns() noexcept {
  return read_clock_ns(CLOCK_REALTIME);
}
int64_t now_real_ms() noexcept {
  return now_real_ns() / 1'000'000;
}

double ns_per_cycle() noexcept {
  constexpr int64_t shortest_measure_ns = 1'000'000;
  const ClockReading& first = first_reading();
  ClockReading now = read_together();
  // Ends: the steady clock advances. About 1 ms, once a process.
  while (now.steady_ns - first.steady_ns < shortest_measure_ns) now = read_together();
  return static_cast<double>(now.steady_ns - first.steady_ns) /
         static_cast<double>(now.ticks - first.ticks);
}

double cycles_to_ns(uint64_t cycle_count) noexcept {
  return static_cast<double>(cycle_count) * ns_per_cycle();
}

TscClock::TscClock() noexcept {
  static const bool reliable = tsc_is_reliable();
  uses_tsc_ = reliable;
  if (uses_tsc_) {
    const double rate = ns_per_cycle();
    extrapolation_.start(read_together(), rate);
  }
}

int64_t TscClock::re_anchor() noexcept {
  const ClockReading reading = read_together();
  extrapolation_.anchor(reading);
  return reading.real_ns;
}

}  // namespace ringmain
