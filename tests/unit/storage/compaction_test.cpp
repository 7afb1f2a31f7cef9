// Compaction: what stays, what goes, and that nobody can tell but by what is gone.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "storage/compaction_mark.hpp"
#include "unit/storage/compaction_fixture.hpp"

namespace ringmain::storage::test {
namespace {

using segment::test::Closing;
using testing::HasSubstr;
using testing::IsEmpty;

struct Compaction : testing::Test {
  os::SimulatedDisk disk{{.seed = 1}};
  TestLog log{disk};
  CompactionConfig config{};

  Compactor compactor() { return Compactor(disk, owner(), config, log.files, 7); }
};

TEST_F(Compaction, keeps_of_each_key_the_newest_record_where_it_was) {
  log.add_file({{put("a", "1"), put("b", "1"), put("a", "2")}, {put("a", "3")}});
  log.add_file({{put("c", "1"), put("b", "2")}});
  log.add_last_file();
  const Reading before = read_log(disk);
  auto under_test = compactor();
  const RoundResult round = run_round(under_test);
  ASSERT_FALSE(round.error) << round.error->message;
  EXPECT_EQ(round.counts().replaced, 3u);
  const Reading after = read_log(disk);
  EXPECT_EQ(breaches(before, after), "");
  EXPECT_THAT(after.records, testing::UnorderedElementsAre(
                                 testing::Key(103), testing::Key(104), testing::Key(105),
                                 testing::Key(106)));  // the last: of the file being written
}

TEST_F(Compaction, leaves_the_last_file_alone) {
  log.add_file({{put("a", "1"), put("a", "2")}});
  const Reading before = read_log(disk);
  auto under_test = compactor();
  EXPECT_THAT(run_round(under_test).reports, IsEmpty());
  EXPECT_EQ(read_log(disk).records, before.records);
}

TEST_F(Compaction, leaves_files_alone_that_are_not_settled) {
  log.add_file({{put("a", "1"), put("a", "2")}});
  log.add_last_file();
  auto under_test = compactor();
  EXPECT_TRUE(under_test.plan(kNowMs, 101)->empty());
  EXPECT_FALSE(under_test.plan(kNowMs, 102)->empty());
}

// The writer is in the next file already, and the disk has only some of this one.
TEST_F(Compaction, leaves_files_alone_of_which_not_everything_is_durable_yet) {
  log.add_file({{put("a", "1"), put("a", "2")}});
  LogFileEntry entry = log.files.all()[0];
  entry.end_offset = 101;
  log.files.append(entry);  // in its place
  log.add_last_file();
  auto under_test = compactor();
  EXPECT_TRUE(under_test.plan(kNowMs, 101)->empty());
}

TEST_F(Compaction, keeps_heads_but_for_marks_and_ends) {
  log.add_file({{put("a", "1"), put("a", "2")}, {put("a", "3")}});
  log.add_last_file();
  const std::string path = log.files.all()[0].path;
  const Bytes old_file = contents(disk, path);
  auto under_test = compactor();
  run_round(under_test);
  const Bytes new_file = contents(disk, path);
  for (const std::uint64_t at : {std::uint64_t{0}, kSlotBytes}) {
    const auto was = segment::test::head_in(old_file, at),
               is = segment::test::head_in(new_file, at);
    EXPECT_EQ(was.tag, is.tag);
    EXPECT_EQ(was.sequence, is.sequence);
    EXPECT_EQ(was.base_offset, is.base_offset);
    EXPECT_EQ(was.proved_count, is.proved_count);
    EXPECT_NE(was.file_tag, is.file_tag);
    EXPECT_EQ(is.flags, format::kSegmentComplete | format::kSegmentCleaned);
    EXPECT_EQ(first_cleaned_ms(is), kNowMs);
    EXPECT_EQ(first_cleaned_ms(was), std::nullopt);
  }
  const auto first = segment::test::head_in(new_file);
  EXPECT_EQ(first.proved_units, 9u);  // one filler
  EXPECT_GT(first.smallest_ns, first.largest_ns);
}

TEST_F(Compaction, cleans_a_log_that_is_clean_no_more) {
  log.add_file({{put("a", "1"), put("a", "2")}});
  log.add_last_file();
  auto under_test = compactor();
  EXPECT_EQ(run_round(under_test).reports.size(), 1u);
  EXPECT_TRUE(under_test.plan(kNowMs, UINT64_MAX)->empty());
}

TEST_F(Compaction, rewrites_only_those_clean_files_of_which_something_goes) {
  log.add_file({{put("a", "1")}});
  log.add_file({{put("b", "1")}});
  log.add_last_file();
  config.min_dirty_ratio = 0;
  auto under_test = compactor();
  run_round(under_test);
  log.add_file({{put("b", "2")}});
  log.add_last_file();
  const RoundResult round = run_round(under_test);
  ASSERT_EQ(round.reports.size(), 4u);
  EXPECT_EQ(round.reports[0].outcome, CleaningOutcome::unchanged);
  EXPECT_EQ(round.reports[1].outcome, CleaningOutcome::cleaned);
  EXPECT_EQ(read_log(disk).state().at("b"), "2");
}

TEST_F(Compaction, keeps_tombstones_for_a_while_and_then_drops_them) {
  log.add_file({{put("a", "1"), put("b", "1")}});
  log.add_file({{put("a", std::nullopt)}});
  log.add_last_file();
  config.min_dirty_ratio = 0;
  auto under_test = compactor();
  run_round(under_test);
  EXPECT_TRUE(read_log(disk).newest.contains("a"));
  const auto round_at = [&](std::int64_t now_ms) {
    log.add_file({{put("z", "1")}});
    log.add_last_file();
    return run_round(under_test, now_ms);
  };
  round_at(kNowMs + kDayMs - 1);
  EXPECT_TRUE(read_log(disk).newest.contains("a"));
  EXPECT_EQ(round_at(kNowMs + kDayMs).counts().tombstones, 1u);
  EXPECT_FALSE(read_log(disk).newest.contains("a"));
  EXPECT_EQ(read_log(disk).state().at("b"), "1");
}

TEST_F(Compaction, a_mark_from_a_clock_that_ran_ahead_is_set_right) {
  format::LogFileHead head{};
  mark_cleaned(head, kNowMs + 300 * kDayMs);
  mark_cleaned(head, kNowMs);
  EXPECT_EQ(first_cleaned_ms(head), kNowMs);
  head.cleaned_ms = INT64_MIN;
  EXPECT_EQ(first_cleaned_ms(head), 0);
  head.cleaned_ms = 0;
  head.flags = 0;
  mark_cleaned(head, kNowMs);
  mark_cleaned(head, kNowMs + kDayMs);
  EXPECT_EQ(first_cleaned_ms(head), kNowMs);  // the first time counts
}

TEST_F(Compaction, a_tombstone_stays_while_an_older_batch_may_hold_its_key) {
  log.add_file({{batch(3)}, {put("a", "1"), put("a", std::nullopt)}});
  log.add_last_file();
  config.min_dirty_ratio = 0;
  config.delete_retention_ms = 0;
  auto under_test = compactor();
  for (int i = 0; i < 3; ++i) {
    run_round(under_test, kNowMs + i * kDayMs);
    log.add_last_file();
  }
  const Reading after = read_log(disk);
  EXPECT_EQ(after.opaque, (std::map<std::uint64_t, std::uint32_t>{{100, 3}}));
  EXPECT_FALSE(after.records.contains(103));
  EXPECT_TRUE(after.records.contains(104));
}

TEST_F(Compaction, copies_a_segment_that_is_not_complete_as_it_is) {
  log.add_file({{put("a", "1"), put("a", "2")}}, Closing::open);
  log.add_file({{put("a", std::nullopt), put("b", "1"), put("b", "2")}});
  log.add_last_file();
  config.min_dirty_ratio = 0;
  config.delete_retention_ms = 0;
  const Reading before = read_log(disk);
  auto under_test = compactor();
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(run_round(under_test, kNowMs + i * kDayMs).error);
    log.add_file({{put("z", "1")}});
  }
  const Reading after = read_log(disk);
  EXPECT_EQ(after.fault, "");
  EXPECT_TRUE(after.records.contains(100));
  EXPECT_TRUE(after.records.contains(101));
  EXPECT_TRUE(after.records.contains(102)) << "its key's older values would come back";
  EXPECT_FALSE(after.records.contains(103));
  EXPECT_EQ(after.state().at("b"), before.state().at("b"));
}

TEST_F(Compaction, an_open_segment_in_front_of_others_of_its_file_is_copied_whole) {
  HotSegment open(5, 100), full(6, 102);
  publish(open, put("a", "1"));
  publish(open, put("a", "2"));
  publish(full, put("a", "3"));
  publish(full, put("a", "4"));
  full.placement().index_in_file = 1;
  Bytes bytes = segment::test::disk_image(open, Closing::open);
  const Bytes second = segment::test::disk_image(full, Closing::complete);
  bytes.insert(bytes.end(), second.begin(), second.end());
  const std::string path = std::string(kFolder) + "/00000000000000000100.log";
  ASSERT_TRUE(disk.create(path).value()->write(0, bytes));
  log.files.append({path, 100, 104, bytes.size(), 0, 0});
  log.files.append({"later", 104, 104, 0, 0, 0});
  auto under_test = compactor();
  ASSERT_FALSE(run_round(under_test).error);
  const Reading after = read_log(disk);
  EXPECT_EQ(after.fault, "");
  EXPECT_THAT(after.records, testing::UnorderedElementsAre(testing::Key(100), testing::Key(101),
                                                           testing::Key(103)));
}

TEST_F(Compaction, keeps_records_that_nobody_can_read_and_counts_them) {
  PlannedFrame bad = put("a", "1");
  bad.contradictory = true;
  log.add_file({{bad, put("a", "2"), keyless("k"), put("a", "3")}});
  log.add_last_file();
  const Reading before = read_log(disk);
  auto under_test = compactor();
  const RoundResult round = run_round(under_test);
  EXPECT_EQ(round.counts().unreadable, 1u);
  EXPECT_EQ(round.counts().replaced, 1u);
  EXPECT_EQ(breaches(before, read_log(disk)), "");
}

TEST_F(Compaction, gives_back_what_old_values_took) {
  SegmentFrames frames;
  for (int i = 0; i < 400; ++i) frames.push_back(put("a", std::string(100, 'x')));
  log.add_file({frames, frames});
  log.add_last_file();
  auto under_test = compactor();
  const RoundResult round = run_round(under_test);
  ASSERT_EQ(round.reports.size(), 1u);
  EXPECT_GT(round.reports[0].bytes_before, 2u * 400 * 100);
  EXPECT_EQ(round.reports[0].bytes_after, 2u * os::disk_block_bytes);
  EXPECT_EQ(log.files.all()[0].size_bytes, 2u * os::disk_block_bytes);
  EXPECT_EQ(read_log(disk).records.size(), 2u);
}

TEST_F(Compaction, the_rest_of_a_stride_is_a_hole_on_a_real_disk) {
  char name[] = "/tmp/ringmain_compaction_XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  StoreOwner here = owner();
  here.folder = name;
  const auto real = os::make_real_disk();
  SegmentFrames frames;
  for (int i = 0; i < 400; ++i) frames.push_back(put("a", std::string(100, 'x')));
  log.add_file({frames, frames, frames});
  const LogFileEntry entry = log.files.all()[0];
  LogFileEntry moved = entry;
  moved.path = here.folder + "/00000000000000000100.log";
  ASSERT_TRUE(real->create(moved.path).value()->write(0, contents(disk, entry.path)));
  LogFiles files;
  files.append(moved);
  files.append({"later", entry.end_offset, entry.end_offset, 0, 0, 0});
  Compactor under_test(*real, here, config, files, 7);
  const RoundResult round = run_round(under_test);
  ASSERT_FALSE(round.error) << round.error->message;
  struct stat status {};
  ASSERT_EQ(::stat(moved.path.c_str(), &status), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), 2 * kSlotBytes + 256 + 32 + 160);
  EXPECT_LE(status.st_blocks * 512, static_cast<std::int64_t>(kSlotBytes));
  Reading reading;
  reading.end = 100;
  read_file(contents(*real, moved.path), "00000000000000000100.log", reading);
  EXPECT_EQ(reading.fault, "");
  EXPECT_EQ(reading.records.size(), 1u);
  const auto listed = real->list(here.folder).value();
  EXPECT_EQ(listed.size(), 3u);  // the log and its indexes, no draft
  for (const auto& file : listed) EXPECT_TRUE(real->remove(here.folder + "/" + file.name));
  EXPECT_TRUE(real->remove(here.folder));
}

