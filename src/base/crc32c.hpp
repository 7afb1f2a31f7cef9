// CRC32C (Castagnoli), as Kafka, iSCSI and ext4 use it. Callable from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ringmain {

// Chains: crc32c(b, crc32c(a)) is the checksum of a followed by b.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t seed = 0) noexcept;

// The ways to compute it, all with one result; crc32c() chooses at run time.
namespace crc32c_path {

bool has_sse42() noexcept;
uint32_t portable(std::span<const std::byte> bytes, uint32_t seed) noexcept;
uint32_t sse42(std::span<const std::byte> bytes, uint32_t seed) noexcept;  // needs has_sse42()
uint32_t isal(std::span<const std::byte> bytes, uint32_t seed) noexcept;

}  // namespace crc32c_path
}  // namespace ringmain
