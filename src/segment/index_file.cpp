// Encoding and judging index files.
#include "segment/index_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.hpp"
#include "base/crc32c.hpp"

namespace ringmain::segment {
namespace {

constexpr std::size_t kCrcAt = offsetof(format::IndexHead, crc32c);

std::uint32_t checksum(std::span<const std::byte> file) noexcept {
  return crc32c(file.subspan(kCrcAt + 4), crc32c(file.first(kCrcAt)));
}

tl::unexpected<Error> damaged(const IndexKind& kind, const std::string& what,
                              const std::string& why) {
  return fail(ErrorCode::kafka_storage_error,
              fmt::format("{} {}: {}; nothing is lost: it is made again from its log file",
                          kind.name, what, why));
}

}  // namespace

std::vector<std::byte> encode_index(const IndexKind& kind, const FileIdentity& file,
                                    std::span<const std::byte> entries, std::size_t entry_bytes) {
  format::IndexHead head{};
  head.magic = kind.magic;
  head.version = format::kIndexVersion;
  std::memcpy(head.topic_id, file.topic_id.data(), sizeof(head.topic_id));
  head.partition = file.partition;
  head.entry_count = static_cast<std::uint32_t>(entries.size() / entry_bytes);
  head.file_tag = file.file_tag;
  head.base_offset = file.base_offset;
  head.slot_bytes = file.slot_bytes;
  std::vector<std::byte> bytes(sizeof(head) + entries.size());
  std::memcpy(bytes.data(), &head, sizeof(head));
  std::copy(entries.begin(), entries.end(), bytes.begin() + sizeof(head));
  const std::uint32_t crc = checksum(bytes);
  std::memcpy(bytes.data() + kCrcAt, &crc, sizeof(crc));
  return bytes;
}

Result<std::span<const std::byte>> decode_index(const IndexKind& kind,
                                                std::span<const std::byte> bytes,
                                                const FileIdentity& expected,
                                                std::size_t entry_bytes, const std::string& what) {
  RINGMAIN_ASSERT(expected.slot_bytes >= format::kMinSlotBytes);  // of a head that was judged
  format::IndexHead head;
  if (bytes.size() < sizeof(head))
    return damaged(kind, what, fmt::format("it has {} bytes, fewer than its head", bytes.size()));
  std::memcpy(&head, bytes.data(), sizeof(head));
  if (head.magic != kind.magic) return damaged(kind, what, "it does not begin as such a file does");
  if (head.crc32c != checksum(bytes)) return damaged(kind, what, "its checksum is wrong");
  if (head.version > format::kIndexVersion)
    return fail(
        ErrorCode::version_mismatch,
        fmt::format("{} {} has version {}, this program knows {}: use the program that wrote "
                    "it, or delete the file, and it is made again",
                    kind.name, what, head.version, format::kIndexVersion));
  FileIdentity file{{}, head.partition, head.file_tag, head.base_offset, head.slot_bytes};
  std::memcpy(file.topic_id.data(), head.topic_id, sizeof(head.topic_id));
  if (head.version != format::kIndexVersion || file != expected)
    return damaged(kind, what, "it belongs to another log file");
  const auto entries = bytes.subspan(sizeof(head));
  if (entries.size() != std::uint64_t{head.entry_count} * entry_bytes)
    return damaged(kind, what,
                   fmt::format("it says {} entries and holds {} bytes of them", head.entry_count,
                               entries.size()));
  return entries;
}

tl::unexpected<Error> bad_index_entry(const IndexKind& kind, const std::string& what,
                                      std::size_t index, const std::string& why) {
  return damaged(kind, what, fmt::format("entry {} {}", index, why));
}

}  // namespace ringmain::segment
