// One pair of functions for each codec, around its library.
#include "kafka/compression.hpp"

#include <fmt/format.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

namespace ringmain::kafka {
namespace {

constexpr size_t first_output_bytes = 16 << 10;  // or four times the input, if that is more
constexpr size_t output_growth = 4;

tl::unexpected<Error> corrupt(Compression codec, const char* why) {
  return fail(ErrorCode::corrupt_message,
              fmt::format("the {} data of a batch is damaged: {}", compression_name(codec), why));
}
tl::unexpected<Error> too_large(Compression codec, size_t limit_bytes) {
  return fail(ErrorCode::message_too_large,
              fmt::format("the {} data of a batch has more than {} bytes of content",
                          compression_name(codec), limit_bytes));
}

// Where content goes, growing with what is really produced. It has room for one byte more than the
// limit: content that just fits is then told from content that does not.
class Output {
 public:
  Output(Compression codec, size_t input_bytes, size_t limit_bytes)
      : codec_(codec), limit_bytes_(limit_bytes) {
    bytes_.resize(std::min(most(), std::max(first_output_bytes, output_growth * input_bytes)));
  }
  std::byte* next() { return bytes_.data() + used_; }
  size_t room() const { return bytes_.size() - used_; }
  void produced(size_t count) { used_ += count; }
  // False at the limit.
  bool grow() {
    if (bytes_.size() >= most()) return false;
    bytes_.resize(std::min(most(), bytes_.size() * output_growth));
    return true;
  }
  std::byte* whole() { return bytes_.data(); }
  size_t capacity() const { return bytes_.size(); }
  Result<Bytes> take() && {
    if (used_ > limit_bytes_) return too_large(codec_, limit_bytes_);
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  size_t most() const { return std::max(limit_bytes_, limit_bytes_ + 1); }

  const Compression codec_;
  const size_t limit_bytes_;
  Bytes bytes_;
  size_t used_ = 0;
};

const char* chars(std::span<const std::byte> bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}

// ---- gzip

struct Inflater {
  z_stream stream{};
  bool ready = inflateInit2(&stream, 15 + 16) == Z_OK;  // with gzip's head
  ~Inflater() {
    if (ready) inflateEnd(&stream);
  }
};

Result<Bytes> gunzip(std::span<const std::byte> from, size_t limit_bytes) {
  constexpr auto codec = Compression::gzip;
  Inflater inflater;
  if (!inflater.ready || from.size() > std::numeric_limits<uInt>::max())
    return corrupt(codec, "no memory for it");
  z_stream& stream = inflater.stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(from.data()));
  stream.avail_in = static_cast<uInt>(from.size());
  Output out(codec, from.size(), limit_bytes);
  for (;;) {  // each turn takes input, or makes room for output, which is bounded
    const auto room =
        static_cast<uInt>(std::min<size_t>(out.room(), std::numeric_limits<uInt>::max()));
    stream.next_out = reinterpret_cast<Bytef*>(out.next());
    stream.avail_out = room;
    const int outcome = inflate(&stream, Z_NO_FLUSH);
    out.produced(room - stream.avail_out);
    if (outcome == Z_STREAM_END) {
      if (stream.avail_in == 0) return std::move(out).take();
      if (inflateReset(&stream) != Z_OK)
        return corrupt(codec, "it cannot go on");  // a further member
      continue;
    }
    if (outcome != Z_OK && outcome != Z_BUF_ERROR)
      return corrupt(codec, stream.msg != nullptr ? stream.msg : "not gzip");
    if (stream.avail_out == 0) {
      if (!out.grow()) return too_large(codec, limit_bytes);
    } else if (stream.avail_in == 0) {
      return corrupt(codec, "it ends too early");
    }
  }
}

Result<Bytes> gzip(std::span<const std::byte> content) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    return corrupt(Compression::gzip, "no memory for it");
  Bytes out(deflateBound(&stream, content.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int outcome = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (outcome != Z_STREAM_END) return corrupt(Compression::gzip, "it does not fit");
  return out;
}

// ---- snappy

// xerial's head: magic, version, lowest compatible version. Then blocks, each with its size.
constexpr unsigned char xerial_magic[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr size_t xerial_head_bytes = sizeof xerial_magic + 8;
constexpr size_t xerial_block_bytes = 32 << 10;
// A copy of 64 bytes takes two bytes at the least: what claims more is a lie.
constexpr size_t snappy_most_ratio = 64;

size_t big_endian(std::span<const std::byte> four) {
  size_t value = 0;
  for (const std::byte b : four.first(4)) value = value << 8 | std::to_integer<size_t>(b);
  return value;
}
void put_big_endian(Bytes& to, size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::byte>(value >> shift));
}

Status unsnap_block(std::span<const std::byte> from, size_t limit_bytes, Bytes& to) {
  constexpr auto codec = Compression::snappy;
  size_t size = 0;
  if (snappy_uncompressed_length(chars(from), from.size(), &size) != SNAPPY_OK)
    return corrupt(codec, "a block without a length");
  if (size > limit_bytes - to.size()) return too_large(codec, limit_bytes);
  if (size > from.size() * snappy_most_ratio)
    return corrupt(codec, "a block is shorter than it says");
  const size_t before = to.size();
  to.resize(before + size);
  if (snappy_uncompress(chars(from), from.size(), reinterpret_cast<char*>(to.data() + before),
                        &size) != SNAPPY_OK)
    return corrupt(codec, "a block does not unpack");
  return {};
}

Result<Bytes> unsnap(std::span<const std::byte> from, size_t limit_bytes) {
  Bytes out;
  const bool in_blocks = from.size() >= xerial_head_bytes &&
                         std::memcmp(from.data(), xerial_magic, sizeof xerial_magic) == 0;
  if (!in_blocks) {
    RINGMAIN_TRY(unsnap_block(from, limit_bytes, out));
    return out;
  }
  for (auto left = from.subspan(xerial_head_bytes); !left.empty();) {  // each turn takes a block
    if (left.size() < 4) return corrupt(Compression::snappy, "it ends within a block's size");
    const size_t size = big_endian(left);
    if (size > left.size() - 4) return corrupt(Compression::snappy, "it ends within a block");
    RINGMAIN_TRY(unsnap_block(left.subspan(4, size), limit_bytes, out));
    left = left.subspan(4 + size);
  }
  return out;
}

Result<Bytes> snap(std::span<const std::byte> content) {
  Bytes out;
  for (const unsigned char c : xerial_magic) out.push_back(static_cast<std::byte>(c));
  put_big_endian(out, 1);
  put_big_endian(out, 1);
  for (size_t at = 0; at < content.size(); at += xerial_block_bytes) {
    const auto block = content.subspan(at, std::min(xerial_block_bytes, content.size() - at));
    size_t size = snappy_max_compressed_length(block.size());
    Bytes packed(size);
    if (snappy_compress(chars(block), block.size(), reinterpret_cast<char*>(packed.data()),
                        &size) != SNAPPY_OK)
      return corrupt(Compression::snappy, "it does not pack");
    put_big_endian(out, size);
    out.insert(out.end(), packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return out;
}

// ---- lz4

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

Result<Bytes> unlz4(std::span<const std::byte> from, size_t limit_bytes) {
  constexpr auto codec = Compression::lz4;
  LZ4F_dctx* made = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)))
    return corrupt(codec, "no memory for it");
  const std::unique_ptr<LZ4F_dctx, FreeLz4> context(made);
  Output out(codec, from.size(), limit_bytes);
  size_t at = 0;
  for (;;) {  // each turn takes input, or makes room for output, which is bounded
    size_t produced = out.room();
    size_t taken = from.size() - at;
    const size_t hint =
        LZ4F_decompress(context.get(), out.next(), &produced, from.data() + at, &taken, nullptr);
    if (LZ4F_isError(hint)) return corrupt(codec, LZ4F_getErrorName(hint));
    at += taken;
    out.produced(produced);
    if (hint == 0) {  // a frame's end; another may follow
      if (at == from.size()) return std::move(out).take();
      continue;
    }
    if (out.room() == 0) {
      if (!out.grow()) return too_large(codec, limit_bytes);
    } else if (at == from.size()) {
      return corrupt(codec, "it ends too early");
    }
  }
}

Result<Bytes> lz4(std::span<const std::byte> content) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // the only one that Java's client reads
  Bytes out(LZ4F_compressFrameBound(content.size(), &preferences));
  const size_t size =
      LZ4F_compressFrame(out.data(), out.size(), content.data(), content.size(), &preferences);
  if (LZ4F_isError(size)) return corrupt(Compression::lz4, LZ4F_getErrorName(size));
  out.resize(size);
  return out;
}

// ---- zstd

struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// In one go into memory of our own: in steps, the library would take as much as a frame's window
// says.
Result<Bytes> unzstd(std::span<const std::byte> from, size_t limit_bytes) {
  constexpr auto codec = Compression::zstd;
  const std::unique_ptr<ZSTD_DCtx, FreeZstd> context(ZSTD_createDCtx());
  if (!context) return corrupt(codec, "no memory for it");
  Output out(codec, from.size(), limit_bytes);
  for (;;) {  // each turn has more room, up to the limit
    const size_t size =
        ZSTD_decompressDCtx(context.get(), out.whole(), out.capacity(), from.data(), from.size());
    if (!ZSTD_isError(size)) {
      out.produced(size);
      return std::move(out).take();
    }
    if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall)
      return corrupt(codec, ZSTD_getErrorName(size));
    if (!out.grow()) return too_large(codec, limit_bytes);
  }
}

