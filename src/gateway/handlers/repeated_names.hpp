// Names that one request gives twice: which of the two is meant, nobody knows.
#pragma once

#include <set>
#include <string_view>

namespace ringmain::gateway {

// Views into `items`. name_of(item) gives a reference or a view that lives as long as the item.
template <class Items, class NameOf>
std::set<std::string_view> repeated_names(const Items& items, NameOf name_of) {
  std::set<std::string_view> seen;
  std::set<std::string_view> repeated;
  for (const auto& item : items) {
    if (!seen.insert(name_of(item)).second) repeated.insert(name_of(item));
  }
  return repeated;
}

}  // namespace ringmain::gateway
