// Who holds what in shared memory, as JSON: for `ringmain log locks` and `ringmain top`.
#pragma once

#include <optional>
#include <string>

#include "broker/participants.hpp"
#include "broker/topics.hpp"

namespace ringmain::broker {

// Of one topic, or of all. Reads only.
std::string locks_report(Topics& topics, const Participants& participants, const std::optional<std::string>& topic);

}  // namespace ringmain::broker
