// Of each key the newest offset, by a hash of 128 bits, in memory of a fixed size: what compaction
// knows of the records further on. Pure; one thread per object.
//
// Two keys with one hash would lose the older one's record. With 128 bits that takes 10^14 keys for
// one chance in 10^10. The seed is random for each map, so nobody can look for such keys
// beforehand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ringmain::storage {

struct KeyHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const KeyHash&, const KeyHash&) = default;
};

class KeyMap {
 public:
  KeyMap(std::size_t key_count, std::uint64_t seed);

  // How many keys a map of so many bytes holds, at the most.
  static std::size_t keys_in(std::uint64_t memory_bytes) noexcept;

  KeyHash hash(std::string_view key) const noexcept;

  // False: the key is new and there is no room; nothing changed.
  bool put(const KeyHash& key, std::uint64_t offset) noexcept;
  std::optional<std::uint64_t> newest(const KeyHash& key) const noexcept;

  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  static constexpr std::uint64_t kNoEntry = ~std::uint64_t{0};  // no offset is as large
  struct Entry {
    KeyHash key;
    std::uint64_t offset = kNoEntry;
  };

  // The key's entry, or the free one where it belongs. Ends: a quarter of them is always free.
  std::size_t place_of(const KeyHash& key) const noexcept;

  std::uint64_t seed_;
  std::size_t capacity_;
  std::size_t size_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace ringmain::storage
