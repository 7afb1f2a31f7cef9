// Who plays: one place on the stage for each actor, whose process dies and is replaced.
#pragma once

#include <array>

#include "stage.hpp"

namespace ringmain::crash {

struct Part {
  Role role;
  bool autostart;  // starts a broker where it finds none
};
inline constexpr std::array<Part, 16> kCast = {{
    {Role::appender_on_drop, true},
    {Role::appender_on_drop, false},
    {Role::producer_on_block, false},
    {Role::appender_on_block, false},
    {Role::appender_on_single, false},
    {Role::reader_on_drop, false},
    {Role::reader_on_drop, false},
    {Role::consumer_on_all, true},
    {Role::reader_on_block, false},
    {Role::reader_on_single, false},
    {Role::appender_on_disk, true},
    {Role::appender_on_disk, false},
    {Role::appender_on_short, false},
    {Role::reader_on_disk, false},
    {Role::rereader_on_disk, true},
    {Role::reader_on_short, false},
}};
inline constexpr std::uint32_t kForkerPlace = 16;
inline constexpr std::uint32_t kProberPlace = 17;
static_assert(kCast.size() == kForkerPlace && kProberPlace < kMaxActors);

}  // namespace ringmain::crash
