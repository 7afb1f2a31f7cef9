// Which log file holds an offset, while others append and remove.
#include "storage/log_files.hpp"

#include <gtest/gtest.h>

namespace ringmain::storage {
namespace {

LogFileEntry file(std::uint64_t base_offset, std::uint64_t end_offset) {
  return {"f" + std::to_string(base_offset), base_offset, end_offset, 100, 0, 0};
}

TEST(LogFiles, finds_the_file_that_holds_an_offset_or_the_first_above_it) {
  LogFiles files;
  EXPECT_FALSE(files.find(0));
  files.append(file(10, 20));
  files.append(file(20, 20));
  EXPECT_EQ(files.find(0)->base_offset, 10u);
  EXPECT_EQ(files.find(19)->base_offset, 10u);
  EXPECT_FALSE(files.find(20)) << "nothing of the second is durable";
  files.update(20, 25, 4096, 7);
  EXPECT_EQ(files.find(20)->base_offset, 20u);
  EXPECT_EQ(files.find(24)->largest_ns, 7);
  EXPECT_FALSE(files.find(25));
}

TEST(LogFiles, an_update_never_takes_anything_back_and_one_of_a_removed_file_is_ignored) {
  LogFiles files;
  files.append(file(0, 50));
  files.update(0, 40, 50, -1);
  EXPECT_EQ(files.all()[0].end_offset, 50u);
  EXPECT_EQ(files.total_bytes(), 100u);
  files.update(7, 90, 90, 1);
  EXPECT_EQ(files.all().size(), 1u);
}

TEST(LogFiles, a_file_that_is_begun_anew_takes_the_place_of_the_last_one) {
  LogFiles files;
  files.append(file(0, 10));
  files.append(file(10, 10));
  files.append(file(10, 10));
  EXPECT_EQ(files.all().size(), 2u);
}

TEST(LogFiles, files_behind_one_that_is_begun_anew_go) {
  LogFiles files;
  files.append(file(0, 5));
  files.append(file(10, 10));
  files.append(file(20, 20));
  EXPECT_EQ(files.behind(0).size(), 2u);
  EXPECT_EQ(files.behind(10).front().base_offset, 20u);
  EXPECT_TRUE(files.behind(20).empty());
  files.append(file(10, 10));
  files.update(0, 10, 100, 0);
  files.update(10, 15, 100, 0);
  EXPECT_EQ(files.all().size(), 2u);
  EXPECT_EQ(files.find(10)->base_offset, 10u);
}

TEST(LogFiles, the_last_file_is_never_taken) {
  LogFiles files;
  files.append(file(0, 10));
  EXPECT_FALSE(files.take_oldest());
  files.append(file(10, 10));
  EXPECT_EQ(files.take_oldest()->base_offset, 0u);
  EXPECT_FALSE(files.take_oldest());
}

TEST(LogFiles, a_file_whose_end_is_not_durable_is_not_taken) {
  LogFiles files;
  files.append(file(0, 8));
  files.append(file(10, 10));
  EXPECT_FALSE(files.take_oldest());
  files.update(0, 10, 100, 0);
  EXPECT_TRUE(files.take_oldest());
}

}  // namespace
}  // namespace ringmain::storage
