// Which partition a record goes to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "ringmain/bytes.hpp"

namespace ringmain {

// Chooses a partition in [0, partitions). Used by one producer, on its thread.
class Partitioner {
 public:
  virtual ~Partitioner() = default;
  virtual std::int32_t partition(std::string_view topic, std::optional<Bytes> key,
                                 std::int32_t partitions) = 0;
};

// By name: "murmur2" (Kafka's Java producer: equal keys go where Java sends them; without a key,
// sticky), "crc32" (librdkafka's consistent_random), "round-robin", "random", "sticky".
// Throws Exception(invalid_config) for any other name.
std::unique_ptr<Partitioner> make_partitioner(std::string_view name);

// Kafka's hashes, for partitioners of one's own.
std::uint32_t murmur2(Bytes key) noexcept;
std::uint32_t crc32(Bytes key) noexcept;

}  // namespace ringmain
