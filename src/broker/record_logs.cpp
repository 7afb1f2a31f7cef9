#include "broker/record_logs.hpp"

namespace ringmain::broker {

Result<RecordLog*> RecordLogs::find(const std::string& topic, std::int32_t index) {
  RINGMAIN_TRY_ASSIGN(partition, topics_.partition(topic, index));
  if (const auto found = logs_.find(partition); found != logs_.end()) return found->second.get();
  RINGMAIN_TRY_ASSIGN(config, topics_.config(topic));
  return logs_.emplace(partition, std::make_unique<RecordLog>(*partition, config, bell_, *lines_, heads_))
      .first->second.get();
}

RecordLog* RecordLogs::opened(partition::Partition& partition) const {
  const auto found = logs_.find(&partition);
  return found == logs_.end() ? nullptr : found->second.get();
}

}  // namespace ringmain::broker
