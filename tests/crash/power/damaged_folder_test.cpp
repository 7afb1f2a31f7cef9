// A broker that starts over log files that somebody has tampered with: it says what is wrong with
// which file of which partition, serves the other partitions, and does not end.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "os/fd.hpp"
#include "troupe.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::crash {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::uint64_t kBudgetBytes = 1 << 20;
const std::vector<LogPlan> kHealthy = {{"events", 1, {How::appender}, 16000}};
const std::vector<LogPlan> kBoth = {{"events", 0, {How::appender}, 16000},
                                    {"events", 1, {How::appender}, 16000}};

// Partition 0 of two has files of several segments each, and is spoilt while nobody looks.
class DamagedFolder : public testing::Test {
 protected:
  void SetUp() override {
    try {
      Troupe troupe(scratch_ / "bus", scratch_.path(), kBoth);
      troupe.start_broker();
      troupe.create_topic("events", 2,
                          {{"storage", "disk"},
                           {"slot.bytes", "65536"},
                           {"memory.budget.bytes", "524288"},
                           {"segment.bytes", "131072"}});
      troupe.start_producers(1, kBudgetBytes);
      troupe.wait_until([&] { return troupe.bytes_sent() >= 2 * kBudgetBytes; }, "the load");
      troupe.stop_producers();
      troupe.stop_broker();
      troupe.remove_memory();
    } catch (const Failure& failure) {
      FAIL() << failure.text;
    }
    ASSERT_GE(files(0).size(), 4u);
  }
  std::string folder(int partition) {
    for (const auto& entry : fs::directory_iterator(scratch_ / "bus/log"))
      if (entry.path().filename().string().starts_with(fmt::format("events-{}.", partition)))
        return entry.path();
    return {};
  }
  std::vector<std::string> files(int partition) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder(partition)))
      if (entry.path().extension() == ".log") names.push_back(entry.path());
    std::sort(names.begin(), names.end());
    return names;
  }
  // What a reader of partition 0 is told, who reads it all; empty if nothing. Partition 1 takes a
  // record meanwhile.
  std::string told() {
    std::string words;
    try {
      Troupe troupe(scratch_ / "bus", scratch_.path(), kHealthy);
      troupe.start_broker();
      {
        Bus bus = troupe.open_bus();
        try {
          Reader reader(bus, {"events", 0});
          records_ = 0;
          while (reader.try_next().data() != nullptr) ++records_;
        } catch (const Exception& error) {
          words = fmt::format("{}: {}", error_name(error.code()), error.what());
        }
        Reader healthy(bus, {"events", 1});
        std::uint64_t there = 0;
        while (healthy.try_next().data() != nullptr) ++there;
        EXPECT_GT(there, 0u);
      }
      troupe.append_one_each();
      troupe.stop_broker();
      troupe.remove_memory();
    } catch (const Failure& failure) {
      ADD_FAILURE() << failure.text;
    }
    return words;
  }
  void expect_told(const std::vector<std::string>& expected) {
    const std::string words = told();
    for (const std::string& each : expected) EXPECT_THAT(words, HasSubstr(each));
    EXPECT_THAT(words, HasSubstr("events-0"));
  }
  static std::string name(const std::string& path) { return fs::path(path).filename(); }
  static void write_at(const std::string& path, off_t at, const std::string& bytes) {
    const os::UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), at),
              static_cast<ssize_t>(bytes.size()));
  }

  os::ScratchDirectory scratch_;
  std::uint64_t records_ = 0;
};

TEST_F(DamagedFolder, that_nobody_has_touched_is_read_to_its_end) {
  EXPECT_EQ(told(), "");
  EXPECT_GT(records_, 0u);
}

TEST_F(DamagedFolder, with_a_missing_file_names_those_beside_the_gap) {
  const auto before = files(0);
  fs::remove(before[1]);
  expect_told({name(before[2]), "missing"});
}

TEST_F(DamagedFolder, with_a_renamed_file_names_it) {
  const auto before = files(0);
  fs::rename(before[1], folder(0) + "/00000000000000000001.log");
  expect_told({"00000000000000000001.log"});
}

TEST_F(DamagedFolder, with_a_truncated_file_names_it_and_its_size) {
  const auto before = files(0);
  fs::resize_file(before[1], 20480);
  expect_told({name(before[1]), "20480"});
}

// An empty file is one that was made ahead: it counts as none.
TEST_F(DamagedFolder, with_an_empty_file_in_the_middle_names_those_beside_the_gap) {
  const auto before = files(0);
  fs::resize_file(before[1], 0);
  expect_told({name(before[0]), name(before[2]), "missing"});
}

TEST_F(DamagedFolder, whose_last_file_is_cut_below_what_a_clean_stop_proved_names_it) {
  const auto before = files(0);
  fs::resize_file(before.back(), 4096);
  expect_told({name(before.back())});
}

TEST_F(DamagedFolder, with_a_file_of_another_partition_names_both) {
  const auto mine = files(0), other = files(1);
  fs::copy_file(other[0], mine[0], fs::copy_options::overwrite_existing);
  expect_told({name(mine[0])});
}

TEST_F(DamagedFolder, with_garbage_for_a_head_names_the_file) {
  const auto before = files(0);
  write_at(before[1], 0, std::string(256, '\x5a'));
  expect_told({name(before[1])});
}

TEST_F(DamagedFolder, with_a_flipped_bit_in_a_record_names_the_file_and_the_offset) {
  const auto before = files(0);
  write_at(before[1], 9000, "\x5a\x5a\x5a\x5a");
  expect_told({"corrupt_message", name(before[1]), "offset"});
  EXPECT_GT(records_, 0u);
}

TEST_F(DamagedFolder, with_files_that_are_not_its_own_leaves_them_alone) {
  const os::UniqueFd note(
      ::open((folder(0) + "/notes.txt").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  fs::create_directory(folder(0) + "/old");
  EXPECT_EQ(told(), "");
  EXPECT_TRUE(fs::exists(folder(0) + "/notes.txt"));
  EXPECT_TRUE(fs::exists(folder(0) + "/old"));
}

TEST_F(DamagedFolder, with_a_folder_in_the_place_of_a_file_names_it) {
  const auto before = files(0);
  fs::remove(before[1]);
  fs::create_directory(before[1]);
  expect_told({name(before[2])});
}

TEST_F(DamagedFolder, that_is_a_file_is_named) {
  const std::string path = folder(0);
  fs::rename(path, scratch_ / "elsewhere");
  const os::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  expect_told({path});
}

}  // namespace
}  // namespace ringmain::crash
