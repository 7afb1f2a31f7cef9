// Records of one producer that are published and not acknowledged yet, since acks=all waits for the
// disk; and the reports that are due. The producer's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "ringmain/appender.hpp"
#include "ringmain/producer.hpp"

namespace ringmain::client {

// One partition that a producer sends to.
struct Lane : std::enable_shared_from_this<Lane> {
  struct Waiting {
    RecordMetadata metadata;
    DeliveryCallback callback;
    std::int64_t deadline_ns = 0;  // of the steady clock
  };

  Lane(Bus& bus, TopicPartition partition, AppenderOptions options)
      : appender(bus, partition, options) {}

  Appender appender;
  bool waits_for_disk = false;    // acks=all, and the topic asks for the disk
  std::deque<Waiting> waiting{};  // by offset
};

class Deliveries {
 public:
  explicit Deliveries(std::int64_t timeout_ns) : timeout_ns_(timeout_ns) {}

  // Published; to be reported when it is on disk.
  void expect(Lane& lane, const RecordMetadata& metadata, const DeliveryCallback& callback);
  // Waits for one record, which has just been published. Throws Exception.
  void await(Lane& lane, const RecordMetadata& metadata) const;

  // Reports all that is known by now.
  void poll();
  // Waits until all that is expected now is known, and reports it.
  void flush();
  // A lane is given up: what it still waits for is not known to be on disk.
  void give_up(Lane& lane, const Error& why);

 private:
  struct Report {
    RecordMetadata metadata;
    DeliveryCallback callback;
    std::optional<Error> error;
  };

  // Bounds what is kept of records that nobody polls for.
  static constexpr std::size_t kMostOutstanding = 65536;

  void settle(Lane& lane, std::int64_t up_to_offset);
  void look(Lane& lane);
  void take(Lane& lane, std::optional<Error> error);
  void report();

  const std::int64_t timeout_ns_;
  std::vector<std::shared_ptr<Lane>> lanes_;  // those that wait for something
  std::size_t outstanding_ = 0;               // in all lanes
  std::deque<Report> due_;
  bool reporting_ = false;  // a callback runs, and may send
};

}  // namespace ringmain::client
