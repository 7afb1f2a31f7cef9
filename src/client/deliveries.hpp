// Records of one producer that are published and not acknowledged yet, since acks=all waits for the
// disk; and the reports that are due. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "client/lanes.hpp"
#include "ringmain/producer.hpp"

namespace ringmain::client {

class Deliveries {
 public:
  explicit Deliveries(std::int64_t timeout_ns) : timeout_ns_(timeout_ns) {}

  // Published; to be reported when it is on disk.
  void expect(Lane& lane, const RecordMetadata& metadata, const DeliveryCallback& callback);
  // Published or refused, and nothing is to be waited for.
  void done(const RecordMetadata& metadata, const DeliveryCallback& callback, std::optional<Error> error);
  // Waits for one record, which has just been published. Throws Exception.
  void await(Lane& lane, const RecordMetadata& metadata) const;

  // Takes what is known by now.
  void poll();
  // Waits until all that is expected now is known.
  void flush();
  // A lane is given up: what it still waits for is not known to be on disk.
  void give_up(Lane& lane, const Error& why);

  struct Report {
    RecordMetadata metadata;
    DeliveryCallback callback;
    std::optional<Error> error;
  };
  // What is known and was not reported yet, one after the other.
  std::optional<Report> next_report();

 private:

  // Bounds what is kept of records that nobody polls for.
  static constexpr std::size_t kMostOutstanding = 65536;

  void settle(Lane& lane, std::int64_t up_to_offset);
  void look(Lane& lane);
  void take(Lane& lane, std::optional<Error> error);

  const std::int64_t timeout_ns_;
  std::vector<std::shared_ptr<Lane>> lanes_;  // those that wait for something
  std::size_t outstanding_ = 0;               // in all lanes
  std::deque<Report> due_;
};

}  // namespace ringmain::client
