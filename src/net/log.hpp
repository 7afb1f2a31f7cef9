// Where log lines of the network side go; whoever composes the process decides.
#pragma once

#include <functional>
#include <string_view>

namespace ringmain::net {

enum class LogLevel { debug, info, warning, error };

// One line, without its end. Called on the event loop's thread.
using Log = std::function<void(LogLevel, std::string_view line)>;

}  // namespace ringmain::net
