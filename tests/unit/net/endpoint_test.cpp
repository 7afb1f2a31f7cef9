// HOST:PORT in both directions.
#include "net/endpoint.hpp"

#include <gtest/gtest.h>

namespace ringmain::net {
namespace {

TEST(Endpoint, is_read_and_printed_as_people_write_it) {
  const struct {
    const char* text;
    Endpoint endpoint;
  } cases[] = {
      {"localhost:9092", {"localhost", 9092}},
      {"127.0.0.1:0", {"127.0.0.1", 0}},
      {"[::1]:65535", {"::1", 65535}},
      {":9092", {"", 9092}},
  };
  for (const auto& [text, endpoint] : cases) {
    const auto parsed = parse_endpoint(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, endpoint) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
}

TEST(Endpoint, that_makes_no_sense_is_refused) {
  for (const char* text : {"", "localhost", "localhost:", "localhost:port", "localhost:65536",
                           "localhost:-1", "::1:9092", "[::1]", "[localhost]:1", "[::1:9092",
                           "a b:1", "http://localhost:9092", "localhost:9092x"}) {
    const auto parsed = parse_endpoint(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace ringmain::net
