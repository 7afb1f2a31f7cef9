// The gateway's RecordService over the bus's partitions. Broker's thread.
#pragma once

#include "broker/append_queue.hpp"
#include "broker/fetch_queue.hpp"
#include "broker/publish_watch.hpp"
#include "gateway/record_service.hpp"

namespace ringmain::broker {

class Records final : public gateway::RecordService {
 public:
  struct Links {
    net::EventLoop& loop;
    Topics& topics;
    log::BrokerBell& upkeep;     // rung when a partition needs upkeep
    format::Doorbell& doorbell;  // kBroker's: producers of other processes ring it
    DurableNews& news;
  };
  Records(const Links& links, std::size_t fetch_max_bytes);
  ~Records() override;

  void append(std::vector<gateway::NewBatch> batches, const gateway::AppendOptions& options,
              AppendDone done) override;
  void fetch(std::vector<gateway::WantedRecords> wanted, const gateway::FetchOptions& options,
             FetchDone done) override;
  Result<std::int64_t> first_offset(const std::string& topic, std::int32_t partition) override;
  Result<std::int64_t> end_offset(const std::string& topic, std::int32_t partition) override;
  Result<gateway::FoundOffset> offset_of_time(const std::string& topic, std::int32_t partition,
                                              std::int64_t timestamp_ms) override;
  Result<gateway::FoundOffset> offset_of_largest_time(const std::string& topic,
                                                      std::int32_t partition) override;
  void closed(const net::Connection& connection) override;

  // After upkeep: there may be room.
  void after_upkeep() { appends_.look_for_room(); }
  // The disk has moved on.
  void became_durable() { appends_.look_for_durable(); }

 private:
  void removed(partition::Partition& partition);
  void reconfigured(partition::Partition& partition, const partition::TopicConfig& config);

  Topics& topics_;
  RecordLogs logs_;
  FetchQueue fetches_;
  AppendQueue appends_;
  PublishWatch watch_;  // last: its thread calls the others
};

}  // namespace ringmain::broker
