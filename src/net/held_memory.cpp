// The sums, and who goes first.
#include "net/held_memory.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace ringmain::net {
namespace {

// So many replies of the same size fit before the size of further ones shrinks to a connection's own.
constexpr size_t replies_at_once = 16;

}  // namespace

void HeldMemory::Share::hold(size_t bytes, bool has_moved) {
  const size_t counted = bytes - std::min(bytes, own_bytes);
  if (counted == counted_bytes_ && !has_moved) return;
  const size_t before = std::exchange(counted_bytes_, counted);
  memory_.counted_bytes_ += counted - before;
  std::list<Share*>& all = memory_.shares_;
  if (counted == 0) {
    if (before > 0) all.erase(place_);
  } else if (before == 0) {
    place_ = all.insert(all.end(), this);
  } else if (has_moved) {
    all.splice(all.end(), all, place_);
  }
  if (counted > before) memory_.make_room();
}

size_t HeldMemory::Share::room_for_reply() const noexcept {
  const size_t left = memory_.max_bytes_ - std::min(memory_.max_bytes_, memory_.counted_bytes_);
  return std::max(own_bytes, left / replies_at_once);
}

void HeldMemory::make_room() {
  while (counted_bytes_ > max_bytes_) {  // ends: each turn takes one out
    Share& stillest = *shares_.front();
    stillest.close_();
    RINGMAIN_ASSERT(stillest.counted_bytes_ == 0);
  }
}

}  // namespace ringmain::net
