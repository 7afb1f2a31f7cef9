// The longest text that stays readable in a line, and its alphabet.
#include "gateway/printable.hpp"

#include <algorithm>

namespace ringmain::gateway {
namespace {

constexpr size_t shown_max_bytes = 64;

bool is_plain(char c) {
  return ' ' <= c && c <= '~';
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown(text.substr(0, shown_max_bytes));
  std::ranges::replace_if(
      shown, [](char c) { return !is_plain(c); }, '?');
  if (text.size() > shown_max_bytes) shown += "...";
  return shown;
}

}  // namespace ringmain::gateway
