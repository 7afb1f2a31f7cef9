// FrameBuffer: cutting bytes into frames, and what a hostile length can(not) do.
#include "net/frame_buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "unit/net/frames.hpp"

namespace ringmain::net {
namespace {

constexpr uint32_t frame_max_bytes = 100 << 20;

void receive(FrameBuffer& buffer, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto space = buffer.space();
    const size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    buffer.received(count);
    bytes.remove_prefix(count);
  }
}

std::vector<std::string> frames_of(FrameBuffer& buffer) {
  std::vector<std::string> frames;
  for (auto frame = buffer.next(); frame && *frame; frame = buffer.next()) {
    frames.push_back(text_of(**frame));
  }
  return frames;
}

TEST(FrameBuffer, gives_the_same_frames_however_the_stream_is_cut) {
  const std::string stream =
      framed("first") + framed("") + framed(std::string(3000, 'x')) + framed("last");
  for (size_t cut = 1; cut <= stream.size(); ++cut) {
    FrameBuffer buffer(frame_max_bytes);
    std::vector<std::string> frames;
    for (size_t at = 0; at < stream.size(); at += cut) {
      receive(buffer, std::string_view(stream).substr(at, cut));
      for (std::string& frame : frames_of(buffer)) frames.push_back(std::move(frame));
    }
    ASSERT_THAT(frames, testing::ElementsAre("first", "", std::string(3000, 'x'), "last")) << cut;
  }
}

TEST(FrameBuffer, takes_a_frame_of_exactly_the_limit_and_refuses_one_byte_more) {
  FrameBuffer fits(4);
  receive(fits, framed("four"));
  EXPECT_THAT(frames_of(fits), testing::ElementsAre("four"));

  FrameBuffer too_long(4);
  receive(too_long, framed("fives"));
  const auto refused = too_long.next();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              testing::HasSubstr("5 bytes; socket.request.max.bytes is 4"));
}

TEST(FrameBuffer, refuses_negative_and_enormous_lengths) {
  for (const std::string length : {"\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\x80"}) {
    FrameBuffer buffer(frame_max_bytes);
    receive(buffer, length.size() == 4 ? length : length + std::string(3, '\0'));
    EXPECT_FALSE(buffer.next()) << testing::PrintToString(length);
  }
}

TEST(FrameBuffer, says_when_a_stranger_speaks_http_or_tls) {
  FrameBuffer http(frame_max_bytes);
  receive(http, "GET / HTTP/1.1\r\n");
  EXPECT_THAT(http.next().error().message, testing::HasSubstr("HTTP"));
  FrameBuffer tls(frame_max_bytes);
  receive(tls, "\x16\x03\x01\x02");
  EXPECT_THAT(tls.next().error().message, testing::HasSubstr("TLS"));
}

TEST(FrameBuffer, grows_with_the_bytes_that_came_and_not_on_the_word_of_a_length) {
  FrameBuffer buffer(frame_max_bytes);
  receive(buffer, frame_length(frame_max_bytes));
  ASSERT_TRUE(buffer.next());
  size_t came = 4;
  for (size_t i = 0; i < 5000; ++i) {
    receive(buffer, "x");
    ++came;
    ASSERT_LE(buffer.capacity_bytes(), 2 * came + 2048);
  }
}

TEST(FrameBuffer, holds_little_for_a_connection_that_is_idle_after_a_long_frame) {
  FrameBuffer buffer(frame_max_bytes);
  receive(buffer, framed(std::string(5 << 20, 'x')));
  EXPECT_EQ(frames_of(buffer).size(), 1u);
  (void)buffer.space();
  EXPECT_LE(buffer.capacity_bytes(), size_t{64} << 10);
}

TEST(FrameBuffer, copies_a_long_frame_only_a_few_times) {
  FrameBuffer buffer(frame_max_bytes);
  const std::string stream = framed(std::string(32 << 20, 'x'));
  size_t moves = 0;
  size_t capacity = 0;
  for (size_t at = 0; at < stream.size(); at += 1000) {
    receive(buffer, std::string_view(stream).substr(at, 1000));
    moves += buffer.capacity_bytes() != capacity;
    capacity = buffer.capacity_bytes();
  }
  EXPECT_LT(moves, 40u);
  EXPECT_EQ(frames_of(buffer).size(), 1u);
}

TEST(FrameBuffer, makes_room_at_once_for_a_frame_as_long_as_the_last_one) {
  FrameBuffer buffer(frame_max_bytes);
  const std::string stream = framed(std::string(1 << 20, 'x'));
  receive(buffer, stream);
  EXPECT_EQ(frames_of(buffer).size(), 1u);
  receive(buffer, frame_length(8 << 20));
  ASSERT_TRUE(buffer.next());
  EXPECT_LE(buffer.capacity_bytes(), size_t{64} << 10) << "no byte of it has come";
  receive(buffer, std::string(70 << 10, 'x'));
  (void)buffer.space();
  const size_t room = buffer.capacity_bytes();
  EXPECT_GE(room, size_t{1} << 20);
  EXPECT_LE(room, (size_t{1} << 20) + (size_t{200} << 10)) << "what the last one had, not what is announced";
}

TEST(FrameBuffer, leaves_the_space_of_a_read_under_way_where_it_is) {
  FrameBuffer buffer(frame_max_bytes);
  receive(buffer, framed("one") + framed("two").substr(0, 6));
  const auto space = buffer.space();
  EXPECT_THAT(frames_of(buffer), testing::ElementsAre("one"));
  std::memcpy(space.data(), "o", 1);  // the read ends after the frames were taken
  buffer.received(1);
  EXPECT_THAT(frames_of(buffer), testing::ElementsAre("two"));
}

}  // namespace
}  // namespace ringmain::net
