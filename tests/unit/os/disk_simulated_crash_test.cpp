// What a power cut leaves on the simulated disk: what was promised always, everything else at the
// seed's mercy, and every kind of mercy comes up.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "base/crc32c.hpp"
#include "os/simulated_disk.hpp"

namespace ringmain::os {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr uint32_t block = disk_block_bytes;
constexpr uint32_t sector = 512;
constexpr uint64_t seeds = 300;

std::vector<std::byte> filled(size_t size_bytes, uint8_t with) {
  return std::vector<std::byte>(size_bytes, std::byte{with});
}

bool is_block_of(const std::vector<std::byte>& bytes, uint8_t with) {
  return bytes.size() == block && std::all_of(bytes.begin(), bytes.end(), [with](std::byte byte) {
           return byte == std::byte{with};
         });
}

std::vector<std::byte> contents(SimulatedDisk& disk, const std::string& path) {
  const auto file = disk.open(path, DiskOpen::read).value();
  std::vector<std::byte> bytes(file->size_bytes().value());
  EXPECT_TRUE(file->read(0, bytes));
  return bytes;
}

// A new file whose name is durable.
std::unique_ptr<DiskFile> durable_file(SimulatedDisk& disk, const std::string& path) {
  auto file = disk.create(path).value();
  EXPECT_TRUE(disk.sync_directory("/"));
  return file;
}

Status submit(DiskQueue& queue, DiskFile& file, uint64_t at, std::span<const std::byte> bytes,
              Durability durability, uint64_t token) {
  const uint32_t buffer = queue.take_buffer().value();
  std::memcpy(queue.buffer(buffer).data(), bytes.data(), bytes.size());
  Status status = queue.submit_write(file,
                                     {.at = at,
                                      .buffer = buffer,
                                      .size_bytes = static_cast<uint32_t>(bytes.size()),
                                      .durability = durability},
                                     DiskToken(token));
  queue.give_back(buffer);
  return status;
}

// The results in the order in which they came.
std::vector<std::pair<uint64_t, Result<uint64_t>>> reap_all(DiskQueue& queue) {
  std::vector<std::pair<uint64_t, Result<uint64_t>>> results;
  while (queue.in_flight() > 0) {
    EXPECT_TRUE(queue.reap(ReapWait::for_one, [&](DiskToken token, Result<uint64_t> result) {
      results.emplace_back(token.value(), std::move(result));
    }));
  }
  return results;
}

Status write_now(SimulatedDisk& disk, DiskFile& file, uint64_t at, std::span<const std::byte> bytes,
                 Durability durability) {
  const auto queue = disk.make_queue({}).value();
  RINGMAIN_TRY(submit(*queue, file, at, bytes, durability, 1));
  auto results = reap_all(*queue);
  RINGMAIN_TRY(results.at(0).second);
  return {};
}

TEST(SimulatedCrashTest, a_synced_write_is_always_there_with_the_size_to_read_it) {
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto file = durable_file(disk, "/a");
    ASSERT_TRUE(write_now(disk, *file, 0, filled(4 * block, 1), Durability::none));
    ASSERT_TRUE(write_now(disk, *file, block, filled(2 * block, 2), Durability::synced));
    disk.crash();
    const auto bytes = contents(disk, "/a");
    ASSERT_GE(bytes.size(), 3u * block);
    EXPECT_THAT(std::vector(bytes.begin() + block, bytes.begin() + 3 * block), Each(std::byte{2}));
  }
}

TEST(SimulatedCrashTest, a_sync_makes_every_write_before_it_last) {
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto file = durable_file(disk, "/a");
    const auto queue = disk.make_queue({}).value();
    for (uint64_t index = 0; index < 6; ++index) {
      ASSERT_TRUE(submit(*queue, *file, index * block, filled(block, 7), Durability::none, index));
    }
    ASSERT_TRUE(queue->submit_sync(*file, DiskToken(9)));
    for (const auto& [token, result] : reap_all(*queue)) ASSERT_TRUE(result);
    disk.crash();
    EXPECT_EQ(contents(disk, "/a"), filled(6 * block, 7));
  }
}

