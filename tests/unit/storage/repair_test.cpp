// Repair: what proves itself stays at its offset, what does not becomes void, and a start takes the
// folder.
#include "storage/repair.hpp"

#include <gmock/gmock.h>

#include "storage/recovery.hpp"
#include "storage/repair_segment.hpp"
#include "unit/storage/compaction_fixture.hpp"

namespace ringmain::storage::test {
namespace {

using segment::test::Closing;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kSeed = 7;

SegmentFrames plain(std::uint64_t records, const std::string& what = "v") {
  SegmentFrames frames;
  for (std::uint64_t i = 0; i < records; ++i)
    frames.push_back(keyless(fmt::format("{} {}", what, i) + std::string(i % 40, 'x')));
  return frames;
}

// Three files: offsets 100 to 119, 120 to 139, 140 to 144; two segments of ten each in the first
// two.
struct Repair : testing::Test {
  os::SimulatedDisk disk{{.seed = 1}};
  TestLog log{disk};

  void make_log() {
    log.add_file({plain(10, "a"), plain(10, "b")});
    log.add_file({plain(10, "c"), plain(10, "d")});
    log.add_file({plain(5, "e")});
  }
  std::string path(std::uint64_t base) const {
    return std::string(kFolder) + "/" + segment::file_name({base, segment::FileKind::log, false});
  }

  void put(const std::string& file, std::uint64_t at, std::span<const std::byte> bytes) {
    const auto opened = disk.open(file, os::DiskOpen::write).value();
    ASSERT_TRUE(opened->write(at, bytes));
    ASSERT_TRUE(opened->sync());
  }
  void flip(const std::string& file, std::uint64_t at, int bit = 3) {
    Bytes byte(1);
    ASSERT_TRUE(disk.open(file, os::DiskOpen::read).value()->read(at, byte));
    byte[0] ^= static_cast<std::byte>(1 << bit);
    put(file, at, byte);
  }
  void wipe(const std::string& file, std::uint64_t at, std::size_t bytes, int with = 0x77) {
    put(file, at, Bytes(bytes, static_cast<std::byte>(with)));
  }
  void lose(const std::string& file) {
    ASSERT_TRUE(disk.remove(file));
    ASSERT_TRUE(disk.sync_directory(kFolder));
  }
  // Byte of its file where a record stands.
  std::uint64_t place_of(const std::string& file, std::uint64_t offset) {
    const Bytes bytes = contents(disk, file);
    const auto view = segment::LogFileView::parse(bytes, file).value();
    const auto found = view.find(offset);
    EXPECT_EQ(found.outcome, segment::FindOutcome::found);
    return found.place.segment_index * kSlotBytes + found.place.units * 32ull;
  }

