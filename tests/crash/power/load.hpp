// A producer's process: sends records whose bytes follow from their number, and writes down what it
// is told.
#pragma once

#include "power_stage.hpp"

namespace ringmain::crash {

// Until it is told to stop, or killed. The result is the exit status.
int produce_load(PowerStage& stage, Load& load);

// The value that a producer's record has.
std::string load_value(std::uint32_t log, std::uint32_t producer, std::uint64_t sequence,
                       std::uint64_t seed, std::uint32_t largest_bytes);

}  // namespace ringmain::crash
