#include "broker/records.hpp"

#include "broker/time_search.hpp"

namespace ringmain::broker {
namespace {

Result<gateway::FoundOffset> found_offset(const Result<std::optional<TimedOffset>>& searched) {
  if (!searched) return tl::make_unexpected(searched.error());
  gateway::FoundOffset found;
  if (*searched)
    found = {static_cast<std::int64_t>((*searched)->offset), (*searched)->timestamp_ms};
  return found;
}

}  // namespace

Records::Records(const Links& links, std::size_t fetch_max_bytes)
    : topics_(links.topics),
      logs_(links.topics, links.upkeep),
      fetches_(links.loop, logs_, fetch_max_bytes),
      appends_(links.loop, logs_, links.news, [this](RecordLog& log) { fetches_.published(log); }),
      watch_(links.doorbell,
             [this, &loop = links.loop] { loop.post([this] { fetches_.rung(); }); }) {
  topics_.on_removal([this](partition::Partition& partition) { removed(partition); });
  topics_.on_alteration([this](partition::Partition& partition, const partition::TopicConfig& config) {
    reconfigured(partition, config);
  });
}

Records::~Records() {
  topics_.on_removal([](partition::Partition&) {});
  topics_.on_alteration([](partition::Partition&, const partition::TopicConfig&) {});
}

void Records::append(std::vector<gateway::NewBatch> batches, const gateway::AppendOptions& options,
                     AppendDone done) {
  appends_.append(std::move(batches), options, std::move(done));
}

void Records::fetch(std::vector<gateway::WantedRecords> wanted,
                    const gateway::FetchOptions& options, FetchDone done) {
  fetches_.fetch(std::move(wanted), options, std::move(done));
}

Result<std::int64_t> Records::first_offset(const std::string& topic, std::int32_t partition) {
  RINGMAIN_TRY_ASSIGN(log, logs_.find(topic, partition));
  return static_cast<std::int64_t>(log->source().start_offset());
}

Result<std::int64_t> Records::end_offset(const std::string& topic, std::int32_t partition) {
  RINGMAIN_TRY_ASSIGN(log, logs_.find(topic, partition));
  RINGMAIN_TRY_ASSIGN(end, log->source().end_offset());
  return static_cast<std::int64_t>(end);
}

Result<gateway::FoundOffset> Records::offset_of_time(const std::string& topic,
                                                     std::int32_t partition,
                                                     std::int64_t timestamp_ms) {
  RINGMAIN_TRY_ASSIGN(log, logs_.find(topic, partition));
  return found_offset(find_time(log->source(), log->partition(), timestamp_ms));
}

Result<gateway::FoundOffset> Records::offset_of_largest_time(const std::string& topic,
                                                             std::int32_t partition) {
  RINGMAIN_TRY_ASSIGN(log, logs_.find(topic, partition));
  return found_offset(find_largest_time(log->source(), log->partition()));
}

void Records::closed(const net::Connection& connection) {
  appends_.closed(connection.id());
  fetches_.closed(connection.id());
}

void Records::reconfigured(partition::Partition& partition, const partition::TopicConfig& config) {
  if (RecordLog* const log = logs_.opened(partition)) log->configure(config);
}

void Records::removed(partition::Partition& partition) {
  RecordLog* const log = logs_.opened(partition);
  if (log == nullptr) return;
  appends_.removed(*log);
  fetches_.removed(*log);
  logs_.close(partition);
}

}  // namespace ringmain::broker