  RepairReport look() {
    auto report = repair_log(disk, owner(), RepairMode::look, kSeed);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : RepairReport{};
  }
  RepairReport repair() {
    auto report = repair_log(disk, owner(), RepairMode::skip_damage, kSeed);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : RepairReport{};
  }
  Result<RecoveredLog> start() {
    StoreConfig config;
    config.slot_bytes = kSlotBytes;
    LogFiles files;
    return recover_log(disk, owner(), config, nullptr, files);
  }
  // A start takes the folder, nothing is left to repair, and all records but those of `lost` are as
  // they were.
  void expect_repaired(const Reading& before, const std::vector<LostRange>& lost) {
    const Reading after = read_log(disk);
    EXPECT_EQ(after.fault, "");
    const RepairReport again = look();
    EXPECT_TRUE(again.is_sound()) << testing::PrintToString(again.changed);
    EXPECT_THAT(again.lost, IsEmpty());
    const auto started = start();
    EXPECT_TRUE(started) << started.error().message;
    const auto is_lost = [&](std::uint64_t offset) {
      return std::any_of(lost.begin(), lost.end(), [offset](const LostRange& range) {
        return range.from_offset <= offset && offset < range.to_offset.value_or(UINT64_MAX);
      });
    };
    std::map<std::uint64_t, Put> stays;
    for (const auto& [offset, record] : before.records)
      if (!is_lost(offset)) stays[offset] = record;
    EXPECT_EQ(after.records, stays);
  }
};

std::vector<std::pair<std::uint64_t, std::uint64_t>> offsets_of(const RepairReport& report) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
  for (const LostRange& lost : report.lost)
    found.emplace_back(lost.from_offset, lost.to_offset.value_or(UINT64_MAX));
  return found;
}
using Offsets = std::pair<std::uint64_t, std::uint64_t>;

TEST_F(Repair, leaves_a_sound_log_alone) {
  make_log();
  const std::uint64_t operations = disk.operations();
  const RepairReport report = repair();
  EXPECT_TRUE(report.is_sound());
  EXPECT_THAT(report.kept, IsEmpty());
  EXPECT_EQ(disk.operations() - operations, 1u);  // the folder is synced
}

// What was wiped looks unfinished, and must not be taken for it.
struct WipedHead : Repair, testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Of, WipedHead, testing::Bool(), [](const auto& each) {
  return each.param ? "the_last_file" : "a_file_in_the_middle";
});
TEST_P(WipedHead, keeps_a_start_from_removing_the_file) {
  log.add_file({plain(10, "a"), plain(10, "b")});
  log.add_file({plain(10, "c"), plain(10, "d")});
  if (!GetParam()) log.add_file({plain(5, "e")});
  wipe(path(120), 0, 512, 0);
  const auto started = start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("log repair"));
  EXPECT_TRUE(disk.open(path(120), os::DiskOpen::read)) << "it is still there";
  EXPECT_THAT(offsets_of(repair()), SizeIs(1));
  EXPECT_TRUE(start());
}

TEST_F(Repair, loses_the_damaged_record_and_no_other_and_keeps_the_damaged_file) {
  make_log();
  const Reading before = read_log(disk);
  const std::uint64_t at = place_of(path(100), 113);
  flip(path(100), at + 33);
  const Bytes damaged = contents(disk, path(100));
  const RepairReport report = repair();
  ASSERT_THAT(report.lost, SizeIs(1));
  EXPECT_EQ(report.lost[0], (LostRange{113, 114, path(100), at, place_of(path(100), 114) - at}));
  EXPECT_THAT(report.changed, ElementsAre(path(100)));
  EXPECT_FALSE(report.given_again_from);
  ASSERT_THAT(report.kept,
              ElementsAre(HasSubstr("topic-3.damaged/00000000000000000100.log.damaged")));
  EXPECT_EQ(contents(disk, report.kept[0]), damaged);
  expect_repaired(before, report.lost);
}

TEST_F(Repair, says_what_it_would_do_and_changes_nothing_unless_it_is_told_to) {
  make_log();
  flip(path(100), place_of(path(100), 113) + 33);
  const std::uint64_t operations = disk.operations();
  const RepairReport would = look();
  EXPECT_EQ(disk.operations(), operations);
  EXPECT_FALSE(would.is_sound());
  const RepairReport does = repair();
  EXPECT_EQ(would.lost, does.lost);
  EXPECT_EQ(would.changed, does.changed);
}

TEST_F(Repair, the_last_record_of_a_segment_and_the_first) {
  make_log();
  const Reading before = read_log(disk);
  flip(path(100), place_of(path(100), 109) + 1);
  flip(path(100), place_of(path(100), 110) + 1);
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{109, 110}, Offsets{110, 111}));
  expect_repaired(before, report.lost);
}

TEST_F(Repair, a_lost_head_is_made_anew_from_the_frames_behind_it) {
  make_log();
  const Reading before = read_log(disk);
  wipe(path(120), 0, 256);
  const RepairReport report = repair();
  EXPECT_THAT(report.lost, IsEmpty());
  EXPECT_THAT(report.changed, ElementsAre(path(120)));
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("made anew")));
  expect_repaired(before, {});
}

