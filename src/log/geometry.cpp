#include "log/geometry.hpp"

#include <sched.h>

#include <cstring>

#include <fmt/format.h>

#include "base/crc32c.hpp"

namespace ringmain::log {
namespace {

constexpr std::size_t kChecksumFrom = 16;
// The broker's write of 96 bytes is over in no time, unless it loses its core in the middle of it.
constexpr int kLooksAtHeader = 1000;

std::uint32_t checksum(const format::PartitionHeader& header) noexcept {
  const auto* bytes = reinterpret_cast<const std::byte*>(&header);
  return crc32c({bytes + kChecksumFrom, sizeof(header) - kChecksumFrom});
}

tl::unexpected<Error> corrupt(const std::string& what, const std::string& why) {
  return fail(ErrorCode::corrupt_memory,
              fmt::format("{} is damaged or not Ringmain's: {}; if nothing uses it, delete the topic", what, why));
}

}  // namespace

void seal_header(format::PartitionHeader& header) noexcept { header.header_crc32c = checksum(header); }

Result<Geometry> read_geometry(std::span<const std::byte> file, const std::string& what) {
  format::PartitionHeader header;
  if (file.size() < sizeof(header)) return corrupt(what, "it is too short for a header");
  std::memcpy(&header, file.data(), sizeof(header));
  for (int look = 1; header.header_crc32c != checksum(header) && look < kLooksAtHeader; ++look) {
    ::sched_yield();
    std::memcpy(&header, file.data(), sizeof(header));
  }
  if (header.magic != format::kPartitionMagic) return corrupt(what, "its first bytes are wrong");
  if (header.version != format::kPartitionVersion)
    return fail(ErrorCode::version_mismatch,
                fmt::format("{} has format version {}, this program knows {}; use the same version of Ringmain",
                            what, header.version, format::kPartitionVersion));
  if (header.header_crc32c != checksum(header)) return corrupt(what, "its header fails its checksum");
  const bool sane = header.slot_bytes >= format::kMinSlotBytes && header.slot_bytes <= format::kMaxSlotBytes &&
                    header.slot_bytes % format::kPageBytes == 0 && header.slot_limit >= format::kMinSlots &&
                    header.slot_limit <= format::kMaxSlots &&
                    header.directory_size == format::directory_size_for(header.slot_limit) &&
                    header.slots_at == format::slots_at_for(header.slot_limit) &&
                    header.intent_count == format::kMaxProducers &&
                    header.max_record_bytes <= header.slot_bytes / 4 - format::kFrameHeaderBytes &&
                    header.full_policy <= format::FullPolicy::drop_oldest;
  if (!sane) return corrupt(what, "its header contradicts itself");
  if (file.size() < format::partition_file_bytes(header.slot_limit, header.slot_bytes))
    return corrupt(what, "it has been cut short");
  Geometry geometry;
  geometry.slot_bytes = header.slot_bytes;
  geometry.slots_at = header.slots_at;
  geometry.slot_limit = header.slot_limit;
  geometry.directory_size = header.directory_size;
  geometry.max_record_bytes = header.max_record_bytes;
  geometry.single_producer = header.single_producer != 0;
  geometry.fences = header.fences != 0;
  geometry.full_policy = header.full_policy;
  return geometry;
}

Status check_readers(std::span<const std::byte> file, const std::string& what) {
  if (file.size() < sizeof(format::Readers)) return corrupt(what, "it is too short");
  const auto& readers = *reinterpret_cast<const format::Readers*>(file.data());
  if (readers.magic != format::kReadersMagic) return corrupt(what, "its first bytes are wrong");
  if (readers.version != format::kReadersVersion)
    return fail(ErrorCode::version_mismatch,
                fmt::format("{} has format version {}, this program knows {}", what, readers.version,
                            format::kReadersVersion));
  return {};
}

void raise_readers_version(std::span<std::byte> file) noexcept {
  auto& readers = *reinterpret_cast<format::Readers*>(file.data());
  if (readers.magic == format::kReadersMagic && readers.version == format::kReadersVersionBefore)
    readers.version = format::kReadersVersion;
}

void write_readers_header(std::span<std::byte> file, const std::uint8_t (&topic_id)[16],
                          std::uint32_t partition) noexcept {
  auto& readers = *reinterpret_cast<format::Readers*>(file.data());
  readers.version = format::kReadersVersion;
  readers.partition = partition;
  std::memcpy(readers.topic_id, topic_id, sizeof(topic_id));
  readers.magic = format::kReadersMagic;
}

}  // namespace ringmain::log
