// StrongId: a number that cannot be mistaken for another kind of number.
//
//   using PartitionId = StrongId<struct PartitionIdTag, int32_t>;
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace ringmain {

template <class Tag, class T>
class StrongId {
 public:
  using value_type = T;

  constexpr StrongId() noexcept = default;
  constexpr explicit StrongId(T value) noexcept : value_(value) {}

  constexpr T value() const noexcept { return value_; }

  friend constexpr auto operator<=>(const StrongId&, const StrongId&) noexcept = default;

 private:
  T value_{};
};

}  // namespace ringmain

template <class Tag, class T>
struct std::hash<ringmain::StrongId<Tag, T>> {
  std::size_t operator()(const ringmain::StrongId<Tag, T>& id) const noexcept {
    return std::hash<T>{}(id.value());
  }
};
