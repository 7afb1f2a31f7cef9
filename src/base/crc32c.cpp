// CRC32C by the CPU's instruction where it has one: ISA-L's interleaved loop for long
// input, a plain loop for short, and tables elsewhere.
#include "base/crc32c.hpp"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/assert.hpp"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ringmain {
namespace {

// From here on ISA-L wins (16 GB/s at 256 bytes); the plain loop wins at 64.
constexpr size_t isal_min_bytes = 128;

// ISA-L's length is an int.
constexpr size_t isal_max_bytes = size_t{1} << 30;

constexpr uint32_t polynomial = 0x82f63b78;  // 0x1edc6f41, bits reversed

// table[0] takes one byte; table[k] takes a byte that is followed by k zero bytes, so that
// eight bytes go in at once.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr Tables tables = make_tables();

uint64_t load64(const std::byte* from) noexcept {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

}  // namespace

namespace crc32c_path {

bool has_sse42() noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_supports("sse4.2");
#else
  return false;
#endif
}

uint32_t portable(std::span<const std::byte> bytes, uint32_t seed) noexcept {
  static_assert(std::endian::native == std::endian::little, "eight bytes at once need it");
  uint32_t crc = ~seed;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    const uint64_t word = load64(bytes.data()) ^ crc;
    crc = 0;
    for (size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][(word >> (8 * i)) & 0xff];
  }
  for (const std::byte byte : bytes) {
    crc = (crc >> 8) ^ tables[0][(crc ^ std::to_integer<uint32_t>(byte)) & 0xff];
  }
  return ~crc;
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] uint32_t sse42(std::span<const std::byte> bytes, uint32_t seed) noexcept {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = static_cast<uint32_t>(~seed);
  for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load64(at));
  auto crc32 = static_cast<uint32_t>(crc);
  for (; left > 0; ++at, --left) crc32 = _mm_crc32_u8(crc32, std::to_integer<uint8_t>(*at));
  return ~crc32;
}
#else
uint32_t sse42(std::span<const std::byte> bytes, uint32_t seed) noexcept {
  RINGMAIN_ASSERT(!"this CPU has no SSE4.2");
  return portable(bytes, seed);
}
#endif

namespace {

// ISA-L leaves the upper halves of the vector registers in use, and the next instruction without AVX
// then waits for 130 ns.
void leave_avx() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx")) asm volatile("vzeroupper");
#endif
}

}  // namespace

// ISA-L leaves the inversion before and after to its caller, and takes a pointer to
// non-const though it only reads.
uint32_t isal(std::span<const std::byte> bytes, uint32_t seed) noexcept {
  uint32_t crc = ~seed;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), isal_max_bytes));
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(part.data()));
    crc = ::crc32_iscsi(data, static_cast<int>(part.size()), crc);
    bytes = bytes.subspan(part.size());
  }
  leave_avx();
  return ~crc;
}

}  // namespace crc32c_path

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t seed) noexcept {
  if (!crc32c_path::has_sse42()) [[unlikely]]
    return crc32c_path::portable(bytes, seed);
  if (bytes.size() >= isal_min_bytes) return crc32c_path::isal(bytes, seed);
  return crc32c_path::sse42(bytes, seed);
}

}  // namespace ringmain
