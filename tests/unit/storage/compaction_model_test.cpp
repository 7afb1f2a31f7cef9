// Compaction against a model: random logs over many rounds, a power cut at every operation, damaged
// bytes; and canaries, which show that the model notices what it is there for.
// RINGMAIN_SEED sets the first seed.
#include <gmock/gmock.h>

#include "segment/prove.hpp"
#include "unit/storage/compaction_fixture.hpp"

namespace ringmain::storage::test {
namespace {

std::vector<SegmentFrames> random_file(Random& random) {
  std::vector<SegmentFrames> segments(1 + random.below(3));
  for (auto& segment : segments) segment = random_segment(random, random.below(60));
  segments[0].push_back(put("key 0", "a file has a record"));
  return segments;
}

CompactionConfig eager() {
  CompactionConfig config;
  config.min_dirty_ratio = 0;
  config.delete_retention_ms = 2000;
  config.index_interval_bytes = 200;
  return config;
}

TEST(CompactionModel, many_rounds_keep_what_every_key_says) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 40; ++seed) {
    SCOPED_TRACE(fmt::format("RINGMAIN_SEED={}", seed));
    Random random(seed);
    os::SimulatedDisk disk({.seed = seed});
    TestLog log(disk);
    CompactionConfig config = eager();
    if (random.below(2) == 0) config.map_bytes = 0;
    Compactor compactor(disk, owner(), config, log.files, seed);
    std::map<std::string, std::string> model;
    for (int turn = 0; turn < 12; ++turn) {
      const auto frames = random_file(random);
      for (const auto& segment : frames)
        for (const auto& frame : segment) {
          if (frame.type != format::FrameType::record || !frame.put.key) continue;
          if (frame.put.value)
            model[*frame.put.key] = *frame.put.value;
          else
            model.erase(*frame.put.key);
        }
      log.add_file(frames);
      if (log.files.all().size() < 2) continue;
      const Reading before = read_log(disk);
      ASSERT_EQ(before.state(), model);
      const RoundResult round = run_round(compactor, kNowMs + turn * 1000);
      ASSERT_FALSE(round.error) << round.error->message;
      ASSERT_EQ(breaches(before, read_log(disk)), "") << "turn " << turn;
    }
    // At the end each key has one record left.
    log.add_last_file();
    while (!compactor.plan(kNowMs + 100'000, UINT64_MAX)->empty())
      run_round(compactor, kNowMs + 100'000);
    std::map<std::string, int> left;
    for (const auto& [offset, record] : read_log(disk).records)
      if (record.key) ++left[*record.key];
    for (const auto& [key, count] : left) EXPECT_EQ(count, 1) << key;
  }
}

TEST(CompactionModel, batches_stay_whole_and_hide_nothing) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 20; ++seed) {
    SCOPED_TRACE(fmt::format("RINGMAIN_SEED={}", seed));
    Random random(seed);
    os::SimulatedDisk disk({.seed = seed});
    TestLog log(disk);
    Compactor compactor(disk, owner(), eager(), log.files, seed);
    std::map<std::string, std::uint64_t> tombstones;  // the newest of keys that have none behind
    for (int turn = 0; turn < 6; ++turn) {
      auto frames = random_file(random);
      frames[0].insert(frames[0].begin(), batch(static_cast<std::int64_t>(1 + random.below(5))));
      log.add_file(frames);
      if (log.files.all().size() < 2) continue;
      const Reading before = read_log(disk);
      ASSERT_FALSE(run_round(compactor, kNowMs + turn * 10'000).error);
      const Reading after = read_log(disk);
      ASSERT_EQ(breaches(before, after), "");
      // The first frame is a batch, so no key's last tombstone may go.
      for (const auto& [key, last] : before.newest) ASSERT_TRUE(after.newest.contains(key));
    }
  }
}

// One log, whose first files are clean already, and a round that is due.
struct Due {
  explicit Due(std::uint64_t seed) : disk({.seed = seed}), log(disk), random(seed) {
    Compactor compactor(disk, owner(), eager(), log.files, seed);
    log.add_file({random_segment(random), random_segment(random)});
    log.add_last_file();
    run_round(compactor);
    log.add_file({random_segment(random)});
    log.add_last_file();
    before = read_log(disk);
  }
  RoundResult run() {
    Compactor compactor(disk, owner(), eager(), log.files, 99);
    return run_round(compactor, kNowMs + 5000);
  }

  // Goes on until tombstones are old. A value that a power cut left, although the log says that it
  // is replaced, would come back then.
  std::string trouble_later() {
    std::string found;
    for (int i = 1; i <= 3; ++i) {
      log.add_file({{put("later", "1")}});
      log.add_last_file();
      const Reading earlier = read_log(disk);
      Compactor compactor(disk, owner(), eager(), log.files, 99);
      const RoundResult round = run_round(compactor, kNowMs + 5000 + i * 10'000);
      found += round.error ? round.error->message : breaches(earlier, read_log(disk));
    }
    return found;
  }

  os::SimulatedDisk disk;
  TestLog log;
  Random random;
  Reading before;
};

TEST(CompactionModel, a_power_cut_at_any_operation_leaves_the_old_or_the_new) {
  std::uint64_t cuts = 0, old_files = 0, new_files = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 12; ++seed) {
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(fmt::format("RINGMAIN_SEED={} operation {}", seed, nth));
      Due due(seed);
      due.disk.cut_power_at(nth);
      const RoundResult round = due.run();
      if (due.disk.has_power()) {
        ASSERT_FALSE(round.error) << round.error->message;
        break;
      }
      ++cuts;
      due.disk.restart();
      const Reading after = read_log(due.disk);
      ASSERT_EQ(breaches(due.before, after), "");
      ++(after.records == due.before.records ? old_files : new_files);
      // The next start goes on, over what was left.
      LogFiles files;
      Compactor compactor(due.disk, owner(), eager(), *refill(files, after), 5);
      const RoundResult again = run_round(compactor, kNowMs + 6000);
      ASSERT_FALSE(again.error) << again.error->message;
      ASSERT_EQ(breaches(due.before, read_log(due.disk)), "");
      ASSERT_EQ(due.trouble_later(), "");
    }
  }
  EXPECT_GT(cuts, 100u);
  EXPECT_GT(old_files, 0u);
  EXPECT_GT(new_files, 0u);
}

TEST(CompactionModel, a_failure_of_any_operation_leaves_the_old_or_the_new) {
  for (const auto kind :
       {os::DiskOperationKind::write, os::DiskOperationKind::sync, os::DiskOperationKind::create,
        os::DiskOperationKind::rename, os::DiskOperationKind::sync_directory}) {
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(fmt::format("kind {} number {}", static_cast<int>(kind), nth));
      Due due(first_seed());
      due.disk.add_fault({kind, nth, 1, ErrorCode::io});
      const RoundResult round = due.run();
      due.disk.clear_faults();
      ASSERT_EQ(breaches(due.before, read_log(due.disk)), "");
      if (!round.error) break;
      const RoundResult again = due.run();
      ASSERT_FALSE(again.error) << again.error->message;
      ASSERT_EQ(breaches(due.before, read_log(due.disk)), "");
      ASSERT_EQ(due.trouble_later(), "");
    }
  }
}

TEST(CompactionModel, each_file_is_durable_before_the_next_one_is_cleaned) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 10; ++seed) {
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(fmt::format("RINGMAIN_SEED={} operation {}", seed, nth));
      Due due(seed);
      due.log.add_file({{put("old", "1")}});
      due.log.add_last_file();
      due.run();
      due.log.add_file({{put("old", std::nullopt), put("new", "1")}});
      due.log.add_last_file();
      due.disk.cut_power_at(nth);
      due.run();
      if (due.disk.has_power()) break;
      due.disk.restart();
      ASSERT_EQ(due.trouble_later(), "");
    }
  }
}