TEST(SimulatedCrashTest, an_unsynced_write_is_kept_lost_or_torn_at_sectors_and_never_within_one) {
  uint64_t kept = 0;
  uint64_t lost = 0;
  uint64_t torn_at_blocks = 0;
  uint64_t torn_at_sectors = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto file = durable_file(disk, "/a");
    ASSERT_TRUE(write_now(disk, *file, 0, filled(4 * block, 1), Durability::synced));
    ASSERT_TRUE(write_now(disk, *file, 0, filled(4 * block, 2), Durability::none));
    disk.crash();
    const auto bytes = contents(disk, "/a");
    ASSERT_EQ(bytes.size(), 4u * block);
    std::set<std::byte> seen;
    bool whole_blocks = true;
    for (size_t at = 0; at < bytes.size(); at += sector) {
      const std::vector one(bytes.begin() + at, bytes.begin() + at + sector);
      ASSERT_THAT(one, Each(one.front()));
      seen.insert(one.front());
      whole_blocks = whole_blocks && one.front() == bytes[at / block * block];
    }
    if (seen.size() == 2) {
      ++(whole_blocks ? torn_at_blocks : torn_at_sectors);
    } else {
      ++(seen.contains(std::byte{2}) ? kept : lost);
    }
  }
  EXPECT_GT(kept, seeds / 10);
  EXPECT_GT(lost, seeds / 10);
  EXPECT_GT(torn_at_blocks, seeds / 20);
  EXPECT_GT(torn_at_sectors, seeds / 20);
}

TEST(SimulatedCrashTest, a_later_unsynced_write_may_survive_an_earlier_one) {
  uint64_t only_later = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto file = durable_file(disk, "/a");
    ASSERT_TRUE(file->allocate({0, 2 * block}));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(write_now(disk, *file, 0, filled(block, 1), Durability::none));
    ASSERT_TRUE(write_now(disk, *file, block, filled(block, 2), Durability::none));
    disk.crash();
    const auto bytes = contents(disk, "/a");
    only_later += bytes.front() == std::byte{0} && bytes.back() == std::byte{2} ? 1 : 0;
  }
  EXPECT_GT(only_later, seeds / 20);
}

TEST(SimulatedCrashTest, an_unsynced_size_is_any_that_the_file_had) {
  std::set<uint64_t> sizes;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto file = durable_file(disk, "/a");
    ASSERT_TRUE(write_now(disk, *file, 0, filled(block, 1), Durability::synced));
    ASSERT_TRUE(write_now(disk, *file, block, filled(block, 1), Durability::none));
    ASSERT_TRUE(file->allocate({0, 8 * block}));
    disk.crash();
    sizes.insert(disk.file_size_bytes("/a").value());
  }
  EXPECT_THAT(sizes, ElementsAre(block, 2 * block, 8 * block));
}

TEST(SimulatedCrashTest, what_lay_behind_a_size_that_was_lost_never_comes_back) {
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    auto file = durable_file(disk, "/a");
    ASSERT_TRUE(file->write(0, filled(100, 1)));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(file->write(0, filled(2 * block, 2)));
    disk.crash();
    const uint64_t size_bytes = disk.file_size_bytes("/a").value();
    file = disk.open("/a", DiskOpen::write).value();
    ASSERT_TRUE(file->allocate({0, 3 * block}));
    const auto bytes = contents(disk, "/a");
    EXPECT_THAT(std::vector(bytes.begin() + static_cast<ptrdiff_t>(size_bytes), bytes.end()),
                Each(std::byte{0}));
  }
}

TEST(SimulatedCrashTest, a_recycled_file_keeps_its_stale_bytes_where_a_write_was_lost) {
  uint64_t stale = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto file = durable_file(disk, "/old");
    ASSERT_TRUE(write_now(disk, *file, 0, filled(4 * block, 1), Durability::synced));
    ASSERT_TRUE(disk.rename("/old", "/new"));
    ASSERT_TRUE(disk.sync_directory("/"));
    ASSERT_TRUE(write_now(disk, *file, 0, filled(block, 2), Durability::none));
    disk.crash();
    const auto bytes = contents(disk, "/new");
    ASSERT_EQ(bytes.size(), 4u * block);
    EXPECT_THAT(std::vector(bytes.begin() + block, bytes.end()), Each(std::byte{1}));
    stale += bytes.front() == std::byte{1} ? 1 : 0;
  }
  EXPECT_GT(stale, seeds / 10);
}

TEST(SimulatedCrashTest, a_name_lasts_once_its_directory_is_synced_and_not_before) {
  uint64_t lost = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto synced = disk.create("/synced").value();
    ASSERT_TRUE(disk.sync_directory("/"));
    const auto file = disk.create("/a").value();
    ASSERT_TRUE(write_now(disk, *file, 0, filled(block, 1), Durability::synced));
    disk.crash();
    EXPECT_TRUE(disk.open("/synced", DiskOpen::read));
    const auto found = disk.open("/a", DiskOpen::read);
    if (found) {
      EXPECT_EQ(contents(disk, "/a"), filled(block, 1));
    } else {
      EXPECT_EQ(found.error().code, ErrorCode::not_found);
      ++lost;
    }
  }
  EXPECT_GT(lost, seeds / 4);
  EXPECT_LT(lost, seeds * 3 / 4);
}

