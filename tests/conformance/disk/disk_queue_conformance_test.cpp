// What every DiskQueue does: writes in flight, their buffers, their results and their end.
#include <gmock/gmock.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "conformance/disk/disk_under_test.hpp"

namespace ringmain::os {
namespace {

using testing::Each;
using testing::HasSubstr;

class DiskQueueTest : public DiskSuite {
 protected:
  // One write that is waited for.
  void write_now(DiskQueue& queue, DiskFile& file, uint64_t at, uint64_t seed, uint32_t size_bytes,
                 Durability durability) {
    ASSERT_TRUE(is_ok(write_pattern(queue, file, at, seed, size_bytes, durability, 1)));
    const Results results = reap_all(queue);
    ASSERT_EQ(results.size(), 1u);
    ASSERT_TRUE(results.at(1)) << results.at(1).error().message;
    EXPECT_EQ(*results.at(1), size_bytes);
  }
};
INSTANTIATE_TEST_SUITE_P(Disks, DiskQueueTest, testing::ValuesIn(implementations()),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(DiskQueueTest, a_write_is_read_back_and_the_file_grows) {
  const auto file = create("a");
  const auto writes = queue();
  write_now(*writes, *file, 0, 1, 3 * block, Durability::none);
  EXPECT_EQ(file->size_bytes().value(), 3u * block);
  write_now(*writes, *file, 3 * block, 2, 2 * block, Durability::synced);
  EXPECT_EQ(file->size_bytes().value(), 5u * block);
  EXPECT_EQ(contents(*file, 0, 3 * block), pattern(1, 3 * block));
  EXPECT_EQ(contents(*file, 3 * block, 2 * block), pattern(2, 2 * block));
}

TEST_P(DiskQueueTest, a_later_write_replaces_an_earlier_one) {
  const auto file = create("a");
  const auto writes = queue();
  for (uint64_t round = 1; round <= 20; ++round) {
    write_now(*writes, *file, block, round, 2 * block,
              round % 2 == 0 ? Durability::synced : Durability::none);
    EXPECT_EQ(contents(*file, block, 2 * block), pattern(round, 2 * block));
  }
  EXPECT_THAT(contents(*file, 0, block), Each(std::byte{0}));  // the hole before
}

TEST_P(DiskQueueTest, writes_go_into_allocated_space_and_far_ahead) {
  const auto file = create("a");
  ASSERT_TRUE(file->allocate({0, 64 * block}));
  const auto writes = queue();
  write_now(*writes, *file, 10 * block, 1, block, Durability::synced);
  EXPECT_EQ(file->size_bytes().value(), 64u * block);
  EXPECT_EQ(contents(*file, 10 * block, block), pattern(1, block));
  EXPECT_THAT(contents(*file, 11 * block, block), Each(std::byte{0}));
  const uint64_t far = uint64_t{8} << 30;
  write_now(*writes, *file, far, 2, block, Durability::synced);
  EXPECT_EQ(file->size_bytes().value(), far + block);
  EXPECT_EQ(contents(*file, far, block), pattern(2, block));
}

TEST_P(DiskQueueTest, a_write_takes_its_bytes_from_the_middle_of_a_buffer) {
  const auto file = create("a");
  const auto writes = queue();
  const uint32_t buffer = writes->take_buffer().value();
  const auto bytes = pattern(1, 4 * block);
  std::memcpy(writes->buffer(buffer).data(), bytes.data(), bytes.size());
  ASSERT_TRUE(is_ok(writes->submit_write(
      *file, {.at = 0, .buffer = buffer, .from = block, .size_bytes = 2 * block}, DiskToken(1))));
  EXPECT_TRUE(reap_all(*writes).at(1));
  EXPECT_EQ(contents(*file, 0, 2 * block),
            std::vector<std::byte>(bytes.begin() + block, bytes.begin() + 3 * block));
}

TEST_P(DiskQueueTest, what_no_disk_could_serve_is_refused_with_its_numbers) {
  const auto file = create("a");
  const auto writes = queue({.buffer_count = 2, .buffer_bytes = 4 * block});
  const auto expect_refused = [&](const DiskWrite& write, const std::string& number) {
    const Status status = writes->submit_write(*file, write, DiskToken(1));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(status.error().message, HasSubstr(path("a")));
    EXPECT_THAT(status.error().message, HasSubstr(number));
  };
  expect_refused({.at = 512, .size_bytes = block}, "512");
  expect_refused({.at = 0, .size_bytes = 1000}, "1000");
  expect_refused({.at = 0, .from = 100, .size_bytes = block}, "100");
  expect_refused({.at = 0, .size_bytes = 0}, "cannot write 0 bytes");
  expect_refused({.at = 0, .size_bytes = 5 * block}, "20480");
  expect_refused({.at = 0, .from = 3 * block, .size_bytes = 2 * block}, "12288");
  expect_refused({.at = 0, .buffer = 2, .size_bytes = block}, "buffer 2");
  expect_refused({.at = UINT64_MAX - block + 1, .size_bytes = block}, "no file is that large");
  EXPECT_EQ(writes->in_flight(), 0u);
  EXPECT_EQ(file->size_bytes().value(), 0u);
}

TEST_P(DiskQueueTest, a_queue_without_depth_or_buffers_is_refused) {
  for (const DiskQueueOptions& options :
       {DiskQueueOptions{.depth = 0}, DiskQueueOptions{.depth = 1u << 30},
        DiskQueueOptions{.buffer_count = 0}, DiskQueueOptions{.buffer_bytes = 0},
        DiskQueueOptions{.buffer_bytes = 1000}}) {
    EXPECT_EQ(disk().make_queue(options).error().code, ErrorCode::invalid_argument);
  }
}

TEST_P(DiskQueueTest, many_writes_are_in_flight_and_each_is_reported_once) {
  constexpr uint32_t count = 200;
  const auto left = create("left");
  const auto right = create("right");
  const auto writes = queue({.depth = count, .buffer_count = count, .buffer_bytes = 2 * block});
  for (uint32_t index = 0; index < count; ++index) {
    DiskFile& file = index % 2 == 0 ? *left : *right;
    ASSERT_TRUE(
        is_ok(write_pattern(*writes, file, uint64_t{index} * 2 * block, index, 2 * block,
                            index % 3 == 0 ? Durability::synced : Durability::none, index)));
  }
  EXPECT_EQ(writes->in_flight(), count);
  EXPECT_EQ(writes->room(), 0u);
  const Results results = reap_all(*writes);
  ASSERT_EQ(results.size(), count);
  for (uint32_t index = 0; index < count; ++index) {
    ASSERT_TRUE(results.at(index)) << results.at(index).error().message;
    EXPECT_EQ(*results.at(index), 2u * block);
    const DiskFile& file = index % 2 == 0 ? *left : *right;
    EXPECT_EQ(contents(file, uint64_t{index} * 2 * block, 2 * block), pattern(index, 2 * block));
  }
}

TEST_P(DiskQueueTest, a_full_queue_says_so_and_takes_more_after_a_reap) {
  const auto file = create("a");
  const auto writes = queue({.depth = 2, .buffer_count = 4, .buffer_bytes = block});
  ASSERT_TRUE(write_pattern(*writes, *file, 0, 1, block, Durability::none, 1));
  ASSERT_TRUE(write_pattern(*writes, *file, block, 2, block, Durability::none, 2));
  const Status full = write_pattern(*writes, *file, 2 * block, 3, block, Durability::none, 3);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::invalid_state);
  EXPECT_EQ(writes->submit_sync(*file, DiskToken(4)).error().code, ErrorCode::invalid_state);
  EXPECT_EQ(reap_all(*writes).size(), 2u);
  EXPECT_EQ(writes->room(), 2u);
  ASSERT_TRUE(write_pattern(*writes, *file, 2 * block, 3, block, Durability::none, 3));
  EXPECT_TRUE(reap_all(*writes).at(3));
}

TEST_P(DiskQueueTest, writes_that_overlap_one_in_flight_are_refused) {
  const auto file = create("a");
  const auto other = create("b");
  const auto writes = queue();
  ASSERT_TRUE(write_pattern(*writes, *file, 2 * block, 1, 2 * block, Durability::none, 1));
  for (const uint64_t at : {uint64_t{1}, uint64_t{2}, uint64_t{3}}) {
    const Status refused =
        write_pattern(*writes, *file, at * block, 2, 2 * block, Durability::none, 2);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(refused.error().message, HasSubstr("at 8192 is in flight"));
  }
  EXPECT_TRUE(write_pattern(*writes, *file, 0, 3, 2 * block, Durability::none, 3));
  EXPECT_TRUE(write_pattern(*writes, *file, 4 * block, 4, block, Durability::none, 4));
  EXPECT_TRUE(write_pattern(*writes, *other, 2 * block, 5, block, Durability::none, 5));
  EXPECT_EQ(reap_all(*writes).size(), 4u);
  EXPECT_TRUE(write_pattern(*writes, *file, 2 * block, 6, block, Durability::none, 6));
  EXPECT_TRUE(reap_all(*writes).at(6));
}

TEST_P(DiskQueueTest, a_buffer_in_flight_is_not_handed_out_even_if_it_was_given_back) {
  const auto file = create("a");
  const auto writes = queue({.depth = 16, .buffer_count = 4, .buffer_bytes = block});
  for (uint32_t index = 0; index < 4; ++index) {
    ASSERT_TRUE(write_pattern(*writes, *file, uint64_t{index} * block, index, block,
                              Durability::none, index));
  }
  EXPECT_EQ(writes->take_buffer(), std::nullopt);
  reap_all(*writes);
  std::set<uint32_t> taken;
  for (uint32_t index = 0; index < 4; ++index) taken.insert(writes->take_buffer().value());
  EXPECT_EQ(taken.size(), 4u);
  EXPECT_EQ(writes->take_buffer(), std::nullopt);
  writes->give_back(*taken.begin());
  EXPECT_EQ(writes->take_buffer(), *taken.begin());
}

TEST_P(DiskQueueTest, two_writes_from_one_buffer_free_it_when_both_are_done) {
  const auto file = create("a");
  const auto writes = queue({.depth = 16, .buffer_count = 1, .buffer_bytes = 2 * block});
  const uint32_t buffer = writes->take_buffer().value();
  const auto bytes = pattern(1, 2 * block);
  std::memcpy(writes->buffer(buffer).data(), bytes.data(), bytes.size());
  for (uint32_t half = 0; half < 2; ++half) {
    ASSERT_TRUE(writes->submit_write(
        *file,
        {.at = half * 10 * block, .buffer = buffer, .from = half * block, .size_bytes = block},
        DiskToken(half)));
  }
  writes->give_back(buffer);
  while (writes->in_flight() > 0) {
    EXPECT_EQ(writes->take_buffer(), std::nullopt);
    ASSERT_TRUE(writes->reap(ReapWait::for_one, [](DiskToken, const Result<uint64_t>&) {}));
  }
  EXPECT_EQ(writes->take_buffer(), buffer);
  EXPECT_EQ(contents(*file, 10 * block, block),
            std::vector<std::byte>(bytes.begin() + block, bytes.end()));
}

TEST_P(DiskQueueTest, buffers_are_aligned_to_blocks) {
  const auto writes = queue({.buffer_count = 3, .buffer_bytes = 3 * block});
  for (uint32_t index = 0; index < 3; ++index) {
    const std::span<std::byte> buffer = writes->buffer(index);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % block, 0u);
    EXPECT_EQ(buffer.size(), 3u * block);
  }
}

TEST_P(DiskQueueTest, a_sync_comes_after_the_writes_that_it_covers) {
  const auto file = create("a");
  const auto writes = queue({.buffer_count = 32, .buffer_bytes = block});
  for (uint64_t round = 0; round < 10; ++round) {
    for (uint64_t index = 0; index < 20; ++index) {
      ASSERT_TRUE(write_pattern(*writes, *file, index * block, round * 100 + index, block,
                                Durability::none, index));
    }
    ASSERT_TRUE(is_ok(writes->submit_sync(*file, DiskToken(1000))));
    std::vector<uint64_t> order;
    while (writes->in_flight() > 0) {
      ASSERT_TRUE(writes->reap(ReapWait::for_one, [&](DiskToken token, Result<uint64_t> result) {
        EXPECT_TRUE(result);
        if (token == DiskToken(1000)) {
          EXPECT_EQ(result.value_or(1), 0u);
        }
        order.push_back(token.value());
      }));
    }
    ASSERT_EQ(order.size(), 21u);
    EXPECT_EQ(order.back(), 1000u);
  }
}

TEST_P(DiskQueueTest, a_sync_alone_completes) {
  const auto file = create("a");
  const auto writes = queue();
  ASSERT_TRUE(is_ok(writes->submit_sync(*file, DiskToken(7))));
  EXPECT_EQ(reap_all(*writes).at(7).value(), 0u);
}

TEST_P(DiskQueueTest, a_file_closed_with_writes_in_flight_still_gets_them) {
  const auto writes = queue();
  for (uint64_t round = 0; round < 10; ++round) {
    const std::string name = "file" + std::to_string(round);
    auto file = create(name);
    for (uint64_t index = 0; index < 4; ++index) {
      ASSERT_TRUE(write_pattern(*writes, *file, index * block, round * 10 + index, block,
                                Durability::synced, index));
    }
    if (round % 2 == 0) {
      ASSERT_TRUE(writes->submit());
    }
    file.reset();
    for (const auto& [token, result] : reap_all(*writes)) EXPECT_TRUE(result);
    const auto again = disk().open(path(name), DiskOpen::read).value();
    for (uint64_t index = 0; index < 4; ++index) {
      EXPECT_EQ(contents(*again, index * block, block), pattern(round * 10 + index, block));
    }
  }
}

TEST_P(DiskQueueTest, a_queue_closed_with_writes_in_flight_does_them_first) {
  const auto file = create("a");
  for (uint64_t round = 0; round < 5; ++round) {
    auto writes = queue({.buffer_count = 32, .buffer_bytes = block});
    for (uint64_t index = 0; index < 32; ++index) {
      ASSERT_TRUE(write_pattern(*writes, *file, index * block, round * 100 + index, block,
                                Durability::none, index));
    }
    ASSERT_TRUE(writes->submit_sync(*file, DiskToken(99)));
    ASSERT_TRUE(writes->submit());
    writes.reset();
    for (uint64_t index = 0; index < 32; ++index) {
      EXPECT_EQ(contents(*file, index * block, block), pattern(round * 100 + index, block));
    }
  }
}

TEST_P(DiskQueueTest, files_come_and_go_by_the_hundred) {
  const auto writes = queue();
  for (uint64_t round = 0; round < 600; ++round) {  // more than any table of files holds
    const std::string name = "file" + std::to_string(round % 7);
    if (round >= 7) {
      ASSERT_TRUE(disk().remove(path(name)));
    }
    const auto file = create(name);
    write_now(*writes, *file, 0, round, block, Durability::none);
    EXPECT_EQ(contents(*file, 0, block), pattern(round, block));
  }
}

TEST_P(DiskQueueTest, hundreds_of_files_are_open_at_once) {
  const auto writes = queue();
  std::vector<std::unique_ptr<DiskFile>> files;
  for (uint64_t index = 0; index < 300; ++index) {
    files.push_back(create("file" + std::to_string(index)));
    write_now(*writes, *files.back(), 0, index, block, Durability::none);
  }
  for (uint64_t index = 0; index < 300; ++index) {
    write_now(*writes, *files[index], block, index + 1000, block, Durability::none);
    EXPECT_EQ(contents(*files[index], 0, block), pattern(index, block));
    EXPECT_EQ(contents(*files[index], block, block), pattern(index + 1000, block));
  }
}

TEST_P(DiskQueueTest, reaping_nothing_gives_nothing_and_does_not_wait) {
  const auto writes = queue();
  const auto unexpected = [](DiskToken, const Result<uint64_t>&) { ADD_FAILURE(); };
  EXPECT_EQ(writes->reap(ReapWait::no, unexpected).value(), 0u);
  EXPECT_EQ(writes->reap(ReapWait::for_one, unexpected).value(), 0u);
}

TEST_P(DiskQueueTest, a_completion_may_submit_the_next_write) {
  constexpr uint64_t count = 100;
  const auto file = create("a");
  const auto writes = queue({.depth = 1, .buffer_count = 1, .buffer_bytes = block});
  uint64_t done = 0;
  const auto next = [&] {
    ASSERT_TRUE(
        is_ok(write_pattern(*writes, *file, done * block, done, block, Durability::none, done)));
  };
  next();
  while (writes->in_flight() > 0) {
    ASSERT_TRUE(writes->reap(ReapWait::for_one, [&](DiskToken token, Result<uint64_t> result) {
      EXPECT_TRUE(result);
      EXPECT_EQ(token.value(), done);
      if (++done < count) next();
    }));
  }
  EXPECT_EQ(done, count);
  for (uint64_t index = 0; index < count; ++index) {
    EXPECT_EQ(contents(*file, index * block, block), pattern(index, block));
  }
}

TEST_P(DiskQueueTest, the_completion_descriptor_wakes_a_poll_for_every_completion) {
  const auto file = create("a");
  const auto writes = queue({.buffer_count = 16, .buffer_bytes = block});
  const int fd = writes->completion_fd().value();
  for (uint64_t round = 0; round < 50; ++round) {
    for (uint64_t index = 0; index < 8; ++index) {
      ASSERT_TRUE(write_pattern(*writes, *file, index * block, round, block,
                                index % 2 == 0 ? Durability::synced : Durability::none, index));
    }
    ASSERT_TRUE(writes->submit_sync(*file, DiskToken(99)));
    ASSERT_TRUE(writes->submit());
    uint32_t reported = 0;
    while (writes->in_flight() > 0) {  // hangs if a completion does not ring
      pollfd wait{fd, POLLIN, 0};
      ASSERT_EQ(::poll(&wait, 1, -1), 1);
      reported += writes
                      ->reap(ReapWait::no,
                             [](DiskToken, const Result<uint64_t>& result) { EXPECT_TRUE(result); })
                      .value();
    }
    EXPECT_EQ(reported, 9u);
  }
}

TEST_P(DiskQueueTest, the_completion_descriptor_may_be_asked_for_when_all_is_written_already) {
  for (uint64_t round = 0; round < 20; ++round) {
    const auto file = create("file" + std::to_string(round));
    ASSERT_TRUE(file->allocate({0, block}));
    const auto writes = queue();
    ASSERT_TRUE(write_pattern(*writes, *file, 0, round, block, Durability::none, 1));
    ASSERT_TRUE(writes->submit());
    if (writes->capabilities().description != "simulated") {  // that one writes in reap()
      while (contents(*file, 0, block) != pattern(round, block)) {
      }
    }
    const int fd = writes->completion_fd().value();
    while (writes->in_flight() > 0) {  // hangs if nothing rings
      pollfd wait{fd, POLLIN, 0};
      ASSERT_EQ(::poll(&wait, 1, -1), 1);
      ASSERT_TRUE(writes->reap(ReapWait::no, [](DiskToken, const Result<uint64_t>&) {}));
    }
    ASSERT_TRUE(writes->reap(ReapWait::no, [](DiskToken, const Result<uint64_t>&) {}));
    pollfd idle{fd, POLLIN, 0};
    EXPECT_EQ(::poll(&idle, 1, 0), 0);  // nothing in flight: nothing to wake up for
  }
}

TEST_P(DiskQueueTest, two_queues_write_one_file) {
  const auto file = create("a");
  const auto left = queue();
  const auto right = queue();
  ASSERT_TRUE(write_pattern(*left, *file, 0, 1, block, Durability::synced, 1));
  ASSERT_TRUE(write_pattern(*right, *file, block, 2, block, Durability::synced, 2));
  EXPECT_TRUE(reap_all(*left).at(1));
  EXPECT_TRUE(reap_all(*right).at(2));
  EXPECT_EQ(contents(*file, 0, block), pattern(1, block));
  EXPECT_EQ(contents(*file, block, block), pattern(2, block));
}

TEST_P(DiskQueueTest, it_says_how_it_works) {
  const auto writes = queue();
  EXPECT_FALSE(writes->capabilities().description.empty());
}

}  // namespace
}  // namespace ringmain::os
