// What stands in front of every request and response, and which version of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace ringmain::kafka {

class Reader;
class Writer;

// 0: key, version and correlation id only; 1: and the client id; 2: and tags.
// An API without a schema gets 1, so that key and version can still be told to the client.
int16_t request_header_version(int16_t api_key, int16_t api_version);

// 0: the correlation id; 1: and tags. ApiVersions answers with 0 in every version,
// because a client reads that answer before it knows what the broker speaks.
int16_t response_header_version(int16_t api_key, int16_t api_version);

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;              // the response repeats it
  std::optional<std::string> client_id{};  // int16 length in all versions, flexible ones too

  void encode(Writer& writer) const;
  // Leaves the reader at the first byte of the body. Says nothing about whether the key
  // and the version are ones that we serve.
  static Result<RequestHeader> decode(Reader& reader);
  bool operator==(const RequestHeader&) const = default;
};

struct ResponseHeader {
  int32_t correlation_id = 0;

  void encode(Writer& writer, int16_t api_key, int16_t api_version) const;
  static Result<ResponseHeader> decode(Reader& reader, int16_t api_key, int16_t api_version);
  bool operator==(const ResponseHeader&) const = default;
};

}  // namespace ringmain::kafka
