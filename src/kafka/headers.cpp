// Request and response headers.
#include "kafka/headers.hpp"

#include "kafka/api.hpp"
#include "kafka/generated/api_keys.hpp"
#include "kafka/reader.hpp"
#include "kafka/writer.hpp"

namespace ringmain::kafka {
namespace {

// Version 0 of this API is the only request that ever had header version 0.
constexpr int16_t kControlledShutdownKey = 7;

bool is_flexible(int16_t api_key, int16_t api_version) {
  const Api* api = find_api(api_key);
  return api != nullptr && api_version >= api->flexible_from;
}

}  // namespace

int16_t request_header_version(int16_t api_key, int16_t api_version) {
  if (api_key == kControlledShutdownKey && api_version == 0) return 0;
  return is_flexible(api_key, api_version) ? 2 : 1;
}

int16_t response_header_version(int16_t api_key, int16_t api_version) {
  if (api_key == static_cast<int16_t>(ApiKey::api_versions)) return 0;
  return is_flexible(api_key, api_version) ? 1 : 0;
}

void RequestHeader::encode(Writer& writer) const {
  const int16_t version = request_header_version(api_key, api_version);
  writer.int16(api_key);
  writer.int16(api_version);
  writer.int32(correlation_id);
  if (version >= 1) writer.nullable_string(client_id, Encoding::classic, Null::allowed);
  if (version >= 2) writer.no_tags();
}

Result<RequestHeader> RequestHeader::decode(Reader& reader) {
  RequestHeader out;
  out.api_key = reader.int16("request header.api_key");
  out.api_version = reader.int16("request header.api_version");
  out.correlation_id = reader.int32("request header.correlation_id");
  const int16_t version = request_header_version(out.api_key, out.api_version);
  if (version >= 1) {
    out.client_id =
        reader.nullable_string("request header.client_id", Encoding::classic, Null::allowed);
  }
  if (version >= 2) reader.skip_tags("request header");
  RINGMAIN_TRY(reader.status());
  return out;
}

void ResponseHeader::encode(Writer& writer, int16_t api_key, int16_t api_version) const {
  writer.int32(correlation_id);
  if (response_header_version(api_key, api_version) >= 1) writer.no_tags();
}

Result<ResponseHeader> ResponseHeader::decode(Reader& reader, int16_t api_key,
                                              int16_t api_version) {
  ResponseHeader out;
  out.correlation_id = reader.int32("response header.correlation_id");
  if (response_header_version(api_key, api_version) >= 1) reader.skip_tags("response header");
  RINGMAIN_TRY(reader.status());
  return out;
}

}  // namespace ringmain::kafka
