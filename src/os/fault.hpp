// Named fault points: tests make a process die, stop, or see a full disk at a chosen place.
//
// The environment variable RINGMAIN_FAULT lists what is to happen:
//   name:action[:nth[+]][,name:action...]
//   action  kill (SIGKILL to itself), stop (SIGSTOP to itself), enospc, eio
//   nth     at the nth passage, counted from 1, and only there; with "+" from there on
// e.g. RINGMAIN_FAULT="log.claimed:kill:1000,os.allocate:enospc:3+".
//
// With the variable unset a fault point costs one predictable branch. A specification that
// cannot be read ends the process at start: ignored, it would make a test pass for nothing.
#pragma once

#include <atomic>
#include <string_view>

#include "base/result.hpp"

namespace ringmain::os {

namespace detail {
inline std::atomic<bool> fault_injection{false};  // written at start, or by configure_faults
[[gnu::cold, gnu::noinline]] void fault_point_hit(const char* name) noexcept;
[[gnu::cold, gnu::noinline]] int fault_errno_hit(const char* name) noexcept;
}  // namespace detail

// Obeys kill and stop.
inline void fault_point(const char* name) noexcept {
  if (detail::fault_injection.load(std::memory_order_relaxed)) [[unlikely]]
    detail::fault_point_hit(name);
}

// 0, or the errno that the caller shall take for its system call's. Obeys all actions.
[[nodiscard]] inline int fault_errno(const char* name) noexcept {
  if (detail::fault_injection.load(std::memory_order_relaxed)) [[unlikely]]
    return detail::fault_errno_hit(name);
  return 0;
}

// Replaces what RINGMAIN_FAULT said; "" turns all off. For tests, by one thread at a time. One that
// passes a point meanwhile obeys the old ones or the new ones.
Status configure_faults(std::string_view specification);

}  // namespace ringmain::os
