// Fuzzes record batches and their codecs: any bytes as a batch. The first byte chooses whether the
// checksum is made right first, since a client that means harm computes it. What is read must lie
// within the content; records that are read and built again must read the same.
// USES base kafka
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "base/crc32c.hpp"
#include "kafka/batch_builder.hpp"
#include "kafka/record_batch.hpp"

namespace {

using namespace ringmain;
using namespace ringmain::kafka;

constexpr size_t content_max_bytes = 1 << 20;

void seal(Bytes& batch) {
  if (batch.size() < batch_header_bytes) return;
  const uint32_t crc = crc32c(std::span(batch).subspan(batch_attributes_at));
  for (size_t i = 0; i < 4; ++i)
    batch[batch_crc_at + i] = static_cast<std::byte>(crc >> (8 * (3 - i)));
}

bool lies_within(std::string_view part, std::span<const std::byte> content) {
  const char* begin = reinterpret_cast<const char*>(content.data());
  return part.empty() ||
         (part.data() >= begin && part.data() + part.size() <= begin + content.size());
}

std::vector<RecordHeader> headers_of(const BatchRecord& record) {
  std::vector<RecordHeader> headers;
  for (HeaderWalk walk(record); walk.next();) headers.push_back(walk.header());
  if (headers.size() != record.header_count) std::abort();
  return headers;
}

// Builds what was read, and reads that.
void round_trip(const RecordBatch& batch, std::span<const std::byte> content) {
  BatchBuilder builder;
  RecordWalk walk(batch, content, 0);
  while (walk.next())
    builder.add({walk.record().offset, walk.record().timestamp_ms & 0xffffffff, walk.record().key,
                 walk.record().value},
                headers_of(walk.record()));
  if (builder.is_empty()) return;
  const Bytes built = builder.finish(batch.header().last_offset_delta);
  const auto again = RecordBatch::parse(built, CheckCrc::yes);
  if (!again) std::abort();
  RecordWalk first(batch, content, 0), second(*again, again->payload());
  while (first.next()) {
    if (!second.next() || second.record().key != first.record().key ||
        second.record().value != first.record().value ||
        second.record().offset != first.record().offset)
      std::abort();
  }
  if (second.next() || !second.status()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  Bytes input(bytes.begin() + 1, bytes.end());
  if ((data[0] & 1) != 0) seal(input);
  const auto batch = RecordBatch::parse(input, CheckCrc::yes);
  if (!batch) return 0;
  const auto content = BatchContent::of(*batch, content_max_bytes);
  if (!content) return 0;
  if (content->records().size() > content_max_bytes &&
      batch->header().compression() != Compression::none)
    std::abort();
  RecordWalk walk(*batch, content->records());
  while (walk.next()) {
    if (walk.record().key && !lies_within(*walk.record().key, content->records())) std::abort();
    if (walk.record().value && !lies_within(*walk.record().value, content->records())) std::abort();
    for (const RecordHeader& header : headers_of(walk.record()))
      if (!lies_within(header.key, content->records())) std::abort();
  }
  if (walk.status()) round_trip(*batch, content->records());
  return 0;
}
