// The machine that figures come from.
#pragma once

#include <string>

#include "compare/results.hpp"

namespace ringmain::bench {

// `folder`: on the disk that is measured.
Machine machine_of(const std::string& folder);

// Whether nothing of that folder ever reaches a disk: then durable figures say little.
bool lies_in_memory(const std::string& folder);

}  // namespace ringmain::bench
