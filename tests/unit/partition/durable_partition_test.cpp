// A partition with storage=disk, from the broker's side: what is on disk when shared memory is gone, and how
// slots are used again.
#include <gtest/gtest.h>

#include <thread>

#include "log/shared_appender.hpp"
#include "log/waker.hpp"
#include "partition/partition.hpp"
#include "segment/log_file_view.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::partition {
namespace {

struct Bell final : log::BrokerBell {
  void ring() noexcept override {}
};

class DurablePartition : public ::testing::Test {
 protected:
  void start() {
    storage::PersisterOptions options;
    options.doorbell = doorbells.data() + format::kPersister;
    auto started = storage::Storage::start(os::make_real_disk(), disk.path() + "/log", std::move(options), {.log = [](const std::string&) {}});
    ASSERT_TRUE(started) << started.error().message;
    storage = std::move(*started);
  }

  Result<std::unique_ptr<Partition>> try_open(const Overrides& more = {}) {
    Overrides overrides = {{"storage", "disk"}, {"slot.bytes", "65536"}, {"memory.budget.bytes", "262144"}, {"segment.bytes", "262144"},
                           {"retention.ms", "-1"}};
    for (const auto& [key, value] : more) overrides[key] = value;
    return Partition::open(memory->path(), {"log", {1, 2, 3}, 0}, *parse_topic_config(overrides), false, doorbells.data(),
                           [](const std::string&) {}, storage.get());
  }
  std::unique_ptr<Partition> open(const Overrides& more = {}) {
    auto opened = try_open(more);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }

  // Waits for memory as long as it takes.
  void append(Partition& partition, std::uint64_t count) {
    const auto line = partition.add_producer(5);
    ASSERT_TRUE(line);
    log::SharedAppender appender(partition.view(), *line, bell);
    log::Waker waker(partition.view());
    for (std::uint64_t i = 0; i < count; ++i) {
      log::Claim claim;
      while (appender.claim(1024, 1, claim) != log::ClaimOutcome::ok) {
        partition.tend();
        std::this_thread::yield();
      }
      log::FrameWriter<log::SharedMemory>::write_fields(claim.at, {claim.offset, 7, format::FrameType::record, 0, 0});
      std::memset(claim.at + format::kFrameHeaderBytes, static_cast<int>(claim.offset % 251), 1024 - format::kFrameHeaderBytes);
      appender.publish(claim, 1024);
      waker.after_publish();
    }
    ASSERT_TRUE(partition.remove_producer(5, *line));
    partition.tend();
  }

  static void await_durable(const Partition& partition, std::uint64_t offset) {
    while (partition.view().control().durable_offset.load() < offset) std::this_thread::yield();
  }

  // How many records the files hold, from the first on, each with its content.
  static std::uint64_t check_files(const Partition& partition) {
    std::uint64_t next = 0;
    while (const auto entry = partition.log_file(next)) {
      const auto file = segment::MappedLogFile::open(entry->path);
      EXPECT_TRUE(file) << file.error().message;
      segment::LogFileWalk walk(file->view(), file->view().first_place());
      while (walk.next() == segment::WalkOutcome::frame && walk.note().place.offset < entry->end_offset) {
        EXPECT_EQ(walk.note().place.offset, next);
        for (const std::byte byte : walk.frame().subspan(format::kFrameHeaderBytes))
          if (byte != static_cast<std::byte>(next % 251)) ADD_FAILURE() << "record " << next;
        ++next;
      }
      EXPECT_EQ(next, entry->end_offset);
    }
    return next;
  }

  os::ScratchDirectory disk;
  std::optional<os::ScratchDirectory> memory{std::in_place};
  std::vector<format::Doorbell> doorbells{format::kMaxParticipants};
  Bell bell;
  std::unique_ptr<storage::Storage> storage;
};

TEST_F(DurablePartition, everything_is_on_disk_after_a_clean_stop_and_the_log_goes_on_there) {
  start();
  open();
  {
    const auto partition = open();
    append(*partition, 1000);  // through four slots: 252 fit
  }
  memory.emplace();  // a reboot
  auto partition = open();
  EXPECT_EQ(partition->view().control().durable_offset.load(), 1000u);
  EXPECT_EQ(partition->view().control().start_offset.load(), 0u);
  EXPECT_EQ(check_files(*partition), 1000u);
  append(*partition, 500);
  await_durable(*partition, 1500);
  EXPECT_EQ(check_files(*partition), 1500u);
}

TEST_F(DurablePartition, a_new_broker_goes_on_where_shared_memory_is) {
  start();
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto partition = open();
    append(*partition, 130);
    await_durable(*partition, i * 130);
    EXPECT_EQ(check_files(*partition), i * 130);
  }
}

TEST_F(DurablePartition, a_deleted_one_leaves_no_file) {
  start();
  const auto partition = open();
  append(*partition, 100);
  await_durable(*partition, 100);
  partition->mark_deleted();
  EXPECT_TRUE(storage->disk().list(disk.path() + "/log")->empty());
}

TEST_F(DurablePartition, files_that_were_taken_away_are_said) {
  start();
  {
    const auto partition = open();
    append(*partition, 1000);
    await_durable(*partition, 1000);
  }
  const auto entries = storage->disk().list(disk.path() + "/log");
  ASSERT_EQ(entries->size(), 1u);
  const std::string folder = disk.path() + "/log/" + entries->front().name;
  const auto files = storage->disk().list(folder);
  for (const auto& file : *files) ASSERT_TRUE(storage->disk().remove(folder + "/" + file.name));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kafka_storage_error);
  EXPECT_NE(opened.error().message.find(folder), std::string::npos) << opened.error().message;
}

}  // namespace
}  // namespace ringmain::partition