TEST_F(Compaction, writes_indexes_that_lead_to_every_record) {
  Random random(first_seed());
  log.add_file({random_segment(random, 150), random_segment(random, 150)});
  log.add_last_file();
  config.index_interval_bytes = 64;
  auto under_test = compactor();
  ASSERT_FALSE(run_round(under_test).error);
  const std::string stem = std::string(kFolder) + "/00000000000000000100";
  const Bytes bytes = contents(disk, stem + ".log");
  const auto view = segment::LogFileView::parse(bytes, "log").value();
  const auto offsets =
      segment::OffsetIndex::decode(contents(disk, stem + ".index"), view.identity(), "index");
  const auto times =
      segment::TimeIndex::decode(contents(disk, stem + ".timeindex"), view.identity(), "times");
  ASSERT_TRUE(offsets && times);
  EXPECT_GT(offsets->size(), 3u);
  for (std::size_t i = 0; i < offsets->size(); ++i) {
    const auto place = offsets->entry(i);
    EXPECT_EQ(view.find(place.offset).place, place);
  }
  EXPECT_EQ(times->largest_ns(), log.files.all()[0].largest_ns);
}

TEST_F(Compaction, a_full_map_takes_several_rounds) {
  SegmentFrames frames;
  for (int i = 0; i < 600; ++i) frames.push_back(put("key " + std::to_string(i), "v"));
  for (int i = 0; i < 4; ++i) log.add_file({frames, frames});
  log.add_last_file();
  config.map_bytes = 0;  // what one segment needs
  config.min_dirty_ratio = 0;
  SegmentFrames others;
  for (int i = 0; i < 600; ++i) others.push_back(put("other " + std::to_string(i), "v"));
  log.add_file({others, others});
  log.add_last_file();
  const Reading before = read_log(disk);
  auto under_test = compactor();
  int rounds = 0;
  while (!under_test.plan(kNowMs, UINT64_MAX)->empty()) {
    const RoundResult round = run_round(under_test);
    ASSERT_FALSE(round.error) << round.error->message;
    ASSERT_EQ(breaches(before, read_log(disk)), "") << rounds;
    ++rounds;
  }
  EXPECT_GT(rounds, 1);
  EXPECT_EQ(read_log(disk).newest.size(), 1200u);
  EXPECT_EQ(read_log(disk).records.size(), 1202u);
}

