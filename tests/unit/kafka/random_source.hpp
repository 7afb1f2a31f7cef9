// Random values for the generated random_fill(): what a message may carry, from one seed.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/random.hpp"
#include "kafka/generated/random_fill.hpp"
#include "kafka/wire_types.hpp"

namespace ringmain::kafka {

class RandomSource {
 public:
  explicit RandomSource(uint64_t seed) : random_(seed) {}

  template <class T>
  void fill(T& value, int16_t version) {
    if constexpr (std::is_same_v<T, bool>) {
      value = random_.below(2) == 1;
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(random_());
    } else {
      random_fill(value, version, *this);
    }
  }

  void fill(std::string& value, int16_t) {
    value.resize(length());
    for (char& c : value) c = static_cast<char>(random_());
  }

  void fill(Bytes& value, int16_t) {
    value.resize(length());
    for (std::byte& b : value) b = static_cast<std::byte>(random_());
  }

  // The bytes live as long as this source.
  void fill(Records& value, int16_t version) {
    fill(record_bytes_.emplace_back(), version);
    value = Records(record_bytes_.back());
  }

  void fill(Uuid& value, int16_t) {
    for (uint8_t& b : value.bytes) b = static_cast<uint8_t>(random_());
  }

  template <class T>
  void fill(std::vector<T>& items, int16_t version) {
    items.resize(random_.below(4));
    for (T& item : items) fill(item, version);
  }

  template <class T>
  void fill_nullable(std::optional<T>& value, int16_t version, Null null) {
    value.reset();
    if (null == Null::allowed && random_.below(3) == 0) return;
    fill(value.emplace(), version);
  }

 private:
  // Mostly short; now and then long enough for a compact length of two bytes.
  size_t length() { return random_.below(random_.below(8) == 0 ? 300 : 12); }

  Random random_;
  std::deque<Bytes> record_bytes_;
};

}  // namespace ringmain::kafka