TEST(CompactionModel, no_tombstone_goes_on_the_word_of_marks_that_a_power_cut_may_take) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 100; ++seed) {
    SCOPED_TRACE(fmt::format("RINGMAIN_SEED={}", seed));
    os::SimulatedDisk disk({.seed = seed});
    TestLog log(disk);
    log.add_file({{put("a", "1")}});
    log.add_file({{put("a", std::nullopt)}});
    log.add_file({{put("b", "1")}});
    log.add_last_file();
    const Reading before = read_log(disk);
    CompactionConfig config = eager();
    config.delete_retention_ms = 0;
    disk.add_fault({os::DiskOperationKind::sync_directory, 1, 1000, ErrorCode::io});
    for (int i = 0; i < 5; ++i) {
      Compactor compactor(disk, owner(), config, log.files, seed);
      run_round(compactor, kNowMs + i);
    }
    disk.clear_faults();
    disk.crash();
    ASSERT_EQ(breaches(before, read_log(disk)), "");
  }
}

TEST(CompactionModel, notices_a_disk_that_forgets_a_sync) {
  int noticed = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Due due(seed);
    due.disk.forget_syncs(1);  // of the draft
    due.run();
    due.disk.crash();
    noticed += breaches(due.before, read_log(due.disk)) != "";
  }
  EXPECT_GT(noticed, 0);
}

