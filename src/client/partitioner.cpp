// The partitioners by name, and Kafka's two hashes.
//   murmur2: Austin Appleby's MurmurHash2 with the seed of Kafka's Java client.
//   crc32:   the CRC of zlib (polynomial 0xEDB88320), as librdkafka uses it.
#include "ringmain/partitioner.hpp"

#include <array>
#include <cstring>

#include "base/random.hpp"
#include "ringmain/error.hpp"

namespace ringmain {
namespace {

std::int32_t below(std::uint32_t hash, std::int32_t partitions) {
  return static_cast<std::int32_t>(hash % static_cast<std::uint32_t>(partitions));
}

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t word = i;
    for (int bit = 0; bit < 8; ++bit) word = (word & 1) != 0 ? word >> 1 ^ 0xEDB88320u : word >> 1;
    table[i] = word;
  }
  return table;
}

class RandomPartitioner final : public Partitioner {
 public:
  std::int32_t partition(std::string_view, std::optional<Bytes>, std::int32_t partitions) override {
    return static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(partitions)));
  }

 private:
  Random random_{os_entropy64()};
};

class RoundRobinPartitioner final : public Partitioner {
 public:
  std::int32_t partition(std::string_view, std::optional<Bytes>, std::int32_t partitions) override {
    return below(next_++, partitions);
  }

 private:
  std::uint32_t next_ = 0;
};

// Stays with one partition for a while, then goes to another: fewer cold cache lines.
class StickyPartitioner final : public Partitioner {
 public:
  std::int32_t partition(std::string_view topic, std::optional<Bytes>, std::int32_t partitions) override {
    if (left_ == 0 || current_ >= partitions || topic != topic_) {
      topic_ = topic;
      current_ = random_.partition(topic, std::nullopt, partitions);
      left_ = kRecordsAtOnce;
    }
    --left_;
    return current_;
  }

 private:
  static constexpr int kRecordsAtOnce = 64;
  RandomPartitioner random_;
  std::string topic_;
  std::int32_t current_ = 0;
  int left_ = 0;
};

enum class EmptyKey { hashed, counts_as_none };

// By key; without one, as `Keyless` does.
template <std::uint32_t (*Hash)(Bytes) noexcept, std::uint32_t Mask, class Keyless, EmptyKey Empty>
class HashPartitioner final : public Partitioner {
 public:
  std::int32_t partition(std::string_view topic, std::optional<Bytes> key, std::int32_t partitions) override {
    const bool hashed = key && (Empty == EmptyKey::hashed || !key->empty());
    return hashed ? below(Hash(*key) & Mask, partitions) : keyless_.partition(topic, key, partitions);
  }

 private:
  Keyless keyless_;
};

}  // namespace

std::uint32_t murmur2(Bytes key) noexcept {
  constexpr std::uint32_t kSeed = 0x9747b28c;
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  const auto* at = reinterpret_cast<const unsigned char*>(key.data());
  std::size_t left = key.size();
  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(left);
  for (; left >= 4; at += 4, left -= 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = hash * kMultiplier ^ word;
  }
  if (left == 3) hash ^= std::uint32_t{at[2]} << 16;
  if (left >= 2) hash ^= std::uint32_t{at[1]} << 8;
  if (left >= 1) hash = (hash ^ at[0]) * kMultiplier;
  hash = (hash ^ hash >> 13) * kMultiplier;
  return hash ^ hash >> 15;
}

std::uint32_t crc32(Bytes key) noexcept {
  static constexpr auto kTable = crc_table();
  std::uint32_t word = 0xffffffff;
  for (const char byte : key) word = kTable[(word ^ static_cast<unsigned char>(byte)) & 0xff] ^ word >> 8;
  return ~word;
}

std::unique_ptr<Partitioner> make_partitioner(std::string_view name) {
  // Java makes murmur2 positive by clearing its sign.
  if (name == "murmur2") return std::make_unique<HashPartitioner<murmur2, 0x7fffffff, StickyPartitioner, EmptyKey::hashed>>();
  if (name == "crc32") return std::make_unique<HashPartitioner<crc32, 0xffffffff, RandomPartitioner, EmptyKey::counts_as_none>>();
  if (name == "round-robin") return std::make_unique<RoundRobinPartitioner>();
  if (name == "random") return std::make_unique<RandomPartitioner>();
  if (name == "sticky") return std::make_unique<StickyPartitioner>();
  throw Exception({ErrorCode::invalid_config, "partitioner=" + std::string(name) +
                                                  ": must be one of murmur2, crc32, round-robin, random, sticky"});
}

}  // namespace ringmain
