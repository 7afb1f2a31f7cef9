// Crashes of everything that brings a partition to disk: at every single disk operation of a run,
// and at random ones for many seeds. What was called durable must be there, in its place, and
// nothing else.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "sanitizers.hpp"
#include "simulation/storage/store_run.hpp"

namespace ringmain::storage {
namespace {

using namespace test;

// RINGMAIN_SEED replays one, RINGMAIN_SEEDS makes a longer campaign of it.
std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// The release build looks for what is lost; a sanitized one, which is twenty times as slow, for what the code does wrong.
#if defined(RINGMAIN_WITH_ASAN)
constexpr std::uint64_t kRuns = 1, kSeeds = 60;
#else
constexpr std::uint64_t kRuns = 4, kSeeds = 300;
#endif

struct Tally {
  std::uint64_t cuts = 0, cuts_in_recovery = 0, kills = 0, clean_stops = 0, frames = 0, errors = 0;
  void say(const char* what) const {
    std::printf(
        "%s: %lu power cuts, %lu of them during recovery, %lu kills, %lu clean stops, %lu faults, "
        "%lu frames compared\n",
        what, cuts, cuts_in_recovery, kills, clean_stops, errors, frames);
  }
};

RunOptions draw_options(std::uint64_t seed) {
  Random random(seed);
  RunOptions options;
  options.seed = seed;
  options.slots = 3 + static_cast<std::uint32_t>(random.below(5));
  options.segments_per_file = 1 + static_cast<std::uint32_t>(random.below(4));
  options.producers = random.below(3) == 0 ? Producers::exclusive : Producers::shared;
  options.buffer_bytes = 4096u << random.below(5);
  options.buffer_count = 2 + static_cast<std::uint32_t>(random.below(6));
  options.depth = 2 + static_cast<std::uint32_t>(random.below(20));
  options.most_body_bytes = 16 * 1024 - 64;
  options.removes_files = random.below(2) == 0;
  if (random.below(3) == 0) options.file_ms = 1000;  // LogFixture's segments are older than that
  return options;
}

// After a power cut: the disk alone must give back all that was called durable.
std::string recover_from_disk(StoreRun& run, Random& random, Tally& tally) {
  run.lose_power();
  ++tally.cuts;
  for (int deaths = 0;; ++deaths) {  // ends: after three deaths recovery is left in peace
    if (deaths < 3 && random.below(4) == 0) run.disk.cut_power_at(1 + random.below(8));
    if (auto started = run.start(); started) {
      if (run.disk.has_power()) break;
    } else if (run.disk.has_power()) {
      return "does not start: " + started.error().message;
    }
    ++tally.cuts_in_recovery;
    ++tally.cuts;
    run.lose_power();
  }
  run.disk.cut_power_at(1ull << 40);  // a cut that recovery did not get to
  if (run.begun_at.base_offset < run.reported)
    return fmt::format("{} was durable, and the log now ends at {}", run.reported,
                       run.begun_at.base_offset);
  return run.check(run.begun_at.base_offset);
}

// One partition's life: several generations, each ended by a cut, a kill, a clean stop or an error.
std::string live(const RunOptions& options, std::uint64_t generations, Tally& tally) {
  StoreRun run(options);
  Random random(options.seed ^ 0x5eed);
  if (auto started = run.start(); !started) return started.error().message;
  for (std::uint64_t generation = 0; generation < generations; ++generation) {
    const std::uint64_t turns = 1 + random.below(600);
    const std::uint64_t end = random.below(8);
    if (end < 4) run.disk.cut_power_at(1 + random.below(150));
    if (end == 7) {
      const auto kind = std::array{
          os::DiskOperationKind::write,          os::DiskOperationKind::sync,
          os::DiskOperationKind::create,         os::DiskOperationKind::allocate,
          os::DiskOperationKind::sync_directory, os::DiskOperationKind::rename}[random.below(6)];
      run.disk.add_fault({kind, 1 + random.below(10), 1 + random.below(3),
                          random.below(2) ? ErrorCode::no_space : ErrorCode::io});
      ++tally.errors;
    }
    for (std::uint64_t i = 0; i < turns && run.disk.has_power(); ++i) run.turn();
    std::string wrong;
    if (std::getenv("RINGMAIN_TRACE") != nullptr) {
      std::printf("generation %lu: end %lu, operation %lu, durable %lu, published %lu, fault %s\n",
                  generation, end, run.disk.operations(), run.writer->durable_offset(),
                  run.hot->published_end(),
                  run.writer->fault() ? run.writer->fault()->message.c_str() : "none");
      for (const auto& note : run.notes) std::printf("  %s\n", note.c_str());
    }
    if (end < 4) {
      wrong = recover_from_disk(run, random, tally);
    } else if (end < 6) {
      run.kill();
      ++tally.kills;
      if (auto started = run.start(); !started)
        return "does not start after a kill: " + started.error().message;
    } else if (end == 6) {
      if (!run.settle())
        return "does not settle" + (run.writer->fault() ? ": " + run.writer->fault()->message : "");
      run.reported = run.writer->durable_offset();
      const bool cut = random.below(2) == 0;
      if (cut) run.disk.cut_power_at(1 + random.below(8));
      const auto closed = run.writer->close_cleanly();
      if (!closed && !cut) return closed.error().message;
      ++tally.clean_stops;
      if (cut || random.below(2) == 0) {
        wrong = recover_from_disk(run, random, tally);
      } else {  // the next broker finds shared memory as it was
        run.stop();
        if (auto started = run.start(); !started)
          return "does not start after a clean stop: " + started.error().message;
      }
    } else {
      run.disk.clear_faults();
      run.now_ns += 10'000'000'000;
    }
    if (!wrong.empty()) return wrong;
  }
  if (!run.settle()) return "does not settle at the end";
  const std::uint64_t end = run.hot->published_end();
  if (run.writer->durable_offset() != end && end != 0) return "settled, and not all is durable";
  if (run.writer->fault()) return "settled, and still failing: " + run.writer->fault()->message;
  const std::string wrong = run.check(run.writer->durable_offset());
  tally.frames += run.frames_checked;
  return wrong;
}

TEST(StoreCrash, many_lives_of_a_partition_lose_nothing_that_was_called_durable) {
  Tally tally;
  const std::uint64_t first = number_from("RINGMAIN_SEED", 1);
  const std::uint64_t seeds = number_from("RINGMAIN_SEEDS", kSeeds);
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failures < 5; ++seed) {
    const std::string wrong = live(draw_options(seed), 8, tally);
    if (!wrong.empty()) ++failures;
    EXPECT_EQ(wrong, "") << "replay with RINGMAIN_SEED=" << seed << " RINGMAIN_SEEDS=1";
  }
  tally.say("lives");
  EXPECT_GT(tally.cuts, seeds);
}

// A run of fixed deeds, cut at disk operation `cut`; 0: never. Gives its number of operations.
std::uint64_t run_once(const RunOptions& options, std::uint64_t cut, Tally& tally,
                       std::string& wrong) {
  StoreRun run(options);
  Random random(options.seed + cut);
  const auto started = run.start();
  EXPECT_TRUE(started.has_value());
  const std::uint64_t before = run.disk.operations();
  if (cut != 0) run.disk.cut_power_at(cut);
  for (int i = 0; i < 700 && run.disk.has_power(); ++i) run.turn();
  if (run.disk.has_power()) static_cast<void>(run.settle());
  if (run.disk.has_power()) static_cast<void>(run.writer->close_cleanly());
  const std::uint64_t operations = run.disk.operations() - before;
  if (cut == 0) return operations;
  wrong = recover_from_disk(run, random, tally);
  for (int generation = 0; generation < 2 && wrong.empty(); ++generation) {  // and on, and again
    run.disk.cut_power_at(1 + random.below(60));
    for (int i = 0; i < 200 && run.disk.has_power(); ++i) run.turn();
    wrong = recover_from_disk(run, random, tally);
  }
  tally.frames += run.frames_checked;
  return operations;
}

TEST(StoreCrash, a_power_cut_at_every_disk_operation_of_a_run) {
  Tally tally;
  std::uint64_t points = 0;
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= number_from("RINGMAIN_RUNS", kRuns); ++seed) {
    RunOptions options = draw_options(seed);
    std::string wrong;
    const std::uint64_t operations = run_once(options, 0, tally, wrong);
    for (std::uint64_t cut = 1; cut <= operations && failures < 5; ++cut, ++points) {
      run_once(options, cut, tally, wrong);
      if (!wrong.empty()) ++failures;
      EXPECT_EQ(wrong, "") << "seed " << seed << ", cut at operation " << cut << " of "
                           << operations;
    }
  }
  std::printf("%lu crash points\n", points);
  tally.say("every operation");
  EXPECT_GT(points, 100u);
}

