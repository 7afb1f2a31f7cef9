// The writer of one partition, on a simulated disk: what gets to disk, when, and what errors do to
// it.
#include "storage/log_writer.hpp"

#include <gtest/gtest.h>

#include "segment/file_name.hpp"
#include "simulation/storage/store_run.hpp"

namespace ringmain::storage {
namespace {

using namespace test;
using State = StepResult::State;

struct WriterTest : ::testing::TestWithParam<Producers> {
  static RunOptions options(Producers producers = Producers::shared) {
    RunOptions options;
    options.producers = producers;
    options.slots = 6;
    options.short_write_percent = 0;
    return options;
  }
  void begin(StoreRun& run) { ASSERT_TRUE(run.start().has_value()); }
  void expect_all(StoreRun& run) {
    ASSERT_TRUE(run.settle());
    EXPECT_EQ(run.writer->durable_offset(), run.hot->published_end());
    EXPECT_EQ(run.hot->view().control().durable_offset.load(), run.hot->published_end());
    EXPECT_EQ(run.check(run.hot->published_end()), "");
  }
  static format::StorageState storage(StoreRun& run) {
    return static_cast<format::StorageState>(run.hot->view().control().storage.load());
  }
};
INSTANTIATE_TEST_SUITE_P(Of, WriterTest, ::testing::Values(Producers::shared, Producers::exclusive),
                         [](const auto& each) {
                           return each.param == Producers::shared ? "shared_producers"
                                                                  : "one_producer";
                         });

PublishedFrame record(std::uint32_t body_bytes, std::uint64_t seed = 1) {
  return {format::FrameType::record, 1000, 1, body_bytes, seed};
}

TEST_P(WriterTest, frames_of_all_sizes_come_back_byte_for_byte_over_many_files) {
  StoreRun run(options(GetParam()));
  begin(run);
  for (std::uint32_t i = 0; i < 3000; ++i) {
    while (!run.hot->append(record(i * 37 % (i % 50 == 0 ? 16'000 : 900), i))) {
      run.now_ns += 1'000'000;
      run.step(true);
      run.reap();
    }
    if (i % 7 == 0) run.turn();
  }
  expect_all(run);
  EXPECT_GT(run.files->all().size(), 5u);
  EXPECT_GE(run.frames_checked, 3000u);
}

TEST_P(WriterTest, a_frame_that_no_buffer_holds_goes_with_what_stands_before_it_in_its_block) {
  RunOptions small = options(GetParam());
  small.buffer_bytes = 4096;
  StoreRun run(small);
  begin(run);
  for (int i = 0; i < 12; ++i) {
    while (!run.hot->append(record(100, static_cast<std::uint64_t>(i)))) ASSERT_TRUE(run.settle());
    while (!run.hot->append(record(9000, static_cast<std::uint64_t>(i)))) ASSERT_TRUE(run.settle());
    if (i % 3 == 0) run.step(true);
  }
  expect_all(run);
}

TEST_F(WriterTest, nothing_is_durable_before_its_write_completed) {
  StoreRun run(options());
  begin(run);
  run.hot->append(record(100));
  EXPECT_EQ(run.step(true).state, State::moved);
  EXPECT_TRUE(run.writer->has_in_flight());
  EXPECT_EQ(run.writer->durable_offset(), 0u);
  while (run.writer->has_in_flight()) run.reap();
  EXPECT_EQ(run.writer->durable_offset(), 1u);
}

TEST_F(WriterTest, waits_for_more_as_long_as_flush_ms_says) {
  StoreRun run(options());
  begin(run);
  run.hot->append(record(100));
  StepResult result = run.step();
  while (result.state == State::moved) result = run.step();
  ASSERT_EQ(result.state, State::waiting);
  EXPECT_LE(result.due_ns, run.now_ns + 10'000'000);
  run.now_ns += 9'999'999;
  EXPECT_EQ(run.step().state, State::waiting);
  run.now_ns += 1;
  EXPECT_EQ(run.step().state, State::moved);
}

TEST_F(WriterTest, who_wants_a_record_durable_does_not_wait_for_flush_ms) {
  StoreRun run(options());
  begin(run);
  run.hot->append(record(100));
  while (run.step().state == State::moved) {
  }
  run.hot->view().control().durable_wanted.store(1);
  EXPECT_EQ(run.step().state, State::moved);
}

TEST_P(WriterTest, flush_messages_counts_what_is_published) {
  StoreRun run(options(GetParam()));
  run.config.flush_messages = 5;
  run.config.flush_ms = 60'000;
  begin(run);
  for (int i = 0; i < 4; ++i) run.hot->append(record(100));
  StepResult result = run.step();
  while (result.state == State::moved) result = run.step();
  ASSERT_EQ(result.state, State::waiting);
  EXPECT_LE(result.due_ns, run.now_ns + 1'000'000) << "nobody rings at the fifth: it has to look";
  run.hot->append(record(100));
  EXPECT_EQ(run.step().state, State::moved);
}

TEST_F(WriterTest, a_full_segment_does_not_wait_for_flush_ms) {
  StoreRun run(options());
  run.config.flush_ms = 60'000;
  begin(run);
  run.hot->upkeep(0);
  while (run.hot->view().control().active.load() == 0) ASSERT_TRUE(run.hot->append(record(2000)));
  for (int i = 0; i < 100; ++i) {
    run.step();
    run.reap();
  }
  EXPECT_EQ(run.writer->durable_segments(), 1u);
}

TEST_F(WriterTest, indexes_of_a_finished_file_are_sound_and_lead_to_their_frames) {
  StoreRun run(options());
  begin(run);
  for (std::uint32_t i = 0; run.files->all().size() < 2; ++i) {
    if (!run.hot->append(record(500, i))) run.settle();
    run.turn();
  }
  expect_all(run);
  const LogFileEntry first = run.files->all()[0];
  const auto read = [&](const std::string& path) {
    const auto file = run.disk.open(path, os::DiskOpen::read).value();
    std::vector<std::byte> bytes(file->size_bytes().value());
    EXPECT_TRUE(file->read(0, bytes).has_value());
    return bytes;
  };
  const auto log = read(first.path);
  const auto view = segment::LogFileView::parse(log, "test").value();
  const auto index_bytes =
      read(std::string(kFolder) + "/" +
           segment::file_name({first.base_offset, segment::FileKind::offset_index}));
  const auto index = segment::OffsetIndex::decode(index_bytes, view.identity(), "test");
  ASSERT_TRUE(index.has_value()) << index.error().message;
  for (std::uint64_t offset = first.base_offset; offset < first.end_offset; offset += 7) {
    const auto hinted = view.find(offset, &*index), plain = view.find(offset);
    EXPECT_EQ(hinted.outcome, segment::FindOutcome::found);
    EXPECT_EQ(hinted.place, plain.place);
  }
  const auto times = segment::TimeIndex::decode(
      read(std::string(kFolder) + "/" +
           segment::file_name({first.base_offset, segment::FileKind::time_index})),
      view.identity(), "test");
  EXPECT_TRUE(times.has_value());
}

struct Refusal {
  os::DiskOperationKind kind;
  ErrorCode code;
  format::StorageState state;
};
struct RefusalTest : ::testing::TestWithParam<Refusal> {};
INSTANTIATE_TEST_SUITE_P(
    Of, RefusalTest,
    ::testing::Values(
        Refusal{os::DiskOperationKind::write, ErrorCode::no_space, format::StorageState::full},
        Refusal{os::DiskOperationKind::write, ErrorCode::io, format::StorageState::failing},
        Refusal{os::DiskOperationKind::sync, ErrorCode::io, format::StorageState::failing},
        Refusal{os::DiskOperationKind::allocate, ErrorCode::no_space, format::StorageState::full},
        Refusal{os::DiskOperationKind::create, ErrorCode::no_space, format::StorageState::full},
        Refusal{os::DiskOperationKind::sync_directory, ErrorCode::io,
                format::StorageState::failing}));

TEST_P(RefusalTest, nothing_of_it_is_called_durable_it_is_told_and_it_goes_on_by_itself) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RunOptions options = WriterTest::options();
    options.seed = seed;
    options.segments_per_file = 1 + static_cast<std::uint32_t>(seed % 3);  // groups are gathered over files' ends, too
    StoreRun run(options);
    ASSERT_TRUE(run.start().has_value());
    EXPECT_EQ(run.hot->view().control().storage.load(),
              static_cast<std::uint32_t>(format::StorageState::healthy));
    for (std::uint64_t i = 0; i < seed * 20; ++i) run.turn();
    run.disk.add_fault({GetParam().kind, 1, 1ull << 40, GetParam().code});
    for (int i = 0; i < 5000 && !run.writer->fault(); ++i) run.turn();
    ASSERT_TRUE(run.writer->fault()) << "seed " << seed;
    EXPECT_EQ(run.hot->view().control().storage.load(),
              static_cast<std::uint32_t>(GetParam().state));
    while (run.writer->has_in_flight()) run.reap();
    const std::uint64_t durable = run.writer->durable_offset();
    for (int i = 0; i < 200; ++i) run.turn();
    EXPECT_EQ(run.writer->durable_offset(), durable) << "seed " << seed;
    run.disk.clear_faults();
    ASSERT_TRUE(run.settle()) << "seed " << seed;
    EXPECT_FALSE(run.writer->fault());
    EXPECT_EQ(run.hot->view().control().storage.load(),
              static_cast<std::uint32_t>(format::StorageState::healthy));
    EXPECT_EQ(run.writer->durable_offset(), run.hot->published_end());
    EXPECT_EQ(run.check(run.hot->published_end()), "") << "seed " << seed;
  }
}

// What was durable before an error is written anew, and a power cut may come at any of these
// writes.
TEST_F(WriterTest, writing_a_segment_anew_never_wipes_out_what_was_durable_in_it) {
  for (std::uint64_t cut = 1; cut < 40; ++cut) {
    RunOptions small = options();
    small.buffer_bytes = 4096;
    small.seed = cut;
    StoreRun run(small);
    begin(run);
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(run.hot->append(record(200, 2 * cut)));
      ASSERT_TRUE(run.hot->append(record(9000, cut)));
      ASSERT_TRUE(run.settle());
    }
    run.disk.add_fault({os::DiskOperationKind::write, 1, 1, ErrorCode::io});
    run.hot->append(record(10));
    for (int i = 0; i < 1000 && !run.writer->fault(); ++i) {
      run.step(true);
      run.reap();
    }
    run.now_ns += 10'000'000'000;
    run.disk.cut_power_at(cut);
    for (int i = 0; i < 1000 && run.disk.has_power(); ++i) {
      run.step(true);
      run.reap();
    }
    run.lose_power();
    begin(run);
    EXPECT_GE(run.begun_at.base_offset, run.reported) << "cut at " << cut;
    EXPECT_EQ(run.check(run.begun_at.base_offset), "") << "cut at " << cut;
    if (HasFailure()) return;
  }
}

TEST_F(WriterTest, a_damaged_frame_in_shared_memory_stops_there_and_says_so) {
  StoreRun run(options());
  begin(run);
  run.hot->append(record(100));
  ASSERT_TRUE(run.settle());
  const auto frame = record(100, 3);
  run.hot->append(frame);
  std::byte* at = run.hot->view().slot(0) + format::kSegmentHeaderBytes +
                  format::align_frame(format::kFrameHeaderBytes + 100);
  at[offsetof(format::FrameHeader, type)] = std::byte{77};
  for (int i = 0; i < 10; ++i) {
    run.step(true);
    run.reap();
  }
  ASSERT_TRUE(run.writer->fault());
  EXPECT_EQ(run.writer->fault()->code, ErrorCode::corrupt_memory);
  EXPECT_EQ(run.writer->durable_offset(), 1u);
}

}  // namespace
}  // namespace ringmain::storage