TEST_F(Repair, a_lost_head_in_the_middle_of_a_file) {
  make_log();
  const Reading before = read_log(disk);
  wipe(path(120), kSlotBytes, 256);
  const RepairReport report = repair();
  EXPECT_THAT(report.lost, IsEmpty());
  expect_repaired(before, {});
}

TEST_F(Repair, a_first_block_of_zeros) {
  make_log();
  const Reading before = read_log(disk);
  wipe(path(120), 0, 512, 0);
  const RepairReport report = repair();
  ASSERT_THAT(report.lost, SizeIs(1));
  EXPECT_EQ(report.lost[0].from_offset, 120u);
  EXPECT_LT(*report.lost[0].to_offset, 126u);
  expect_repaired(before, report.lost);
}

TEST_F(Repair, a_segment_of_which_nothing_is_left_becomes_void) {
  log.add_file({plain(10), plain(10), plain(10)});
  log.add_file({plain(5)});
  const Reading before = read_log(disk);
  wipe(path(100), kSlotBytes, kSlotBytes);
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{110, 120}));
  expect_repaired(before, report.lost);
}

// Of the second one the frames say which segment it is, and so which the first one was.
TEST_F(Repair, a_segment_of_which_nothing_is_left_before_one_that_lost_its_head) {
  make_log();
  const Reading before = read_log(disk);
  wipe(path(100), kSlotBytes, 256,
       0);  // so that the number of segments up to there is not known, either
  wipe(path(100), 0, 256);
  wipe(path(120), 0, kSlotBytes);
  wipe(path(120), kSlotBytes, 256);
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{120, 130}));
  expect_repaired(before, report.lost);
}

TEST_F(Repair, a_missing_file_becomes_one_of_fillers) {
  make_log();
  const Reading before = read_log(disk);
  lose(path(120));
  EXPECT_FALSE(start());
  const RepairReport report = repair();
  EXPECT_THAT(report.lost, ElementsAre(LostRange{120, 140, path(120), 0, 0}));
  EXPECT_THAT(report.kept, IsEmpty());
  expect_repaired(before, report.lost);
}

TEST_F(Repair, a_file_of_which_nothing_is_left_in_the_middle) {
  make_log();
  const Reading before = read_log(disk);
  wipe(path(120), 0, 2 * kSlotBytes);
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{120, 140}));
  EXPECT_THAT(report.kept, SizeIs(1));
  expect_repaired(before, report.lost);
}

TEST_F(Repair, a_first_file_of_which_nothing_is_left_lets_the_log_start_later) {
  make_log();
  const Reading before = read_log(disk);
  wipe(path(100), 0, 2 * kSlotBytes);
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{100, 120}));
  EXPECT_EQ(read_log(disk).start, 120u);
  expect_repaired(before, report.lost);
}

TEST_F(Repair, a_last_file_of_which_nothing_is_left_ends_the_log_before_it) {
  make_log();
  const Reading before = read_log(disk);
  wipe(path(140), 0, kSlotBytes);
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{140, UINT64_MAX}));
  EXPECT_EQ(report.given_again_from, 140u);
  expect_repaired(before, report.lost);
  EXPECT_EQ(start()->start.base_offset, 140u);
}

TEST_F(Repair, a_log_of_which_nothing_is_left_goes_on_where_its_last_file_began) {
  make_log();
  for (const std::uint64_t base : {100, 120, 140})
    wipe(path(base), 0, contents(disk, path(base)).size());
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report),
              ElementsAre(Offsets{100, 120}, Offsets{120, 140}, Offsets{140, UINT64_MAX}));
  EXPECT_EQ(report.given_again_from, 140u);
  const auto started = start();
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(started->start.base_offset, 140u);
  EXPECT_TRUE(look().is_sound());
}