// A compactor that is made wrong on purpose, over one file.
void clean_wrongly(os::Disk& disk, const LogFileEntry& entry, const FrameStays& stays) {
  const auto source = CompactionSource::open(disk, owner(), entry).value();
  auto identity = segment::identity_of(source.heads().front());
  identity.file_tag = 1;
  auto draft = CompactionDraft::create(disk, owner(), identity, 4096).value();
  for (std::size_t i = 0; i < source.heads().size(); ++i) {
    Bytes buffer;
    const SegmentImage image = source.read(i, buffer).value();
    Bytes into(buffer.size());
    auto head =
        rewrite_segment(image, "wrong", stays, into, [](const segment::FrameNote&) {}).value();
    head.file_tag = 1;
    segment::seal_head(head);
    segment::test::put_head(into, head);
    EXPECT_TRUE(draft.write_segment(
        head, std::span(into).first(head.proved_units * format::kFrameAlignment)));
  }
  EXPECT_TRUE(draft.commit());
}

TEST(CompactionModel, notices_a_compactor_that_drops_the_newest_value) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    os::SimulatedDisk disk({.seed = seed});
    TestLog log(disk);
    Random random(seed);
    log.add_file({random_segment(random)});
    const Reading before = read_log(disk);
    ASSERT_FALSE(before.state().empty());
    std::map<std::string, bool> seen;
    clean_wrongly(disk, log.files.all()[0], [&](const auto& note, auto frame) {
      const FrameKey found = key_of(note, frame);
      if (found.role != FrameRole::keyed && found.role != FrameRole::tombstone)
        return found.role != FrameRole::filler;
      return !std::exchange(seen[std::string(found.key)], true);  // the oldest stays
    });
    EXPECT_THAT(breaches(before, read_log(disk)), testing::HasSubstr("other values"));
  }
}

TEST(CompactionModel, notices_a_compactor_that_drops_records_without_a_key) {
  os::SimulatedDisk disk({.seed = 1});
  TestLog log(disk);
  log.add_file({{keyless("x"), put("a", "1")}});
  const Reading before = read_log(disk);
  clean_wrongly(disk, log.files.all()[0], [](const auto& note, auto frame) {
    return key_of(note, frame).role == FrameRole::keyed;
  });
  EXPECT_THAT(breaches(before, read_log(disk)), testing::HasSubstr("without a key"));
}

