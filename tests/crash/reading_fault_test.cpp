// A disk that cannot read back what it holds, under a reader that maps its files: an error that
// names the file, and no signal. Needs root and FUSE; without them it is skipped, and says why.
#include <gmock/gmock.h>

#include "bus_fixture.hpp"
#include "power/faulty_disk.hpp"
#include "power/volume.hpp"

namespace ringmain::crash {
namespace {

using test::kForever;

constexpr int kRecords = 12'000;  // far more than the kernel reads ahead

std::string value_of(int index) {
  return std::to_string(index) + std::string(4000, 'x');
}

TEST(ReadingFault, is_told_with_the_file_and_goes_away_with_its_cause) {
  std::string problem = volumes_are_possible();
  if (problem.empty()) problem = faulty_disks_are_possible();
  if (!problem.empty()) GTEST_SKIP() << problem;
  test::TemporaryBus folders(test::TemporaryBus::Start::later);
  FaultyDisk disk(folders.directory() + "-disk", folders.file("log"));  // before there are threads
  folders.start_broker();
  const TopicPartition log{"log", 0};
  {
    Bus bus = folders.open();
    // Segments that are much longer than what the kernel reads ahead.
    test::create_topic(
        bus, "log", 1,
        {{"storage", "disk"}, {"slot.bytes", "4194304"}, {"memory.budget.bytes", "8388608"}});
    Appender appender(bus, log);
    for (int i = 0; i < kRecords; ++i) appender.append(value_of(i));
    ASSERT_TRUE(appender.wait_durable(kRecords - 1, kForever));
  }
  // Nothing of the files is in memory any more.
  folders.stop_broker();
  disk.unmount();
  disk.mount();
  folders.start_broker();
  Bus bus = folders.open();
  {
    Reader reader(bus, log);
    ASSERT_EQ(reader.next(kForever), value_of(0));
    disk.orders().on_read.store(EIO);
    int read = 1;
    const auto error = test::error_of([&] {
      for (; read < kRecords; ++read) ASSERT_EQ(reader.next(kForever), value_of(read));
    });
    ASSERT_TRUE(error) << "all could be read: the fault came too late";
    // It looks twice before it believes that a file is damaged, and the second time not even the
    // file's head can be read.
    EXPECT_EQ(error->code, ErrorCode::io) << error->message;
    for (const std::string& words :
         {"log-0 cannot be read from offset " + std::to_string(read), std::string("/log/log-0."),
          std::string("0000.log"), std::string("the disk fails")})
      EXPECT_THAT(error->message, testing::HasSubstr(words));
    EXPECT_GT(read, 1) << "the fault came in the midst of a file";
  }
  disk.works();
  Reader reader(bus, log);
  for (int i = 0; i < kRecords; ++i) ASSERT_EQ(reader.next(kForever), value_of(i));
}

}  // namespace
}  // namespace ringmain::crash
