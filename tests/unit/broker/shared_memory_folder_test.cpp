// Where a bus's shared memory lies, and who is told when somebody wants it elsewhere.
#include <gtest/gtest.h>

#include <cstdlib>

#include "bus_fixture.hpp"

namespace ringmain::test {
namespace {

class SharedMemoryFolder : public ::testing::Test {
 protected:
  SharedMemoryFolder() { start(here); }
  ~SharedMemoryFolder() override { ::unsetenv("RINGMAIN_SHM"); }

  // What a broker says that starts with this --shm.
  std::string start(const std::string& shm) {
    broker::BrokerOptions options;
    options.directory = scratch / "bus";
    options.shm_directory = shm;
    std::string said;
    options.log = [&said](const std::string& line) { said += line + "\n"; };
    const auto started = broker::Broker::start(options);
    EXPECT_TRUE(started) << started.error().message;
    return said;
  }
  static void expect_names(const std::string& said, std::initializer_list<std::string> words) {
    for (const std::string& word : words)
      EXPECT_NE(said.find(word), std::string::npos) << word << " is not in: " << said;
  }

  os::ScratchDirectory scratch;
  const std::string here = scratch / "here", there = scratch / "there";
};

TEST_F(SharedMemoryFolder, is_remembered_and_nothing_is_said_of_the_same) {
  ::setenv("RINGMAIN_SHM", here.c_str(), 1);
  for (const std::string& same : {std::string(), here, here + "/", scratch / "bus/../here"})
    EXPECT_EQ(start(same).find("shared memory"), std::string::npos) << same;
}

TEST_F(SharedMemoryFolder,
       of_the_environment_is_not_followed_by_a_bus_that_has_one_and_that_is_said) {
  ::setenv("RINGMAIN_SHM", there.c_str(), 1);
  expect_names(start(""), {"RINGMAIN_SHM=" + there, "not followed", here});
  EXPECT_FALSE(std::filesystem::exists(there));
  EXPECT_EQ(start(here).find("RINGMAIN_SHM"), std::string::npos)
      << "--shm says more than the environment";
}

TEST_F(SharedMemoryFolder, moves_with_the_option_and_that_is_said) {
  expect_names(start(there), {"was in " + here, "is in " + there, "empty"});
  EXPECT_TRUE(std::filesystem::exists(there));
  EXPECT_EQ(start("").find("shared memory"), std::string::npos);
}

}  // namespace
}  // namespace ringmain::test
