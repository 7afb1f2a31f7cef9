// FindCoordinator: nobody is, and it says so in every version.
#include "kafka/generated/find_coordinator.hpp"

#include <gtest/gtest.h>

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using FindCoordinator = GatewayTest;

TEST_F(FindCoordinator, says_that_nobody_is) {
  kafka::FindCoordinatorRequest request;
  request.key = "group";
  for (int16_t version = 0; version < 4; ++version) {
    const auto response = ask<kafka::FindCoordinatorResponse>(request, version);
    EXPECT_EQ(response.error_code, 15) << version;
    EXPECT_EQ(response.node_id, -1);
  }
}

TEST_F(FindCoordinator, says_so_of_each_of_many) {
  kafka::FindCoordinatorRequest request;
  request.coordinator_keys = {"a", "b"};
  const auto response = ask<kafka::FindCoordinatorResponse>(request, 4);
  ASSERT_EQ(response.coordinators.size(), 2U);
  EXPECT_EQ(response.coordinators[1].key, "b");
  EXPECT_EQ(response.coordinators[1].error_code, 15);
}

}  // namespace
}  // namespace ringmain::gateway