TEST(StoreCrash, canary_a_disk_that_forgets_a_synced_write_is_caught) {
  Tally tally;
  int caught = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    StoreRun run(draw_options(seed));
    Random random(seed);
    ASSERT_TRUE(run.start().has_value());
    for (int i = 0; i < 200; ++i) run.turn();
    run.disk.forget_syncs(3);
    for (int i = 0; i < 40; ++i) run.turn();
    if (!recover_from_disk(run, random, tally).empty()) ++caught;
  }
  std::printf("caught in %d of 20 runs\n", caught);
  EXPECT_GT(caught, 0);
}

// As if the watermark moved when a group is submitted, and not when it is durable.
TEST(StoreCrash, canary_a_watermark_that_runs_ahead_is_caught) {
  Tally tally;
  int caught = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    StoreRun run(draw_options(seed));
    Random random(seed);
    ASSERT_TRUE(run.start().has_value());
    run.disk.cut_power_at(60);
    for (int i = 0; i < 400 && run.disk.has_power(); ++i) {
      const std::uint64_t published = run.hot->published_end();
      if (run.step(true).state == StepResult::State::moved && run.disk.has_power() &&
          run.writer->has_in_flight())
        run.reported = std::max(run.reported, published);
      run.turn();
    }
    if (!recover_from_disk(run, random, tally).empty()) ++caught;
  }
  std::printf("caught in %d of 20 runs\n", caught);
  EXPECT_GT(caught, 0);
}

}  // namespace
}  // namespace ringmain::storage
