// Retention: which files go, when clocks are right and when they are not, and how they go.
#include "storage/retention.hpp"

#include <gmock/gmock.h>

#include "storage/out_file.hpp"
#include "storage/retention_clock.hpp"
#include "unit/storage/compaction_fixture.hpp"

namespace ringmain::storage::test {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kMinuteMs = 60'000;

// Files of 100 offsets and 1000 bytes, and the one that is being written.
struct Retention : testing::Test {
  // Ages of the largest timestamp and of the file.
  void add(std::int64_t age_ms, std::int64_t created_age_ms) {
    const std::uint64_t base = 100 * files.size();
    files.push_back(
        {"", base, base + 100, 1000, kNowMs - created_age_ms, (kNowMs - age_ms) * 1'000'000});
  }
  void add(std::int64_t age_ms) { add(age_ms, age_ms + kHourMs); }
  void add_untimed(std::int64_t created_age_ms) {
    add(0, created_age_ms);
    files.back().largest_ns = format::kNoLargestNs;
  }
  RetentionDecision decide(std::int64_t now_ms = kNowMs) const {
    return decide_retention({files, start, now_ms, settled}, config);
  }
  std::size_t count(std::int64_t now_ms = kNowMs) const { return decide(now_ms).file_count; }

  std::vector<LogFileEntry> files;
  std::uint64_t start = 0;
  std::uint64_t settled = UINT64_MAX;
  RetentionConfig config;
};

TEST_F(Retention, has_kafkas_defaults) {
  EXPECT_EQ(config.retention_ms, 604800000);
  EXPECT_EQ(config.retention_bytes, -1);
}

TEST_F(Retention, of_no_files_none_go) {
  EXPECT_EQ(decide(), (RetentionDecision{0, 0}));
}

TEST_F(Retention, the_file_that_is_being_written_never_goes) {
  add(365 * kDayMs);
  config.retention_bytes = 0;
  start = 100;
  EXPECT_EQ(decide(), (RetentionDecision{0, 100}));
}

TEST_F(Retention, files_go_when_their_last_record_is_too_old) {
  add(8 * kDayMs);
  add(7 * kDayMs + 1);
  add(7 * kDayMs);
  add(0);
  EXPECT_EQ(decide(), (RetentionDecision{2, 200}));
  config.retention_ms = -1;
  EXPECT_EQ(decide(), (RetentionDecision{0, 0}));
}

TEST_F(Retention, an_old_file_behind_a_young_one_stays) {
  add(kDayMs);
  add(30 * kDayMs);
  add(0);
  EXPECT_EQ(count(), 0u);
}

TEST_F(Retention, files_go_when_the_rest_is_enough) {
  for (int i = 0; i < 4; ++i) add(0);
  config.retention_bytes = 3001;
  EXPECT_EQ(count(), 0u);
  config.retention_bytes = 3000;
  EXPECT_EQ(count(), 1u);
  config.retention_bytes = 1999;
  EXPECT_EQ(decide(), (RetentionDecision{2, 200}));
  config.retention_bytes = 0;
  EXPECT_EQ(count(), 3u);
}

TEST_F(Retention, files_below_the_logs_start_go_always) {
  for (int i = 0; i < 4; ++i) add(0);
  config.retention_ms = -1;
  start = 199;
  EXPECT_EQ(decide(), (RetentionDecision{1, 199}));
  start = 200;
  EXPECT_EQ(decide(), (RetentionDecision{2, 200}));
}

TEST_F(Retention, files_that_are_not_settled_stay) {
  for (int i = 0; i < 4; ++i) add(30 * kDayMs);
  settled = 200;
  EXPECT_EQ(count(), 2u);
}

// The writer is two files ahead of the disk: of the older one nothing is durable, so it seems to end where the log starts.
TEST_F(Retention, a_file_of_which_nothing_is_durable_yet_is_not_below_the_logs_start) {
  for (int i = 0; i < 3; ++i) add(0);
  for (std::size_t i = 0; i < files.size(); ++i) files[i].end_offset = files[i].base_offset;
  settled = 0;
  EXPECT_EQ(decide(), (RetentionDecision{0, 0}));
  start = 100;
  settled = 100;
  EXPECT_EQ(decide(), (RetentionDecision{1, 100}));
}

TEST_F(Retention, a_file_without_timestamps_goes_by_when_it_was_made) {
  add_untimed(8 * kDayMs);
  add_untimed(6 * kDayMs);
  add(0);
  EXPECT_EQ(count(), 1u);
}

TEST_F(Retention, a_clock_that_is_a_little_behind_believes_the_records) {
  add(-kHourMs, 30 * kDayMs);  // a slow topic, whose last record is of a producer further ahead
  add(0, 8 * kDayMs);
  EXPECT_EQ(count(), 0u);
  EXPECT_EQ(count(kNowMs + 7 * kDayMs), 0u);
  EXPECT_EQ(count(kNowMs + 7 * kDayMs + kHourMs + 1), 1u);
}

TEST_F(Retention, a_record_of_the_far_future_does_not_keep_its_file_for_ever) {
  add(0, kDayMs);
  files.back().largest_ns = INT64_MAX;
  add(0, kHourMs);
  add(0, 0);
  EXPECT_EQ(count(), 0u);
  EXPECT_EQ(count(kNowMs + 7 * kDayMs - kHourMs), 0u);
  EXPECT_EQ(count(kNowMs + 7 * kDayMs - kHourMs + 1), 1u);  // the next file was made a week ago
}

TEST_F(Retention, files_of_a_clock_that_ran_ahead_go_in_time_once_it_is_back) {
  add(-30 * kDayMs);
  add_untimed(-30 * kDayMs);
  add(0, 0);  // the first one since
  add(0, 0);
  EXPECT_EQ(count(), 0u);
  EXPECT_EQ(count(kNowMs + 7 * kDayMs), 0u);
  EXPECT_EQ(count(kNowMs + 7 * kDayMs + 1), 3u);
}

TEST_F(Retention, nothing_goes_by_time_when_no_time_can_be_believed) {
  for (int i = 0; i < 3; ++i) add(0);
  EXPECT_EQ(count(0), 0u);  // a clock that starts at 1970
  EXPECT_EQ(count(kNowMs - 20 * 365 * kDayMs), 0u);
}

TEST(RetentionClock, goes_with_a_clock_that_goes_on) {
  RetentionClock clock;
  for (std::int64_t ms = 0; ms < kDayMs; ms += 5 * kMinuteMs)
    EXPECT_EQ(clock.now_ms(kNowMs + ms, 1000 + ms), kNowMs + ms);
}

TEST(RetentionClock, follows_a_clock_that_is_slewed) {
  RetentionClock clock;
  for (std::int64_t ms = 0; ms < 30 * kDayMs; ms += 5 * kMinuteMs)
    EXPECT_EQ(clock.now_ms(kNowMs + ms + ms / 2000, ms), kNowMs + ms + ms / 2000);
  EXPECT_FALSE(clock.is_holding_back());
}

TEST(RetentionClock, does_not_believe_a_jump_ahead_that_is_taken_back) {
  RetentionClock clock;
  clock.now_ms(kNowMs, 0);
  EXPECT_EQ(clock.now_ms(kNowMs + 365 * kDayMs, kMinuteMs), kNowMs + kMinuteMs);
  EXPECT_TRUE(clock.is_holding_back());
  EXPECT_EQ(clock.now_ms(kNowMs + 365 * kDayMs, 60 * kMinuteMs), kNowMs + 60 * kMinuteMs);
  EXPECT_EQ(clock.now_ms(kNowMs + 90 * kMinuteMs, 90 * kMinuteMs), kNowMs + 90 * kMinuteMs);
  EXPECT_FALSE(clock.is_holding_back());
  // The time that an earlier jump lasted does not count for the next one.
  EXPECT_EQ(clock.now_ms(kNowMs + 365 * kDayMs, 91 * kMinuteMs), kNowMs + 91 * kMinuteMs);
}

TEST(RetentionClock, believes_a_jump_ahead_that_lasts) {
  RetentionClock clock;
  clock.now_ms(0, 0);  // 1970, until the network came up
  EXPECT_EQ(clock.now_ms(kNowMs, kMinuteMs), kMinuteMs);
  EXPECT_EQ(clock.now_ms(kNowMs + kHourMs, kMinuteMs + kHourMs), kNowMs + kHourMs);
  EXPECT_FALSE(clock.is_holding_back());
}

TEST(RetentionClock, believes_a_clock_that_is_set_back_at_once) {
  RetentionClock clock;
  clock.now_ms(kNowMs, 0);
  EXPECT_EQ(clock.now_ms(kNowMs - kDayMs, kMinuteMs), kNowMs - kDayMs);
}

struct Removal : testing::Test {
  static constexpr std::uint64_t kFiles = 4;
  struct World {
    explicit World(std::uint64_t seed) : disk({.seed = seed}), log(disk) {
      for (std::uint64_t i = 0; i < kFiles; ++i) {
        log.add_file({{put("a", "1"), put("b", "2")}});
        for (const auto kind : {segment::FileKind::offset_index, segment::FileKind::time_index}) {
          const std::string path =
              std::string(kFolder) + "/" + segment::file_name({100 + 2 * i, kind, false});
          EXPECT_TRUE(disk.create(path).value()->sync());
        }
      }
      EXPECT_TRUE(disk.sync_directory(kFolder));
    }
    // The writer began so many files since the last round of retention.
    void want_spares(std::uint64_t count) {
      for (std::uint64_t i = 0; i < count; ++i) EXPECT_FALSE(log.files.spares().take());
      EXPECT_TRUE(log.files.spares().begin_round(disk));
    }
    os::SimulatedDisk disk;
    TestLog log;
  };
  static StoreConfig config() {
    StoreConfig config;
    config.slot_bytes = kSlotBytes;
    config.file_bytes = 4 * kSlotBytes;
    return config;
  }
};

TEST_F(Removal, takes_logs_and_indexes_of_the_oldest) {
  World world(1);
  const auto report = remove_oldest(world.disk, owner(), config(), world.log.files, 2).value();
  EXPECT_EQ(report.removed_files, 2u);
  EXPECT_EQ(report.removed_bytes, 2 * kSlotBytes);
  EXPECT_EQ(world.log.files.all().size(), 2u);
  EXPECT_EQ(world.disk.list(kFolder)->size(), 6u);
  world.disk.crash();  // all of it is durable
  EXPECT_EQ(world.disk.list(kFolder)->size(), 6u);
  EXPECT_EQ(read_log(world.disk).start, 104u);
}

TEST_F(Removal, keeps_as_many_files_for_the_writer_as_it_began_since_the_last_round) {
  World world(1);
  world.want_spares(2);
  EXPECT_EQ(remove_oldest(world.disk, owner(), config(), world.log.files, 3)->removed_files, 3u);
  SpareFiles& spares = world.log.files.spares();
  EXPECT_EQ(spares.count(), 2u);
  const auto file = OutFile::create(world.disk, owner(), config(), 1000, spares).value();
  EXPECT_EQ(spares.count(), 1u);
  EXPECT_TRUE(file->is_recycled_to(kSlotBytes));
  EXPECT_FALSE(file->is_recycled_to(kSlotBytes + 1));
  const Bytes bytes = contents(world.disk, file->path());
  ASSERT_EQ(bytes.size(), kSlotBytes);
  EXPECT_TRUE(std::all_of(bytes.begin(), bytes.begin() + 4096, [](std::byte byte) { return byte == std::byte{}; }));
  EXPECT_TRUE(spares.begin_round(world.disk));  // one file was begun since: so one may be wanted
  EXPECT_EQ(spares.count(), 1u);
  EXPECT_TRUE(spares.begin_round(world.disk));  // the writer has come to rest
  EXPECT_EQ(spares.count(), 0u);
  EXPECT_EQ(world.disk.list(kFolder)->size(), 4u);  // the last file, its indexes, the new one
}

TEST_F(Removal, a_file_that_a_reader_has_open_is_not_written_to_again) {
  World world(1);
  world.want_spares(9);
  const auto reader = world.disk.open(world.log.files.all().front().path, os::DiskOpen::read).value();
  const Bytes before = contents(world.disk, reader->path());
  EXPECT_EQ(remove_oldest(world.disk, owner(), config(), world.log.files, 2)->removed_files, 2u);
  EXPECT_EQ(world.log.files.spares().count(), 1u);
  Bytes after(before.size());
  EXPECT_TRUE(reader->read(0, after));
  EXPECT_EQ(after, before);
}

TEST_F(Removal, a_file_that_is_larger_than_a_new_one_would_be_goes) {
  World world(1);
  world.want_spares(9);
  EXPECT_TRUE(world.disk.open(world.log.files.all().front().path, os::DiskOpen::write).value()->allocate({0, 4 * kSlotBytes + 1}));
  EXPECT_EQ(remove_oldest(world.disk, owner(), config(), world.log.files, 2)->removed_files, 2u);
  EXPECT_EQ(world.log.files.spares().count(), 1u);
}

TEST_F(Removal, never_takes_the_last_file) {
  World world(1);
  EXPECT_EQ(remove_oldest(world.disk, owner(), config(), world.log.files, 9)->removed_files, kFiles - 1);
  EXPECT_EQ(read_log(world.disk).start, 106u);
}

TEST_F(Removal, a_power_cut_at_any_operation_leaves_no_gap) {
  std::uint64_t cuts = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 30; ++seed) {
    const std::uint64_t wanted = seed % 4;
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(fmt::format("RINGMAIN_SEED={} operation {}", seed, nth));
      World world(seed);
      world.want_spares(wanted);
      world.disk.cut_power_at(nth);
      const auto report = remove_oldest(world.disk, owner(), config(), world.log.files, 3);
      if (world.disk.has_power()) {
        ASSERT_TRUE(report);
        break;
      }
      ++cuts;
      world.disk.restart();
      const Reading after = read_log(world.disk);
      ASSERT_EQ(after.fault, "");
      ASSERT_EQ(after.end, world.log.end_offset);
    }
  }
  EXPECT_GT(cuts, 100u);
}

