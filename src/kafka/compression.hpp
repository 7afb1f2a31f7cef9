// The codecs of Kafka's record batches: gzip, snappy, lz4, zstd. Pure; any thread.
//
// What is decompressed may be anybody's bytes: no more memory is asked for than `limit_bytes` and
// what was really produced, so a few bytes that claim to be gigabytes are an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "kafka/wire_types.hpp"

namespace ringmain::kafka {

// As in a batch's attributes.
enum class Compression : int8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

// "gzip"; "unknown" for numbers without a name.
const char* compression_name(Compression codec) noexcept;

// The whole content. Snappy is taken both in the blocks that Java writes (xerial) and raw, as some
// clients send it. Errors: corrupt_message (not of that codec, or cut), message_too_large (above
// the limit), unsupported_compression_type.
Result<Bytes> decompress(Compression codec, std::span<const std::byte> compressed,
                         size_t limit_bytes);

// At each codec's usual level; snappy in xerial's blocks.
Result<Bytes> compress(Compression codec, std::span<const std::byte> content);

}  // namespace ringmain::kafka