TEST_F(Repair, a_file_that_was_cut_off) {
  make_log();
  const Reading before = read_log(disk);
  const std::uint64_t at = place_of(path(120), 135);
  const auto file = disk.open(path(120), os::DiskOpen::write).value();
  ASSERT_TRUE(file->truncate(at + 7));
  ASSERT_TRUE(file->sync());
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{135, 140}));
  expect_repaired(before, report.lost);
}

// Its head proves where it ends, so no offset is given twice.
TEST_F(Repair, the_last_segment_after_a_clean_stop_keeps_its_end) {
  make_log();
  const Reading before = read_log(disk);
  flip(path(140), place_of(path(140), 144) + 33);
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{144, 145}));
  EXPECT_FALSE(report.given_again_from);
  expect_repaired(before, report.lost);
  EXPECT_EQ(start()->start.base_offset, 145u);
}

TEST_F(Repair, a_lost_head_of_the_last_segment_leaves_its_end_in_doubt_and_says_so) {
  make_log();
  const Reading before = read_log(disk);
  wipe(path(140), 0, 256);
  const RepairReport report = repair();
  EXPECT_THAT(report.lost, IsEmpty());
  EXPECT_EQ(report.given_again_from, 145u);
  expect_repaired(before, {});
  EXPECT_EQ(start()->start.base_offset, 145u);
}

TEST_F(Repair, a_torn_tail_is_no_damage) {
  log.add_file({plain(10)});
  log.add_file({plain(10)}, Closing::open);
  flip(path(110), place_of(path(110), 119) + 33);
  const RepairReport report = repair();
  EXPECT_TRUE(report.is_sound()) << testing::PrintToString(report.changed);
  EXPECT_EQ(start()->start.base_offset, 119u);
}

TEST_F(Repair, an_open_segment_that_does_not_reach_the_one_behind_it) {
  log.add_file({plain(10)}, Closing::open);
  log.add_file({plain(10)});
  log.add_file({plain(10)});
  const Reading before = read_log(disk);
  flip(path(100), place_of(path(100), 104) + 33);
  EXPECT_FALSE(start());
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{104, 105}));
  expect_repaired(before, report.lost);
}

TEST_F(Repair, a_damaged_index_goes_and_no_record_with_it) {
  make_log();
  const std::string index = std::string(kFolder) + "/" +
                            segment::file_name({100, segment::FileKind::offset_index, false});
  ASSERT_TRUE(disk.create(index).value()->write(0, Bytes(200, std::byte{1})));
  const Reading before = read_log(disk);
  EXPECT_THAT(look().changed, ElementsAre(index));
  const RepairReport report = repair();
  EXPECT_THAT(report.lost, IsEmpty());
  EXPECT_FALSE(disk.file_size_bytes(index));
  expect_repaired(before, {});
}

TEST_F(Repair, files_of_another_partition_are_for_a_person) {
  make_log();
  StoreOwner other = owner();
  other.partition = 4;
  const auto report = repair_log(disk, other, RepairMode::skip_damage, kSeed);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr("belongs to partition"));
}

TEST_F(Repair, a_record_that_holds_a_frame_cannot_push_out_others) {
  // The inner frame proves itself at its place, and has an offset far up.
  HotSegment hot(5, 100);
  for (int i = 0; i < 3; ++i) hot.record("before");
  const segment::SegmentPlace outer = hot.end();
  Bytes body(96);
  segment::PlainFrameHeader inner{};
  inner.commit = format::commit_word(32, hot.tag());
  inner.offset = 108;
  inner.type = static_cast<std::uint8_t>(format::FrameType::record);
  std::memcpy(body.data(), &inner, sizeof(inner));
  inner.crc32c =
      segment::FrameSeal(hot.head()).checksum_of_sealed(std::span(body).first(32), outer.units + 1);
  std::memcpy(body.data(), &inner, sizeof(inner));
  hot.add(format::FrameType::record, 1000, body);
  for (int i = 0; i < 6; ++i) hot.record("behind");
  Bytes file = segment::test::disk_image(hot, Closing::complete);
  segment::test::flip(file, outer.units * 32ull + 24);  // the outer one's checksum
  const auto runs = find_runs(file, segment::test::head_in(file)).runs;
  ASSERT_THAT(runs, SizeIs(3));
  ASSERT_TRUE(disk.create(path(100)).value()->write(0, file));
  const RepairReport report = repair();
  EXPECT_THAT(offsets_of(report), ElementsAre(Offsets{103, 104}));
  EXPECT_EQ(read_log(disk).fault, "");
  EXPECT_THAT(read_log(disk).end, 110u);
}

