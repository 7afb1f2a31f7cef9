// Hints to the CPU: none changes what a program computes.
#pragma once

namespace ringmain::os {

// In a spin loop: lets the sibling hyperthread run, and leaves the loop without a pipeline flush.
inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Starts to fetch a cache line for reading. Any address will do, also one not mapped.
inline void prefetch_read(const void* address) noexcept {
  __builtin_prefetch(address, 0, 3);
}

// Starts to fetch a cache line for writing, so that the store to come need not wait for it.
inline void prefetch_write(const void* address) noexcept {
#if defined(__x86_64__)
  // Said outright: without -mprfchw g++ would emit a prefetch for reading. A CPU that does not know
  // the instruction takes it for a no-op (every x86-64 that runs Linux does).
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1, 3);
#endif
}

// Moves a cache line that another core will read next out of this core's own caches, to where
// both find it sooner. A no-op on CPUs that do not know it. Costs tens of nanoseconds in a stream.
inline void demote(const void* address) noexcept {
#if defined(__x86_64__)
  asm volatile("cldemote %0" : : "m"(*static_cast<const char*>(address)));
#else
  static_cast<void>(address);
#endif
}

}  // namespace ringmain::os
