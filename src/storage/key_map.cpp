// Open addressing with linear probing, at most three quarters full.
#include "storage/key_map.hpp"

#define XXH_INLINE_ALL  // the header alone: nothing to link
#include <xxhash.h>

#include <algorithm>

namespace ringmain::storage {

KeyMap::KeyMap(std::size_t key_count, std::uint64_t seed)
    : seed_(seed),
      capacity_(std::max<std::size_t>(key_count, 1)),
      entries_(capacity_ + capacity_ / 3 + 1) {}

std::size_t KeyMap::keys_in(std::uint64_t memory_bytes) noexcept {
  return static_cast<std::size_t>(memory_bytes / sizeof(Entry) * 3 / 4);
}

KeyHash KeyMap::hash(std::string_view key) const noexcept {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), seed_);
  return {hash.low64, hash.high64};
}

std::size_t KeyMap::place_of(const KeyHash& key) const noexcept {
  __extension__ using Wide = unsigned __int128;
  auto at = static_cast<std::size_t>((Wide{key.high} * entries_.size()) >> 64);
  while (entries_[at].offset != kNoEntry && entries_[at].key != key)
    at = at + 1 == entries_.size() ? 0 : at + 1;
  return at;
}

bool KeyMap::put(const KeyHash& key, std::uint64_t offset) noexcept {
  Entry& entry = entries_[place_of(key)];
  if (entry.offset == kNoEntry) {
    if (size_ == capacity_) return false;
    ++size_;
    entry = {key, offset};
  }
  entry.offset = std::max(entry.offset, offset);
  return true;
}

std::optional<std::uint64_t> KeyMap::newest(const KeyHash& key) const noexcept {
  const Entry& entry = entries_[place_of(key)];
  return entry.offset == kNoEntry ? std::nullopt : std::optional(entry.offset);
}

}  // namespace ringmain::storage