TEST(CompactionModel, flipped_bits_are_refused_or_harmless) {
  std::uint64_t refused = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 300; ++seed) {
    SCOPED_TRACE(fmt::format("RINGMAIN_SEED={}", seed));
    Random random(seed);
    os::SimulatedDisk disk({.seed = seed});
    TestLog log(disk);
    log.add_file({random_segment(random), random_segment(random)});
    log.add_last_file();
    const Reading before = read_log(disk);
    const std::string path = log.files.all()[0].path;
    Bytes bytes = contents(disk, path);
    const std::uint64_t segment = random.below(2);
    const std::uint64_t end =
        32ull * segment::test::head_in(bytes, segment * kSlotBytes).proved_units;
    segment::test::flip(bytes, segment * kSlotBytes + random.below(end),
                        static_cast<int>(random.below(8)));
    ASSERT_TRUE(disk.open(path, os::DiskOpen::write).value()->write(0, bytes));
    Compactor compactor(disk, owner(), eager(), log.files, seed);
    if (run_round(compactor).error) {
      ++refused;
      ASSERT_EQ(contents(disk, path), bytes);
      continue;
    }
    ASSERT_EQ(breaches(before, read_log(disk)), "");  // the padding behind a frame
  }
  EXPECT_GT(refused, 200u);
}

// Any frames, also such as no producer writes, and any choice of those that go.
TEST(CompactionModel, a_rewritten_segment_takes_every_offset_once_and_never_grows) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 300; ++seed) {
    SCOPED_TRACE(fmt::format("RINGMAIN_SEED={}", seed));
    Random random(seed);
    HotSegment hot(5, random.below(1'000'000));
    const std::uint64_t count = random.below(80);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t kind = random.below(8);
      if (kind == 0)
        hot.filler(static_cast<std::uint32_t>(32 + random.below(200)),
                   random.below(3) == 0 ? std::int64_t{format::kMaxSegmentRecords}
                                        : static_cast<std::int64_t>(random.below(4)));
      else if (kind == 1)
        hot.batch(kNowMs, kNowMs, static_cast<std::int32_t>(random.below(6)));
      else
        hot.record(std::string(random.below(300), 'x'),
                   static_cast<std::int64_t>(random.below(1000)));
    }
    std::vector<segment::FrameNote> notes, now;
    Bytes bytes = disk_image(hot, segment::test::Closing::complete, &notes);
    SegmentImage image{segment::test::head_in(bytes), bytes};
    std::vector<segment::FrameNote> kept;
    Bytes into(bytes.size());
    const auto head = rewrite_segment(
        image, "test",
        [&](const segment::FrameNote& note, auto) {
          const bool stays = note.type != format::FrameType::filler && random.below(3) == 0;
          if (stays) kept.push_back(note);
          return stays;
        },
        into, [&](const segment::FrameNote& note) { now.push_back(note); });
    ASSERT_TRUE(head) << head.error().message;
    EXPECT_LE(head->proved_units, image.head.proved_units);
    // What a reader finds is what was said, and ends where the head says.
    std::vector<segment::FrameNote> found;
    const auto proof =
        segment::prove(into, *head, {format::kFirstFrameUnits, head->base_offset},
                       [&](const segment::FrameNote& note) { found.push_back(note); });
    EXPECT_EQ(proof.end, (segment::SegmentPlace{head->proved_units,
                                                image.head.base_offset + image.head.proved_count}));
    EXPECT_EQ(proof.times, (segment::TimeRange{head->smallest_ns, head->largest_ns}));
    ASSERT_EQ(found.size(), now.size());
    std::size_t next_kept = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].place, now[i].place);
      if (found[i].type == format::FrameType::filler) {
        EXPECT_TRUE(i == 0 || found[i - 1].type != format::FrameType::filler ||
                    found[i - 1].offsets == format::kMaxSegmentRecords)
            << "neighbours are one";
        continue;
      }
      ASSERT_LT(next_kept, kept.size());
      const auto& was = kept[next_kept++];
      ASSERT_EQ(found[i].place.offset, was.place.offset);
      ASSERT_EQ(found[i].size, was.size);
      const auto* a = bytes.data() + std::size_t{was.place.units} * 32;
      const auto* b = into.data() + std::size_t{found[i].place.units} * 32;
      EXPECT_EQ(std::memcmp(a, b, 24), 0);
      EXPECT_EQ(std::memcmp(a + 28, b + 28, was.size - 28), 0);
    }
    EXPECT_EQ(next_kept, kept.size());
  }
}

}  // namespace
}  // namespace ringmain::storage::test
