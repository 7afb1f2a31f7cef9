// Buffers in one anonymous mapping: page-aligned and zeroed.
#include "os/disk_buffers.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <utility>

#include "base/assert.hpp"
#include "base/parse.hpp"

namespace ringmain::os {

Result<DiskBuffers> DiskBuffers::create(uint32_t count, uint32_t bytes_each) {
  const size_t size_bytes = size_t{count} * bytes_each;
  void* memory =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    const int error = errno;
    return fail_errno(
        fmt::format("cannot get {} for {} disk buffers", format_bytes(size_bytes), count), error);
  }
  return DiskBuffers(static_cast<std::byte*>(memory), count, bytes_each);
}

void DiskBuffers::keep_from_children() const noexcept {
  ::madvise(memory_, states_.size() * size_t{bytes_each_}, MADV_DONTFORK);
}

DiskBuffers::DiskBuffers(DiskBuffers&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      bytes_each_(other.bytes_each_),
      states_(std::move(other.states_)) {}

DiskBuffers::~DiskBuffers() {
  if (memory_ != nullptr) ::munmap(memory_, states_.size() * size_t{bytes_each_});
}

std::span<std::byte> DiskBuffers::operator[](uint32_t index) const noexcept {
  RINGMAIN_ASSERT(index < states_.size());
  return {memory_ + size_t{index} * bytes_each_, bytes_each_};
}

std::optional<uint32_t> DiskBuffers::take() noexcept {
  for (uint32_t index = 0; index < states_.size(); ++index) {
    State& state = states_[index];
    if (state.taken || state.writes_in_flight > 0) continue;
    state.taken = true;
    return index;
  }
  return std::nullopt;
}

void DiskBuffers::give_back(uint32_t index) noexcept {
  RINGMAIN_ASSERT(index < states_.size() && states_[index].taken);
  states_[index].taken = false;
}

void DiskBuffers::release(uint32_t index) noexcept {
  RINGMAIN_ASSERT(states_[index].writes_in_flight > 0);
  --states_[index].writes_in_flight;
}

}  // namespace ringmain::os
