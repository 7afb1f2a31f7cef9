// A batch of Kafka's format while records are gathered into it, with what is to be told of each. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kafka/batch_builder.hpp"
#include "ringmain/producer.hpp"

namespace ringmain::client {

struct GatheredBatch {
  struct Record {
    std::int64_t timestamp_ns = 0;
    DeliveryCallback callback;
  };

  // Before a record is added. Throws Exception(invalid_record): headers that readers could not take.
  static void check(const ProducerRecord& record);
  void add(const ProducerRecord& record, const DeliveryCallback& callback);

  // What a record takes of a batch, at the most.
  static std::size_t most_bytes_of(const ProducerRecord& record) noexcept;

  kafka::BatchBuilder builder{};  // offsets from 0
  std::vector<Record> records{};  // what the builder does not need of them, in the same order
};

}  // namespace ringmain::client
