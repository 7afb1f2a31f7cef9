// Topics and partitions as options name them: TOPIC, or TOPIC:PARTITION.
#pragma once

#include <string>
#include <vector>

#include "ringmain/admin.hpp"

namespace ringmain::tools {

// All partitions of a topic that is named alone; each once, in order. Throws UsageError, and what
// Admin throws.
std::vector<TopicPartition> chosen_partitions(Admin& admin, const std::vector<std::string>& texts);

}  // namespace ringmain::tools
