// The table of APIs, and error codes on the wire.
#include "kafka/api.hpp"

#include <gtest/gtest.h>

#include "kafka/generated/api_keys.hpp"

namespace ringmain::kafka {
namespace {

TEST(Apis, are_found_by_key) {
  const Api* metadata = find_api(static_cast<int16_t>(ApiKey::metadata));
  ASSERT_NE(metadata, nullptr);
  EXPECT_STREQ(metadata->name, "Metadata");
  EXPECT_EQ(metadata->min_version, 0);
  EXPECT_EQ(metadata->max_version, 9);
  EXPECT_EQ(metadata->flexible_from, 9);
  for (const int16_t unknown : {-1, 4, 32767}) EXPECT_EQ(find_api(unknown), nullptr);
}

TEST(Apis, stand_in_order_of_their_keys) {
  for (size_t i = 1; i < all_apis().size(); ++i)
    EXPECT_LT(all_apis()[i - 1].key, all_apis()[i].key);
}

TEST(WireErrors, pass_kafkas_codes_unchanged) {
  for (const ErrorCode code : {ErrorCode::unknown, ErrorCode::none, ErrorCode::unsupported_version,
                               ErrorCode::invalid_record}) {
    EXPECT_EQ(wire_error(3, code), static_cast<int16_t>(code));
  }
}

TEST(WireErrors, give_kafka_clients_a_code_that_they_know) {
  EXPECT_EQ(wire_error(3, ErrorCode::no_space), 56);
  EXPECT_EQ(wire_error(3, ErrorCode::permission_denied), 29);
  EXPECT_EQ(wire_error(3, ErrorCode::invalid_state), -1);
}

TEST(WireErrors, tell_our_own_clients_exactly) {
  const int16_t wire = wire_error(20000, ErrorCode::exclusive_taken);
  EXPECT_EQ(error_from_wire(wire), ErrorCode::exclusive_taken);
}

}  // namespace
}  // namespace ringmain::kafka