TEST(SimulatedCrashTest, a_rename_is_done_or_not_done_and_nothing_between) {
  uint64_t done = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto older = disk.create("/name").value();
    ASSERT_TRUE(write_now(disk, *older, 0, filled(block, 1), Durability::synced));
    const auto newer = disk.create("/name.tmp").value();
    ASSERT_TRUE(write_now(disk, *newer, 0, filled(block, 2), Durability::synced));
    ASSERT_TRUE(disk.sync_directory("/"));
    ASSERT_TRUE(disk.rename("/name.tmp", "/name"));
    const bool syncs = seed % 2 == 0;
    if (syncs) {
      ASSERT_TRUE(disk.sync_directory("/"));
    }
    disk.crash();
    const bool is_new = is_block_of(contents(disk, "/name"), 2);
    EXPECT_EQ(!disk.open("/name.tmp", DiskOpen::read), is_new);
    if (!is_new) {
      EXPECT_FALSE(syncs);
      EXPECT_EQ(contents(disk, "/name"), filled(block, 1));
    }
    done += is_new && !syncs ? 1 : 0;
  }
  EXPECT_GT(done, seeds / 8);
  EXPECT_LT(done, seeds * 3 / 8);
}

TEST(SimulatedCrashTest, a_move_to_a_synced_directory_takes_along_what_came_before) {
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    ASSERT_TRUE(disk.make_directories("/pool"));
    const auto file = disk.create("/a").value();  // its directory is never synced
    ASSERT_TRUE(write_now(disk, *file, 0, filled(block, 1), Durability::synced));
    ASSERT_TRUE(disk.rename("/a", "/pool/b"));
    ASSERT_TRUE(disk.sync_directory("/pool"));
    disk.crash();
    EXPECT_EQ(contents(disk, "/pool/b"), filled(block, 1));
    EXPECT_FALSE(disk.open("/a", DiskOpen::read));
  }
}

TEST(SimulatedCrashTest, a_removal_that_was_not_synced_may_come_undone) {
  uint64_t back = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto file = durable_file(disk, "/a");
    ASSERT_TRUE(write_now(disk, *file, 0, filled(block, 1), Durability::synced));
    ASSERT_TRUE(disk.remove("/a"));
    disk.crash();
    if (disk.open("/a", DiskOpen::read)) {
      ++back;
      EXPECT_EQ(contents(disk, "/a"), filled(block, 1));
    }
  }
  EXPECT_GT(back, seeds / 4);
  EXPECT_LT(back, seeds * 3 / 4);
}

TEST(SimulatedCrashTest, directories_last_at_once) {
  SimulatedDisk disk({.seed = 3});
  ASSERT_TRUE(disk.make_directories("/x/y/z"));
  disk.crash();
  EXPECT_THAT(disk.list("/x/y").value(), ElementsAre(DiskEntry{"z", true}));
}

TEST(SimulatedCrashTest, writes_in_flight_may_have_reached_the_disk_or_not) {
  uint64_t reached = 0;
  uint64_t started_and_lost = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    SimulatedDisk disk({.seed = seed});
    const auto file = durable_file(disk, "/a");
    ASSERT_TRUE(write_now(disk, *file, 0, filled(2 * block, 1), Durability::synced));
    const auto queue = disk.make_queue({}).value();
    ASSERT_TRUE(submit(*queue, *file, 0, filled(block, 2), Durability::synced, 1));
    ASSERT_TRUE(queue->submit());
    ASSERT_TRUE(submit(*queue, *file, block, filled(block, 2), Durability::synced, 2));
    disk.cut_power();
    for (const auto& [token, result] : reap_all(*queue)) {
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code, ErrorCode::closed);
    }
    disk.restart();
    const auto bytes = contents(disk, "/a");
    ++(bytes.front() == std::byte{2} ? reached : started_and_lost);
    EXPECT_EQ(bytes[block], std::byte{1});  // it was never started
  }
  EXPECT_GT(reached, seeds / 10);
  EXPECT_GT(started_and_lost, seeds / 10);
}

TEST(SimulatedCrashTest, without_power_nothing_works_and_what_was_open_stays_closed) {
  SimulatedDisk disk({.seed = 1});
  const auto file = durable_file(disk, "/a");
  const auto queue = disk.make_queue({}).value();
  disk.cut_power();
  EXPECT_FALSE(disk.has_power());
  const auto expect_closed = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::closed) << result.error().message;
  };
  const auto expect_all_closed = [&] {
    expect_closed(file->size_bytes());
    expect_closed(file->read(0, {}));
    expect_closed(file->write(0, filled(1, 1)));
    expect_closed(file->sync());
    expect_closed(file->allocate({0, block}));
    expect_closed(file->punch_hole({0, block}));
    expect_closed(file->truncate(0));
    expect_closed(queue->submit_write(*file, {.size_bytes = block}, DiskToken(1)));
    expect_closed(queue->submit_sync(*file, DiskToken(1)));
  };
  expect_all_closed();
  expect_closed(disk.create("/b"));
  expect_closed(disk.open("/a", DiskOpen::read));
  expect_closed(disk.file_size_bytes("/a"));
  expect_closed(disk.list("/"));
  expect_closed(disk.rename("/a", "/b"));
  expect_closed(disk.remove("/a"));
  expect_closed(disk.make_directories("/c"));
  expect_closed(disk.sync_directory("/"));
  expect_closed(disk.make_queue({}));
  disk.restart();
  EXPECT_TRUE(disk.has_power());
  expect_all_closed();
  EXPECT_TRUE(disk.open("/a", DiskOpen::read));
}

