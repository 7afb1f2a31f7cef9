// Whole frames: the size in four bytes, big-endian, then a header, then a body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "kafka/headers.hpp"
#include "kafka/reader.hpp"
#include "kafka/wire_types.hpp"
#include "kafka/writer.hpp"

namespace ringmain::kafka {

inline constexpr size_t kFrameSizeBytes = 4;

// How many bytes follow the size. Above max_bytes, or negative: an error, and the
// connection is lost, because nobody knows where the next frame begins.
Result<size_t> frame_size_bytes(std::span<const std::byte, kFrameSizeBytes> size, size_t max_bytes);

// Who asks, in which version, and under which number.
struct RequestOptions {
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string> client_id{};
};

template <class Request>
void write_request(Writer& writer, const Request& request, const RequestOptions& options) {
  const size_t frame = writer.begin_frame();
  RequestHeader{Request::api_key, options.api_version, options.correlation_id, options.client_id}
      .encode(writer);
  request.encode(writer, options.api_version);
  writer.end_frame(frame);
}

// A request as it goes to the socket.
template <class Request>
Result<Bytes> request_frame(const Request& request, const RequestOptions& options) {
  Writer writer;
  write_request(writer, request, options);
  return std::move(writer).take();
}

// A frame without its records, which stay where they are.
struct CutFrame {
  Bytes bytes;
  std::vector<Cut> cuts;
};
template <class Write>
Result<CutFrame> cut_frame(const Write& write) {
  Writer writer;
  writer.refer_to_records();
  write(writer);
  std::vector<Cut> cuts = writer.take_cuts();
  RINGMAIN_TRY_ASSIGN(bytes, std::move(writer).take());
  return CutFrame{std::move(bytes), std::move(cuts)};
}

template <class Request>
Result<CutFrame> cut_request_frame(const Request& request, const RequestOptions& options) {
  return cut_frame([&](Writer& writer) { write_request(writer, request, options); });
}

template <class Response>
void write_response(Writer& writer, const Response& response, const RequestHeader& request) {
  const size_t frame = writer.begin_frame();
  ResponseHeader{request.correlation_id}.encode(writer, Response::api_key, request.api_version);
  response.encode(writer, request.api_version);
  writer.end_frame(frame);
}

// The answer to the request with this header, as it goes to the socket.
template <class Response>
Result<Bytes> response_frame(const Response& response, const RequestHeader& request) {
  Writer writer;
  write_response(writer, response, request);
  return std::move(writer).take();
}

// The same without its records.
template <class Response>
Result<CutFrame> cut_response_frame(const Response& response, const RequestHeader& request) {
  return cut_frame([&](Writer& writer) { write_response(writer, response, request); });
}

// The answer to a request that was sent with these options; `message` is the frame
// without its size. An answer with another correlation id is an error.
template <class Response>
Result<Response> decode_response(std::span<const std::byte> message,
                                 const RequestOptions& options) {
  Reader reader(message);
  RINGMAIN_TRY_ASSIGN(header,
                      ResponseHeader::decode(reader, Response::api_key, options.api_version));
  if (header.correlation_id != options.correlation_id) {
    return fail(ErrorCode::invalid_request,
                std::string(Response::message_name) + ": the answer to request " +
                    std::to_string(header.correlation_id) + ", not to " +
                    std::to_string(options.correlation_id));
  }
  return Response::decode(reader, options.api_version);
}

}  // namespace ringmain::kafka
