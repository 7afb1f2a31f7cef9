// RecordService: what the gateway wants from whoever owns the logs: append, read, find offsets.
//
// Loop thread only; no call waits. What cannot be answered yet (no room, not on disk yet, nothing
// to read) is parked by the service, and answered by a callback later, on the loop's thread. Each
// connection has one request at a time, so it has at most one that is parked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/record_batch.hpp"
#include "kafka/records.hpp"
#include "net/connection.hpp"

namespace ringmain::gateway {

inline constexpr int32_t only_leader_epoch = 0;  // one broker: it leads since the beginning

// What an answer to Produce says about the records.
enum class Acks : int16_t {
  all = -1,    // as durable as the topic's ack.durability asks, on every replica
  none = 0,    // there is no answer
  leader = 1,  // in shared memory: they survive the death of any process
};

// One batch, whole and with a sound header; the bytes are needed during the call only.
struct NewBatch {
  std::string topic;
  int32_t partition = 0;
  kafka::BatchHeader header;
  std::span<const std::byte> bytes;
};

struct Appended {
  std::optional<Error> error{};
  int64_t base_offset = -1;
  int64_t log_append_time_ms = -1;  // -1: the records keep their own times
  int64_t log_start_offset = -1;
};

struct AppendOptions {
  net::ConnectionId connection;
  Acks acks = Acks::all;
  int32_t timeout_ms = 0;
};

struct WantedRecords {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int32_t max_bytes = 0;
};

struct FetchedRecords {
  std::optional<Error> error{};
  int64_t high_watermark = -1;
  int64_t log_start_offset = -1;
  kafka::Records records{};  // the bytes stay until the callback returns
};

struct FetchOptions {
  net::ConnectionId connection;
  int32_t max_wait_ms = 0;
  int32_t min_bytes = 0;
  int32_t max_bytes = 0;
};

struct FoundOffset {
  int64_t offset = -1;  // -1: none
  int64_t timestamp_ms = -1;
};

class RecordService {
 public:
  virtual ~RecordService() = default;

  // Appends each batch, and calls back with as many results, in order; perhaps within this call.
  // Errors: unknown_topic_or_partition, message_too_large, policy_violation (single.producer),
  // request_timed_out (no room for so long, or not durable; then the records may be there all the
  // same), kafka_storage_error.
  using AppendDone = std::function<void(std::vector<Appended>)>;
  virtual void append(std::vector<NewBatch> batches, const AppendOptions& options,
                      AppendDone done) = 0;

  // Reads from each partition: calls back as soon as there are min_bytes in all, something is wrong
  // with one of them, or the time is up; perhaps within this call. The first that has records gives
  // a whole batch, however large. Errors: unknown_topic_or_partition, offset_out_of_range,
  // kafka_storage_error, corrupt_message.
  using FetchDone = std::function<void(std::vector<FetchedRecords>)>;
  virtual void fetch(std::vector<WantedRecords> wanted, const FetchOptions& options,
                     FetchDone done) = 0;

  // Of one partition. Errors: as fetch.
  virtual Result<int64_t> first_offset(const std::string& topic, int32_t partition) = 0;
  virtual Result<int64_t> end_offset(const std::string& topic, int32_t partition) = 0;
  // The first record of that time or later.
  virtual Result<FoundOffset> offset_of_time(const std::string& topic, int32_t partition,
                                             int64_t timestamp_ms) = 0;
  // The record with the largest timestamp.
  virtual Result<FoundOffset> offset_of_largest_time(const std::string& topic,
                                                     int32_t partition) = 0;

  // Drops what is parked for it; no callback comes.
  virtual void closed(const net::Connection& connection) = 0;
};

}  // namespace ringmain::gateway
