// What strangers sent, made fit for a log line or an error message.
#pragma once

#include <string>
#include <string_view>

namespace ringmain::gateway {

// At most 64 characters of plain ASCII; "?" for others, "..." where it was cut.
std::string printable(std::string_view text);

}  // namespace ringmain::gateway