Result<Bytes> zstd(std::span<const std::byte> content) {
  constexpr int usual_level = 3;
  Bytes out(ZSTD_compressBound(content.size()));
  const size_t size =
      ZSTD_compress(out.data(), out.size(), content.data(), content.size(), usual_level);
  if (ZSTD_isError(size)) return corrupt(Compression::zstd, ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

tl::unexpected<Error> unknown(Compression codec) {
  return fail(ErrorCode::unsupported_compression_type,
              fmt::format("there is no compression {}", static_cast<int>(codec)));
}

}  // namespace

const char* compression_name(Compression codec) noexcept {
  switch (codec) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::snappy:
      return "snappy";
    case Compression::lz4:
      return "lz4";
    case Compression::zstd:
      return "zstd";
  }
  return "unknown";
}

Result<Bytes> decompress(Compression codec, std::span<const std::byte> compressed,
                         size_t limit_bytes) {
  switch (codec) {
    case Compression::none:
      if (compressed.size() > limit_bytes) return too_large(codec, limit_bytes);
      return Bytes(compressed.begin(), compressed.end());
    case Compression::gzip:
      return gunzip(compressed, limit_bytes);
    case Compression::snappy:
      return unsnap(compressed, limit_bytes);
    case Compression::lz4:
      return unlz4(compressed, limit_bytes);
    case Compression::zstd:
      return unzstd(compressed, limit_bytes);
  }
  return unknown(codec);
}

Result<Bytes> compress(Compression codec, std::span<const std::byte> content) {
  switch (codec) {
    case Compression::none:
      return Bytes(content.begin(), content.end());
    case Compression::gzip:
      return gzip(content);
    case Compression::snappy:
      return snap(content);
    case Compression::lz4:
      return lz4(content);
    case Compression::zstd:
      return zstd(content);
  }
  return unknown(codec);
}

}  // namespace ringmain::kafka
