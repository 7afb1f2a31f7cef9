// Entropy from the kernel.
#include "base/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "base/assert.hpp"

namespace ringmain {

uint64_t os_entropy64() noexcept {
  uint64_t word = 0;
  ssize_t size_bytes;
  do {
    size_bytes = ::getrandom(&word, sizeof word, 0);
  } while (size_bytes < 0 && errno == EINTR);  // only before the pool is ready, at boot
  RINGMAIN_ASSERT(size_bytes == sizeof word);  // up to 256 bytes come whole
  return word;
}

}  // namespace ringmain
