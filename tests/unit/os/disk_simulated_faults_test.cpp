// The simulated disk's faults on demand, and what it does to those who misuse a queue.
#include <gmock/gmock.h>

#include <cstring>
#include <set>

#include "os/simulated_disk.hpp"

namespace ringmain::os {
namespace {

using testing::HasSubstr;

constexpr uint32_t block = disk_block_bytes;

std::vector<std::byte> filled(size_t size_bytes, uint8_t with) {
  return std::vector<std::byte>(size_bytes, std::byte{with});
}

class SimulatedFaultTest : public testing::Test {
 protected:
  void start(const SimulatedDiskOptions& options) {
    queue_.reset();
    file_.reset();
    disk_ = std::make_unique<SimulatedDisk>(options);
    file_ = disk_->create("/a").value();
    ASSERT_TRUE(disk_->sync_directory("/"));
    queue_ = disk_->make_queue({.buffer_count = 16, .buffer_bytes = 8 * block}).value();
  }
  void SetUp() override { start({.seed = 1}); }

  void submit(uint64_t at, uint8_t with, uint32_t size_bytes, Durability durability,
              uint64_t token) {
    const uint32_t buffer = queue_->take_buffer().value();
    std::memset(queue_->buffer(buffer).data(), with, size_bytes);
    ASSERT_TRUE(queue_->submit_write(
        *file_, {.at = at, .buffer = buffer, .size_bytes = size_bytes, .durability = durability},
        DiskToken(token)));
    queue_->give_back(buffer);
  }

  std::vector<std::pair<uint64_t, Result<uint64_t>>> reap_all() {
    std::vector<std::pair<uint64_t, Result<uint64_t>>> results;
    while (queue_->in_flight() > 0) {
      EXPECT_TRUE(queue_->reap(ReapWait::for_one, [&](DiskToken token, Result<uint64_t> result) {
        results.emplace_back(token.value(), std::move(result));
      }));
    }
    return results;
  }

  Result<uint64_t> write(uint64_t at, uint8_t with, uint32_t size_bytes, Durability durability) {
    submit(at, with, size_bytes, durability, 1);
    return reap_all().at(0).second;
  }

  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<DiskFile> file_;
  std::unique_ptr<DiskQueue> queue_;
};

TEST_F(SimulatedFaultTest, the_nth_operation_of_a_kind_fails_with_its_code) {
  disk_->add_fault({DiskOperationKind::write, 2, 1, ErrorCode::no_space});
  EXPECT_TRUE(write(0, 1, block, Durability::none));
  const auto failed = write(0, 2, block, Durability::none);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::no_space);
  EXPECT_THAT(failed.error().message, HasSubstr("cannot write 4096 bytes at 0 of /a"));
  EXPECT_TRUE(write(0, 3, block, Durability::none));
}

TEST_F(SimulatedFaultTest, every_kind_of_operation_can_fail) {
  const auto expect_failure = [&](DiskOperationKind kind, const auto& operation) {
    disk_->add_fault({kind, 1, 1, ErrorCode::io});
    const auto failed = operation();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::io);
    EXPECT_TRUE(operation());
  };
  expect_failure(DiskOperationKind::create, [&] { return disk_->create("/b"); });
  expect_failure(DiskOperationKind::rename, [&] { return disk_->rename("/b", "/c"); });
  expect_failure(DiskOperationKind::remove, [&] { return disk_->remove("/c"); });
  expect_failure(DiskOperationKind::allocate, [&] { return file_->allocate({0, block}); });
  expect_failure(DiskOperationKind::truncate, [&] { return file_->truncate(100); });
  expect_failure(DiskOperationKind::punch_hole, [&] { return file_->punch_hole({0, block}); });
  expect_failure(DiskOperationKind::write, [&] { return file_->write(0, filled(10, 1)); });
  expect_failure(DiskOperationKind::make_directory, [&] { return disk_->make_directories("/d"); });
  expect_failure(DiskOperationKind::sync_directory, [&] { return disk_->sync_directory("/"); });
}

TEST_F(SimulatedFaultTest, a_fault_lasts_as_long_as_it_is_told_to) {
  disk_->add_fault({DiskOperationKind::allocate, 1, 3, ErrorCode::no_space});
  for (int index = 0; index < 3; ++index) {
    EXPECT_EQ(file_->allocate({0, block}).error().code, ErrorCode::no_space);
  }
  EXPECT_TRUE(file_->allocate({0, block}));
  disk_->add_fault({DiskOperationKind::allocate, 1, UINT64_MAX, ErrorCode::no_space});
  EXPECT_FALSE(file_->allocate({0, block}));
  disk_->clear_faults();
  EXPECT_TRUE(file_->allocate({0, block}));
}

TEST_F(SimulatedFaultTest, after_a_failed_sync_the_file_takes_no_other_until_it_is_opened_again) {
  ASSERT_TRUE(write(0, 1, block, Durability::none));
  disk_->add_fault({DiskOperationKind::sync, 1, 1, ErrorCode::io});
  EXPECT_EQ(file_->sync().error().code, ErrorCode::io);
  EXPECT_THAT(file_->sync().error().message, HasSubstr("an earlier sync of it failed"));
  EXPECT_FALSE(queue_->submit_sync(*file_, DiskToken(1)));
  ASSERT_TRUE(write(block, 2, block, Durability::synced));  // vouches for itself
  file_ = disk_->open("/a", DiskOpen::write).value();
  EXPECT_TRUE(file_->sync());
}