TEST_F(Compaction, a_damaged_frame_ends_the_round_and_leaves_the_file_alone) {
  log.add_file({{put("a", "1"), put("b", "1"), put("a", "2")}});
  log.add_last_file();
  const std::string path = log.files.all()[0].path;
  Bytes bytes = contents(disk, path);
  segment::test::flip(bytes, 256 + 64 + 40);
  ASSERT_TRUE(disk.open(path, os::DiskOpen::write).value()->write(0, bytes));
  auto under_test = compactor();
  const RoundResult round = run_round(under_test);
  ASSERT_TRUE(round.error);
  EXPECT_EQ(round.error->code, ErrorCode::kafka_storage_error);
  EXPECT_THAT(round.error->message, HasSubstr("offset 101 (byte 320)"));
  EXPECT_EQ(contents(disk, path), bytes);
}

TEST_F(Compaction, a_file_that_lost_its_last_heads_is_not_rewritten_without_them) {
  log.add_file({{put("a", "1")}, {put("a", "2")}});
  log.add_last_file();
  const std::string path = log.files.all()[0].path;
  ASSERT_TRUE(disk.open(path, os::DiskOpen::write).value()->write(kSlotBytes, Bytes(256)));
  auto under_test = compactor();
  const RoundResult round = run_round(under_test);
  ASSERT_TRUE(round.error);
  EXPECT_THAT(round.error->message, HasSubstr("end at offset 101"));
}

