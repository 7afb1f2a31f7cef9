// Fuzzes the body of a record and its headers: any bytes under any flags. What is read must lie
// within the body, and headers that are read encode to the same bytes again.
// USES format client
#include <cstdint>
#include <cstdlib>

#include "client/header_codec.hpp"
#include "format/record_body.hpp"

namespace {

bool lies_within(std::string_view part, std::string_view body) {
  return part.empty() || (part.data() >= body.data() && part.data() + part.size() <= body.data() + body.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringmain;
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto parts = format::read_body(reinterpret_cast<const std::byte*>(body.data()),
                                       static_cast<std::uint32_t>(body.size()), data[0]);
  if (!parts) return 0;
  if (parts->value && !lies_within(*parts->value, body)) std::abort();
  if (parts->key && !lies_within(*parts->key, body)) std::abort();
  if (!lies_within(parts->headers, body)) std::abort();
  const auto headers = client::decode_headers(parts->headers);
  if (headers && !headers->empty() && client::encode_headers(*headers) != parts->headers) std::abort();
  return 0;
}
