#include "client/header_codec.hpp"

#include "format/record_headers.hpp"
#include "ringmain/error.hpp"

namespace ringmain {
namespace client {
std::string encode_headers(std::span<const Header> headers) {
  if (headers.empty()) return {};
  if (headers.size() > 0xffff) throw Exception({ErrorCode::invalid_record, "a record has at most 65535 headers"});
  format::RecordHeadersBuilder builder;
  for (const Header& header : headers)
    if (!builder.add(header.key, header.value))
      throw Exception({ErrorCode::invalid_record, "a header's name has at most 65535 bytes"});
  return std::move(builder).finish();
}

std::optional<std::vector<Header>> decode_headers(std::string_view encoded) {
  std::vector<Header> headers;
  format::RecordHeadersWalk walk(encoded);
  while (walk.next()) headers.push_back({walk.name(), walk.value()});  // a header a turn
  if (!walk.is_complete()) return std::nullopt;
  return headers;
}

}  // namespace client

std::vector<Header> ConsumerRecord::headers() const {
  auto headers = client::decode_headers(raw_headers);
  if (!headers)
    throw Exception({ErrorCode::corrupt_memory, "the headers of record " + std::to_string(offset) + " of " +
                                                    std::string(topic) + "-" + std::to_string(partition) +
                                                    " are malformed"});
  return std::move(*headers);
}

}  // namespace ringmain