TEST_F(SimulatedFaultTest, what_a_failed_sync_gave_up_is_not_saved_by_a_later_one) {
  uint64_t lost = 0;
  uint64_t written_again_and_lost = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    start({.seed = seed});
    ASSERT_TRUE(write(0, 1, 2 * block, Durability::synced));
    ASSERT_TRUE(write(0, 2, 2 * block, Durability::none));
    disk_->add_fault({DiskOperationKind::sync, 1, 1, ErrorCode::io});
    ASSERT_FALSE(file_->sync());
    file_ = disk_->open("/a", DiskOpen::write).value();
    ASSERT_TRUE(write(block, 3, block, Durability::none));
    ASSERT_TRUE(file_->sync());  // succeeds, as a kernel's does
    disk_->crash();
    const auto file = disk_->open("/a", DiskOpen::read).value();
    std::vector<std::byte> bytes(2 * block);
    ASSERT_TRUE(file->read(0, bytes));
    lost += bytes[0] == std::byte{1} ? 1 : 0;
    written_again_and_lost += bytes[block] == std::byte{3} ? 0 : 1;
  }
  EXPECT_GT(lost, 10u);
  EXPECT_EQ(written_again_and_lost, 0u);
}

TEST_F(SimulatedFaultTest, a_failed_write_may_have_been_done_in_part) {
  std::set<uint64_t> done_blocks;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    start({.seed = seed});
    ASSERT_TRUE(file_->allocate({0, 8 * block}));
    disk_->add_fault({DiskOperationKind::write, 1, 1, ErrorCode::io});
    ASSERT_FALSE(write(0, 1, 8 * block, Durability::synced));
    std::vector<std::byte> bytes(8 * block);
    ASSERT_TRUE(file_->read(0, bytes));
    uint64_t done = 0;
    while (done < 8 && bytes[done * block] == std::byte{1}) ++done;
    done_blocks.insert(done);
  }
  EXPECT_TRUE(done_blocks.contains(0));
  EXPECT_GT(done_blocks.size(), 3u);
}

TEST_F(SimulatedFaultTest, short_writes_are_continued_and_counted) {
  start({.seed = 5, .short_write_percent = 100});
  const auto written = write(0, 7, 8 * block, Durability::synced);
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, 8u * block);
  EXPECT_GT(disk_->operations(DiskOperationKind::write), 1u);
  std::vector<std::byte> bytes(8 * block);
  ASSERT_TRUE(file_->read(0, bytes));
  EXPECT_EQ(bytes, filled(8 * block, 7));
}

TEST_F(SimulatedFaultTest, writes_complete_in_any_order_and_not_all_at_once) {
  uint64_t out_of_order = 0;
  uint64_t in_parts = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    start({.seed = seed});
    for (uint64_t index = 0; index < 6; ++index) {
      submit(index * block, 1, block, Durability::none, index);
    }
    uint32_t first =
        queue_->reap(ReapWait::for_one, [](DiskToken, const Result<uint64_t>&) {}).value();
    in_parts += first < 6 ? 1 : 0;
    const auto results = reap_all();
    for (size_t index = 1; index < results.size(); ++index) {
      if (results[index].first < results[index - 1].first) {
        ++out_of_order;
        break;
      }
    }
  }
  EXPECT_GT(out_of_order, 10u);
  EXPECT_GT(in_parts, 10u);
}

TEST_F(SimulatedFaultTest, without_delay_and_shuffle_writes_complete_in_order_at_once) {
  start({.seed = 1, .shuffle_completions = false, .delay_percent = 0});
  for (uint64_t index = 0; index < 6; ++index) {
    submit(index * block, 1, block, Durability::none, index);
  }
  std::vector<uint64_t> order;
  EXPECT_EQ(
      queue_
          ->reap(ReapWait::no,
                 [&](DiskToken token, const Result<uint64_t>&) { order.push_back(token.value()); })
          .value(),
      6u);
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(SimulatedFaultTest, a_sync_fails_with_a_write_that_it_should_cover) {
  disk_->add_fault({DiskOperationKind::write, 1, 1, ErrorCode::no_space});
  submit(0, 1, block, Durability::none, 1);
  ASSERT_TRUE(queue_->submit_sync(*file_, DiskToken(2)));
  const auto results = reap_all();
  ASSERT_EQ(results.size(), 2u);
  ASSERT_FALSE(results[1].second);
  EXPECT_EQ(results[1].second.error().code, ErrorCode::no_space);
  EXPECT_THAT(results[1].second.error().message, HasSubstr("a write before it failed"));
  EXPECT_TRUE(file_->sync());  // nothing was given up
}

TEST_F(SimulatedFaultTest, touching_a_buffer_in_flight_is_noticed) {
  const uint32_t buffer = queue_->take_buffer().value();
  ASSERT_TRUE(queue_->submit_write(*file_, {.buffer = buffer, .size_bytes = block}, DiskToken(1)));
  queue_->buffer(buffer)[100] = std::byte{1};
  EXPECT_DEATH(reap_all(), "assertion failed");
  queue_->buffer(buffer)[100] = std::byte{0};
  EXPECT_TRUE(reap_all().at(0).second);
}

TEST_F(SimulatedFaultTest, giving_back_a_buffer_twice_or_reaping_within_a_reap_ends_the_process) {
  const uint32_t buffer = queue_->take_buffer().value();
  queue_->give_back(buffer);
  EXPECT_DEATH(queue_->give_back(buffer), "assertion failed");
  submit(0, 1, block, Durability::none, 1);
  submit(block, 1, block, Durability::none, 2);
  const DiskCallback nothing = [](DiskToken, const Result<uint64_t>&) {};
  EXPECT_DEATH(
      static_cast<void>(queue_->reap(ReapWait::for_one,
                                     [&](DiskToken, const Result<uint64_t>&) {
                                       static_cast<void>(queue_->reap(ReapWait::no, nothing));
                                     })),
      "assertion failed");
}

}  // namespace
}  // namespace ringmain::os