void flip_in_place(os::Disk& disk, const std::string& path, std::uint64_t at, int bit) {
  const auto file = disk.open(path, os::DiskOpen::write).value();
  Bytes byte(1);
  ASSERT_TRUE(file->read(at, byte));
  byte[0] ^= static_cast<std::byte>(1 << bit);
  ASSERT_TRUE(file->write(at, byte));
}
void restore(os::Disk& disk, const std::string& path, const Bytes& bytes,
             const std::vector<std::string>& copies) {
  for (const std::string& copy : copies) ASSERT_TRUE(disk.remove(copy));
  const auto file = disk.open(path, os::DiskOpen::write).value();
  ASSERT_TRUE(file->truncate(0));
  ASSERT_TRUE(file->write(0, bytes));
}

// A bit of any byte: a start takes the repaired log, and it has all but the frame that was hit.
TEST_F(Repair, any_flipped_bit_costs_one_frame_at_the_most) {
  std::uint64_t with_loss = 0, without = 0, harmless = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 3; ++seed) {
    os::SimulatedDisk source({.seed = seed});
    TestLog made(source);
    Random random(seed);
    made.add_file({random_segment(random, 12), random_segment(random, 8)});
    made.add_file({random_segment(random, 9)});
    made.add_file({random_segment(random, 4)});
    const Reading before = read_log(source);
    ASSERT_EQ(before.fault, "");
    for (const LogFileEntry& entry : made.files.all()) {
      const Bytes whole = contents(source, entry.path);
      for (std::uint64_t at = random.below(9); at < whole.size(); at += 1 + random.below(17)) {
        const std::uint64_t in_segment = at % kSlotBytes;
        if (in_segment > segment::test::head_in(whole, at - in_segment).proved_units * 32ull)
          continue;
        const int bit = static_cast<int>(random.below(8));
        SCOPED_TRACE(fmt::format("RINGMAIN_SEED={} {} byte {} bit {}", seed, entry.path, at, bit));
        flip_in_place(source, entry.path, at, bit);
        const auto report = repair_log(source, owner(), RepairMode::skip_damage, seed);
        ASSERT_TRUE(report) << report.error().message;
        ++(report->is_sound() ? harmless : report->lost.empty() ? without : with_loss);
        ASSERT_LE(report->lost.size(), 1u);
        const Reading after = read_log(source);
        ASSERT_EQ(after.fault, "");
        ASSERT_EQ(after.end, before.end);
        std::uint64_t gone = 0;
        for (const auto& [offset, record] : before.records)
          if (!after.records.contains(offset)) {
            ++gone;
            ASSERT_TRUE(report->lost.size() == 1 && report->lost[0].from_offset <= offset &&
                        offset < *report->lost[0].to_offset);
          } else {
            ASSERT_EQ(after.records.at(offset), record);
          }
        ASSERT_LE(gone, 1u);
        ASSERT_EQ(after.records.size() + gone, before.records.size());
        if (in_segment < 256) {
          ASSERT_EQ(gone, 0u);
        }
        StoreConfig config;
        config.slot_bytes = kSlotBytes;
        LogFiles files;
        const auto started = recover_log(source, owner(), config, nullptr, files);
        ASSERT_TRUE(started) << started.error().message;
        ASSERT_EQ(started->start.base_offset, before.end);
        ASSERT_TRUE(repair_log(source, owner(), RepairMode::look, seed)->is_sound());
        restore(source, entry.path, whole, report->kept);
      }
    }
  }
  EXPECT_GT(with_loss, 50u);
  EXPECT_GT(without, 20u);
  EXPECT_GT(harmless, 0u);  // the padding behind a frame
}