TEST(SimulatedCrashTest, one_seed_leaves_one_disk) {
  const auto run = [](uint64_t seed) {
    SimulatedDisk disk({.seed = seed, .short_write_percent = 50});
    const auto file = durable_file(disk, "/a");
    const auto queue = disk.make_queue({}).value();
    for (uint64_t index = 0; index < 8; ++index) {
      EXPECT_TRUE(submit(*queue, *file, index * 4 * block,
                         filled(4 * block, static_cast<uint8_t>(index + 1)), Durability::none,
                         index));
    }
    EXPECT_TRUE(queue->reap(ReapWait::for_one, [](DiskToken, const Result<uint64_t>&) {}));
    disk.crash();
    return contents(disk, "/a");
  };
  std::set<uint32_t> different;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(run(seed), run(seed));
    different.insert(crc32c(run(seed)));
  }
  EXPECT_GT(different.size(), 10u);
}

// A little log: each record is a block with its number, synced; the names are made as disk.hpp
// asks. Gives the number of records that were acknowledged.
uint64_t write_log(SimulatedDisk& disk, uint64_t records) {
  if (!disk.make_directories("/log")) return 0;
  const auto file = disk.create("/log/new");
  if (!file) return 0;
  if (!(*file)->allocate({0, records * block}) || !(*file)->sync()) return 0;
  if (!disk.rename("/log/new", "/log/records") || !disk.sync_directory("/log")) return 0;
  for (uint64_t record = 0; record < records; ++record) {
    const auto written =
        write_now(disk, **file, record * block, filled(block, static_cast<uint8_t>(record + 1)),
                  Durability::synced);
    if (!written) return record;
  }
  return records;
}

// Empty, or which acknowledged record is not there.
std::string missing_record(SimulatedDisk& disk, uint64_t acknowledged) {
  if (acknowledged == 0) return {};
  const auto file = disk.open("/log/records", DiskOpen::read);
  if (!file) return file.error().message;
  for (uint64_t record = 0; record < acknowledged; ++record) {
    std::vector<std::byte> bytes(block);
    if (const Status read = (*file)->read(record * block, bytes); !read)
      return read.error().message;
    if (!is_block_of(bytes, static_cast<uint8_t>(record + 1))) {
      return "record " + std::to_string(record) + " is not what was written";
    }
  }
  return {};
}

TEST(SimulatedCrashTest, whatever_was_acknowledged_survives_a_power_cut_at_every_operation) {
  constexpr uint64_t records = 10;
  SimulatedDisk whole({.seed = 0});
  ASSERT_EQ(write_log(whole, records), records);
  const uint64_t operations = whole.operations();
  EXPECT_EQ(whole.operations(DiskOperationKind::write), records);
  EXPECT_EQ(whole.operations(DiskOperationKind::sync), records + 1);
  EXPECT_EQ(operations, 2 * records + 6);

  std::set<uint64_t> acknowledged_counts;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    for (uint64_t nth = 1; nth <= operations; ++nth) {
      SimulatedDisk disk({.seed = seed});
      disk.cut_power_at(nth);
      const uint64_t acknowledged = write_log(disk, records);
      ASSERT_FALSE(disk.has_power());
      EXPECT_EQ(disk.operations(), nth);
      disk.restart();
      EXPECT_EQ(missing_record(disk, acknowledged), "") << "seed " << seed << ", cut at " << nth;
      acknowledged_counts.insert(acknowledged);
    }
  }
  EXPECT_EQ(acknowledged_counts.size(), records);  // 0 to 9: the cut came everywhere
}

TEST(SimulatedCrashTest, the_check_notices_a_disk_that_forgets_a_synced_write) {
  uint64_t noticed = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SimulatedDisk disk({.seed = seed});
    disk.cut_power_at(18);
    disk.forget_syncs(5);
    const uint64_t acknowledged = write_log(disk, 10);
    EXPECT_GT(acknowledged, 3u);
    disk.restart();
    noticed += missing_record(disk, acknowledged).empty() ? 0 : 1;
  }
  EXPECT_GT(noticed, 15u);
}

}  // namespace
}  // namespace ringmain::os
