// Reads a partition file's header into a private, validated geometry. The bytes come from
// another process: every one may be wrong.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"
#include "log/partition_view.hpp"

namespace ringmain::log {

// Stamps the checksum into a header that is complete otherwise.
void seal_header(format::PartitionHeader& header) noexcept;

// `what` names the file in errors. Errors: corrupt_memory, version_mismatch. One that fails its checksum is looked at
// again: the broker may be writing another max_record_bytes into it just now.
Result<Geometry> read_geometry(std::span<const std::byte> file, const std::string& what);

// The same for the readers file.
Status check_readers(std::span<const std::byte> file, const std::string& what);
// The broker's, before it: a file of the version before becomes one of this.
void raise_readers_version(std::span<std::byte> file) noexcept;
void write_readers_header(std::span<std::byte> file, const std::uint8_t (&topic_id)[16],
                          std::uint32_t partition) noexcept;

}  // namespace ringmain::log
