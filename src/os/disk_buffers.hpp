// DiskBuffers: the aligned buffers of one queue, and which of them may be handed out.
//
// Invariant: a buffer with a write in flight is never given by take(). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"

namespace ringmain::os {

class DiskBuffers {
 public:
  static Result<DiskBuffers> create(uint32_t count, uint32_t bytes_each);

  DiskBuffers(DiskBuffers&& other) noexcept;
  DiskBuffers& operator=(DiskBuffers&&) = delete;
  ~DiskBuffers();

  uint32_t count() const noexcept { return static_cast<uint32_t>(states_.size()); }
  uint32_t bytes_each() const noexcept { return bytes_each_; }
  std::span<std::byte> operator[](uint32_t index) const noexcept;

  // For registered buffers: were the pages shared with a child, our next store would go to a copy,
  // and the kernel would write from the old ones.
  void keep_from_children() const noexcept;

  std::optional<uint32_t> take() noexcept;
  void give_back(uint32_t index) noexcept;

  // A write from the buffer begins and ends.
  void hold(uint32_t index) noexcept { ++states_[index].writes_in_flight; }
  void release(uint32_t index) noexcept;

 private:
  struct State {
    bool taken = false;
    uint32_t writes_in_flight = 0;
  };

  DiskBuffers(std::byte* memory, uint32_t count, uint32_t bytes_each)
      : memory_(memory), bytes_each_(bytes_each), states_(count) {}

  std::byte* memory_;
  uint32_t bytes_each_;
  std::vector<State> states_;
};

}  // namespace ringmain::os
