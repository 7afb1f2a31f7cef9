// Settings from a TOML file: nested tables flatten to Kafka's dotted names.
#pragma once

#include <string>

#include "ringmain/bus.hpp"

namespace ringmain::tools {

// [log.retention] with ms = 1000 gives log.retention.ms=1000; an array becomes a list with commas.
// Throws Failure with file and line for a file that cannot be read, is not TOML, or holds what no
// setting is (a date, an array of tables).
Config read_config_file(const std::string& path);

}  // namespace ringmain::tools