TEST_F(Removal, goes_on_after_a_failure_and_leaves_no_gap) {
  std::uint64_t cuts = 0;
  for (const auto kind : {os::DiskOperationKind::remove, os::DiskOperationKind::sync_directory}) {
    for (std::uint64_t run = 0; run < 9 * 8 * 8; ++run) {
      const std::uint64_t failing = 1 + run % 9, cut_at = 1 + run / 9 % 8;
      SCOPED_TRACE(
          fmt::format("operation {} fails, power cut at {}, run {}", failing, cut_at, run));
      World world(first_seed() + run);
      world.want_spares(run % 4);
      world.disk.add_fault({kind, failing, 1, ErrorCode::io});
      const auto report = remove_oldest(world.disk, owner(), config(), world.log.files, 3);
      world.disk.clear_faults();
      const std::size_t left = world.log.files.all().size();
      if (report || left < 2) continue;
      world.disk.cut_power_at(cut_at);
      static_cast<void>(remove_oldest(world.disk, owner(), config(), world.log.files, left - 1));
      cuts += !world.disk.has_power();
      world.disk.crash();
      const Reading after = read_log(world.disk);
      ASSERT_EQ(after.fault, "");
      ASSERT_EQ(after.end, world.log.end_offset);
    }
  }
  EXPECT_GT(cuts, 100u);
}

}  // namespace
}  // namespace ringmain::storage::test
