// The machine: its cores, CPU and kernel. Every benchmark prints these.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace ringmain::os {

// The calling thread runs on this core only, from now on.
Status pin_to_core(int core);

// Those the calling thread may run on, ascending.
std::vector<int> available_cores();

std::string cpu_model();       // "AMD EPYC 7B13", or "unknown CPU"
std::string kernel_release();  // "6.1.0-18-amd64"

}  // namespace ringmain::os
