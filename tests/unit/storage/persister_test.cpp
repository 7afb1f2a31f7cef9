// The persister's thread, on the real disk: many partitions, sleep and wake, an end with all
// flushed.
#include "storage/persister.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "log/waker.hpp"
#include "simulation/storage/hot_log.hpp"
#include "storage/recovery.hpp"

namespace ringmain::storage {
namespace {

using namespace test;

constexpr std::uint32_t kPersister = 5;  // its participant id
constexpr std::uint32_t kLine = 9;

struct Partition {
  Partition(os::Disk& disk, const std::string& folder, std::uint32_t number) {
    owner.name = "topic-" + std::to_string(number);
    owner.folder = folder + "/" + owner.name;
    config.slot_bytes = kSlotBytes;
    config.file_bytes = 2 * kSlotBytes;
    hot = std::make_unique<HotLog>(WriteStart{}, model, number, 8);
    auto recovered = recover_log(disk, owner, config, &hot->view(), files).value();
    hot->view().readers().lines[kLine].participant.store(kPersister);
    writer = std::make_shared<LogWriter>(disk, owner, config, hot->view(), files, recovered.start);
  }
  bool publish(std::uint32_t body_bytes) {
    hot->upkeep(writer->durable_segments());
    if (!hot->append(body_bytes)) return false;
    // All partitions of a bus share its doorbells; here each has its own, and the persister sleeps
    // on the first one's.
    auto& own = hot->view().doorbells()[kPersister].rings;
    const std::uint32_t before = own.load();
    log::Waker(hot->view()).after_publish();
    if (own.load() == before || &own == &doorbell->rings) return true;
    doorbell->rings.fetch_add(1);
    log::SharedMemory::wake_all(doorbell->rings);
    return true;
  }

  format::Doorbell* doorbell = nullptr;  // that the persister sleeps on
  StoreOwner owner;
  StoreConfig config;
  Model model;
  LogFiles files;
  std::unique_ptr<HotLog> hot;
  std::shared_ptr<LogWriter> writer;
};

class PersisterTest : public ::testing::Test {
 protected:
  PersisterTest()
      : folder((std::filesystem::temp_directory_path() / "ringmain-persister-XXXXXX").string()) {
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    disk = os::make_real_disk();
    options.fences = true;
    options.queue.buffer_bytes = 64 * 1024;
  }
  ~PersisterTest() override {
    persister.reset();
    std::filesystem::remove_all(folder);
  }
  Partition& add(std::uint32_t number) {
    partitions.push_back(std::make_unique<Partition>(*disk, folder, number));
    if (!persister) {
      options.doorbell = &partitions[0]->hot->view().doorbells()[kPersister];
      persister = Persister::start(*disk, options).value();
    }
    partitions.back()->doorbell = options.doorbell;
    persister->add(partitions.back()->writer, kLine);
    return *partitions.back();
  }
  // What lies in the files is a log that recovers without shared memory, up to what was published.
  void expect_on_disk(Partition& partition) {
    LogFiles files;
    const auto recovered = recover_log(*disk, partition.owner, partition.config, nullptr, files);
    ASSERT_TRUE(recovered.has_value()) << recovered.error().message;
    EXPECT_EQ(recovered->start.base_offset, partition.hot->published_end());
  }
  void wait_for(const Partition& partition, std::uint64_t offset) {
    while (partition.writer->durable_offset() < offset) std::this_thread::yield();
  }
  static std::set<pid_t> threads() {
    std::set<pid_t> ids;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
      ids.insert(std::stoi(task.path().filename().string()));
    return ids;
  }
  // Of the threads that the persister began: its own and the kernel's for its io_uring. Not of
  // one that a sanitizer runs in the background.
  std::int64_t persister_cpu_us() const {
    std::int64_t sum = 0;
    for (const pid_t id : threads()) {
      if (threads_before.contains(id)) continue;
      timespec used{};  // the CPU clock of a thread, by its id: clock_getcpuclockid(3) for threads
      const auto clock = static_cast<clockid_t>(~static_cast<unsigned>(id) << 3 | 6);
      if (clock_gettime(clock, &used) == 0)
        sum += std::int64_t{used.tv_sec} * 1'000'000 + used.tv_nsec / 1000;
    }
    return sum;
  }

  const std::set<pid_t> threads_before = threads();
  std::string folder;
  std::unique_ptr<os::Disk> disk;
  PersisterOptions options;
  std::vector<std::unique_ptr<Partition>> partitions;
  std::unique_ptr<Persister> persister;
};

TEST_F(PersisterTest, a_publish_wakes_it_and_becomes_durable) {
  Partition& partition = add(1);
  for (std::uint64_t i = 1; i <= 20; ++i) {
    // Until it sleeps: it marks a partition that it has nothing to write of.
    while (partition.hot->view().readers().sleeping[kLine / 64].load() == 0)
      std::this_thread::yield();
    ASSERT_TRUE(partition.publish(100));
    wait_for(partition, partition.hot->published_end());
  }
}

TEST_F(PersisterTest, an_idle_one_uses_no_cpu) {
  for (std::uint32_t i = 0; i < 30; ++i) add(i);
  for (auto& partition : partitions) {
    ASSERT_TRUE(partition->publish(100));
    wait_for(*partition, partition->hot->published_end());
  }
  for (auto& partition : partitions)
    while (partition->hot->view().readers().sleeping[kLine / 64].load() == 0)
      std::this_thread::yield();
  EXPECT_GT(persister_cpu_us(), 0);  // the clock is the right one: it has worked before
  // The first may see the end of that work; one that never sleeps is never below.
  std::int64_t least = INT64_MAX;
  for (int i = 0; i < 5 && least >= 2000; ++i) {
    const std::int64_t before = persister_cpu_us();
    std::this_thread::sleep_for(std::chrono::seconds(2));
    least = std::min(least, persister_cpu_us() - before);
    std::printf("at least %ld us of CPU in 2 s\n", least);
  }
  EXPECT_LT(least, 2000);
}

TEST_F(PersisterTest, partitions_come_and_go_while_others_write_and_leave_all_they_published) {
  for (std::uint32_t i = 0; i < 8; ++i) add(i);
  for (std::uint32_t round = 0; round < 40; ++round) {
    for (auto& partition : partitions)
      for (int i = 0; i < 20; ++i)
        while (!partition->publish(500)) std::this_thread::yield();
    if (round % 5 == 4) {
      Partition& leaving = *partitions[1];
      persister->remove(leaving.writer, true);
      EXPECT_EQ(leaving.writer->durable_offset(), leaving.hot->published_end());
      expect_on_disk(leaving);
      partitions.erase(partitions.begin() + 1);
      add(100 + round);
    }
  }
  for (auto& partition : partitions) persister->remove(partition->writer, true);
  persister.reset();
  for (auto& partition : partitions) expect_on_disk(*partition);
}

// One that is always writing must not keep another from leaving.
TEST_F(PersisterTest, a_partition_leaves_while_another_one_never_rests) {
  Partition& busy = add(1);
  Partition& leaving = add(2);
  ASSERT_TRUE(leaving.publish(100));
  std::atomic<bool> stop{false};
  std::thread producer([&] {
    while (!stop.load())
      if (!busy.publish(4000)) std::this_thread::yield();
  });
  persister->remove(leaving.writer, true);
  EXPECT_EQ(leaving.writer->durable_offset(), leaving.hot->published_end());
  stop.store(true);
  producer.join();
  persister->remove(busy.writer, true);
}

}  // namespace
}  // namespace ringmain::storage
