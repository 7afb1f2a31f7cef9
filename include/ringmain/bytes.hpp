// Bytes of keys, values and headers: not necessarily text, no terminator.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

namespace ringmain {

using Bytes = std::string_view;

// The bytes of a trivially copyable object, e.g. a struct that both sides know.
template <class T>
  requires std::is_trivially_copyable_v<T>
Bytes bytes_of(const T& object) noexcept {
  return {reinterpret_cast<const char*>(&object), sizeof(T)};
}

inline Bytes bytes_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ringmain