TEST_F(Compaction, stops_when_it_is_told_to_and_leaves_nothing_behind) {
  log.add_file({{put("a", "1")}, {put("a", "2")}});
  log.add_last_file();
  const Reading before = read_log(disk);
  auto under_test = compactor();
  const auto plan = under_test.plan(kNowMs, UINT64_MAX).value();
  const auto stop = [](const CompactionProgress&) { return false; };
  EXPECT_FALSE(*under_test.begin(plan, kNowMs, stop));
  auto round = under_test.begin(plan, kNowMs, go_on).value();
  int asked = 0;
  const auto stop_later = [&](const CompactionProgress&) { return ++asked < 2; };
  EXPECT_EQ(under_test.run_one(*round, stop_later)->outcome, CleaningOutcome::stopped);
  EXPECT_TRUE(round->done());
  EXPECT_EQ(read_log(disk).records, before.records);
  EXPECT_EQ(disk.list(kFolder)->size(), 2u);
}

TEST_F(Compaction, a_full_disk_leaves_the_old_file) {
  log.add_file({{put("a", "1"), put("a", "2")}});
  log.add_last_file();
  const Reading before = read_log(disk);
  auto under_test = compactor();
  disk.add_fault({os::DiskOperationKind::write, 1, 1, ErrorCode::no_space});
  const RoundResult round = run_round(under_test);
  ASSERT_TRUE(round.error);
  EXPECT_EQ(round.error->code, ErrorCode::no_space);
  EXPECT_EQ(read_log(disk).records, before.records);
  EXPECT_EQ(disk.list(kFolder)->size(), 2u);
  EXPECT_FALSE(run_round(under_test).error);
}

TEST_F(Compaction, a_file_that_retention_took_does_not_come_back) {
  log.add_file({{put("a", "1"), put("a", "2")}});
  log.add_file({{put("a", "3")}});
  log.add_last_file();
  auto under_test = compactor();
  const auto plan = under_test.plan(kNowMs, UINT64_MAX).value();
  auto round = under_test.begin(plan, kNowMs, go_on).value();
  ASSERT_TRUE(disk.remove(log.files.take_oldest()->path));
  EXPECT_EQ(under_test.run_one(*round, go_on)->outcome, CleaningOutcome::gone);
  EXPECT_EQ(under_test.run_one(*round, go_on)->outcome, CleaningOutcome::cleaned);
  EXPECT_EQ(read_log(disk).start, 102u);
}

}  // namespace
}  // namespace ringmain::storage::test
