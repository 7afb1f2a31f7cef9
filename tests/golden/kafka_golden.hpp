// Holds a message to its bytes, both ways: the bytes decode to the value, and the value
// encodes to the bytes.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "kafka/frame.hpp"
#include "unit/kafka/hex.hpp"

namespace ringmain::kafka {

// A frame without the size in front, which has to be true.
inline Bytes unframed(std::string_view hex) {
  Bytes frame = from_hex(hex);
  Reader reader(frame);
  EXPECT_EQ(static_cast<size_t>(reader.int32("size")), frame.size() - kFrameSizeBytes);
  frame.erase(frame.begin(), frame.begin() + kFrameSizeBytes);
  return frame;
}

template <class Request>
void expect_request(std::string_view hex, const RequestOptions& options, const Request& expected) {
  const Bytes message = unframed(hex);
  Reader reader(message);
  const auto header = RequestHeader::decode(reader);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(*header, (RequestHeader{Request::api_key, options.api_version, options.correlation_id,
                                    options.client_id}));
  const auto request = Request::decode(reader, header->api_version);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(*request, expected);
  EXPECT_EQ(to_hex(request_frame(expected, options).value()), to_hex(from_hex(hex)));
}

template <class Response>
void expect_response(std::string_view hex, const RequestOptions& options,
                     const Response& expected) {
  const Bytes message = unframed(hex);  // the response may point into it
  const auto response = decode_response<Response>(message, options);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(*response, expected);
  const RequestHeader request{Response::api_key, options.api_version, options.correlation_id, {}};
  EXPECT_EQ(to_hex(response_frame(expected, request).value()), to_hex(from_hex(hex)));
}

}  // namespace ringmain::kafka