// One damage of each kind.
void damage_all_over(os::SimulatedDisk& disk, TestLog& log) {
  log.add_file({plain(10), plain(10)});  // a record
  log.add_file({plain(10), plain(10)});  // a head
  log.add_file({plain(10)});             // missing
  log.add_file({plain(10), plain(10)});  // nothing is left of it
  log.add_file({plain(10)});
  log.add_file({plain(10)});  // at the end, likewise
  const auto path = [&](std::size_t i) { return log.files.all()[i].path; };
  const auto wipe = [&](std::size_t i, std::uint64_t at, std::size_t bytes) {
    const auto file = disk.open(path(i), os::DiskOpen::write).value();
    ASSERT_TRUE(file->write(at, Bytes(bytes, std::byte{0x77})));
    ASSERT_TRUE(file->sync());
  };
  wipe(0, 600, 1);
  wipe(1, kSlotBytes, 256);
  ASSERT_TRUE(disk.remove(path(2)));
  wipe(3, 0, 2 * kSlotBytes);
  wipe(5, 0, kSlotBytes);
  ASSERT_TRUE(disk.sync_directory(kFolder));
}

TEST_F(Repair, a_power_cut_at_any_operation_leaves_a_folder_that_can_be_repaired) {
  damage_all_over(disk, log);
  const RepairReport whole = repair();
  ASSERT_THAT(whole.lost, SizeIs(3));
  const Reading wanted = read_log(disk);
  ASSERT_EQ(wanted.fault, "");
  std::uint64_t cuts = 0, already_done = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 4; ++seed)
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(fmt::format("RINGMAIN_SEED={} operation {}", seed, nth));
      os::SimulatedDisk cut({.seed = seed * 1000 + nth});
      TestLog made(cut);
      damage_all_over(cut, made);
      cut.cut_power_at(nth);
      const auto first = repair_log(cut, owner(), RepairMode::skip_damage, kSeed);
      if (cut.has_power()) {
        ASSERT_TRUE(first) << first.error().message;
        break;
      }
      ++cuts;
      cut.restart();
      const auto second = repair_log(cut, owner(), RepairMode::skip_damage, kSeed + 1);
      ASSERT_TRUE(second) << second.error().message;
      already_done += second->is_sound();
      const Reading after = read_log(cut);
      ASSERT_EQ(after.fault, "");
      ASSERT_EQ(after.records, wanted.records);
      ASSERT_EQ(after.end, wanted.end);
      StoreConfig config;
      config.slot_bytes = kSlotBytes;
      LogFiles files;
      const auto started = recover_log(cut, owner(), config, nullptr, files);
      ASSERT_TRUE(started) << started.error().message;
      ASSERT_EQ(started->start.base_offset, wanted.end);
    }
  EXPECT_GT(cuts, 100u);
  EXPECT_GT(already_done, 0u);
}

TEST_F(Repair, what_it_did_outlives_a_power_cut) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 50; ++seed) {
    SCOPED_TRACE(fmt::format("RINGMAIN_SEED={}", seed));
    os::SimulatedDisk cut({.seed = seed});
    TestLog made(cut);
    damage_all_over(cut, made);
    const auto report = repair_log(cut, owner(), RepairMode::skip_damage, kSeed);
    ASSERT_TRUE(report) << report.error().message;
    cut.crash();
    ASSERT_EQ(read_log(cut).fault, "");
    ASSERT_TRUE(repair_log(cut, owner(), RepairMode::look, kSeed)->is_sound());
    for (const std::string& copy : report->kept) ASSERT_TRUE(cut.file_size_bytes(copy)) << copy;
  }
}

TEST_F(Repair, the_test_above_notices_a_disk_that_forgets_a_sync) {
  int noticed = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    os::SimulatedDisk forgetful({.seed = seed});
    TestLog made(forgetful);
    damage_all_over(forgetful, made);
    forgetful.forget_syncs(1000);
    ASSERT_TRUE(repair_log(forgetful, owner(), RepairMode::skip_damage, kSeed));
    forgetful.crash();
    const auto again = repair_log(forgetful, owner(), RepairMode::look, kSeed);
    noticed += read_log(forgetful).fault != "" || !again || !again->is_sound();
  }
  EXPECT_GT(noticed, 0);
}

TEST_F(Repair, a_disk_that_fails_leaves_an_error_and_a_folder_that_can_be_repaired) {
  for (const auto kind :
       {os::DiskOperationKind::write, os::DiskOperationKind::sync, os::DiskOperationKind::create,
        os::DiskOperationKind::rename, os::DiskOperationKind::sync_directory}) {
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(fmt::format("kind {} number {}", static_cast<int>(kind), nth));
      os::SimulatedDisk failing({.seed = nth});
      TestLog made(failing);
      damage_all_over(failing, made);
      failing.add_fault({kind, nth, 1, ErrorCode::no_space});
      const auto first = repair_log(failing, owner(), RepairMode::skip_damage, kSeed);
      failing.clear_faults();
      if (first) break;
      const auto second = repair_log(failing, owner(), RepairMode::skip_damage, kSeed);
      ASSERT_TRUE(second) << second.error().message;
      ASSERT_EQ(read_log(failing).fault, "");
      ASSERT_TRUE(repair_log(failing, owner(), RepairMode::look, kSeed)->is_sound());
    }
  }
}

// Rubbish all over: never a crash, and what is repaired can be started and needs no second repair.
TEST_F(Repair, rubbish_anywhere_is_repaired_or_refused) {
  std::uint64_t repaired = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 150; ++seed) {
    SCOPED_TRACE(fmt::format("RINGMAIN_SEED={}", seed));
    Random random(seed);
    os::SimulatedDisk rubbish({.seed = seed});
    TestLog made(rubbish);
    for (int i = 0; i < 4; ++i)
      made.add_file({random_segment(random, 1 + random.below(10)),
                     random_segment(random, 1 + random.below(10))},
                    i == 3 && random.below(2) == 0 ? Closing::open : Closing::complete);
    const Reading before = read_log(rubbish);
    for (std::uint64_t i = 0, hits = 1 + random.below(6); i < hits; ++i) {
      const std::string path = made.files.all()[random.below(4)].path;
      const auto file = rubbish.open(path, os::DiskOpen::write).value();
      Bytes bytes(1 + random.below(random.below(4) == 0 ? 70'000 : 300));
      for (std::byte& byte : bytes)
        byte = static_cast<std::byte>(random.below(3) == 0 ? random() : 0);
      ASSERT_TRUE(
          file->write(random.below(2) * kSlotBytes + random.below(2) * random.below(3000), bytes));
    }
    const auto report = repair_log(rubbish, owner(), RepairMode::skip_damage, seed);
    if (!report) continue;
    ++repaired;
    const Reading after = read_log(rubbish);
    if (after.fault != "no file") {
      ASSERT_EQ(after.fault, "");
    }
    for (const auto& [offset, record] : after.records) ASSERT_EQ(before.records.at(offset), record);
    const auto again = repair_log(rubbish, owner(), RepairMode::look, seed);
    ASSERT_TRUE(again && again->is_sound()) << testing::PrintToString(again->changed);
    StoreConfig config;
    config.slot_bytes = kSlotBytes;
    LogFiles files;
    const auto started = recover_log(rubbish, owner(), config, nullptr, files);
    ASSERT_TRUE(started) << started.error().message;
  }
  EXPECT_GT(repaired, 140u);
}

}  // namespace
}  // namespace ringmain::storage::test
