// Finding and walking in log files, with and without indexes, sound and damaged.
#include "segment/log_file_view.hpp"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/fd.hpp"
#include "os/file.hpp"
#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using namespace test;
using ::testing::HasSubstr;

LogFileView view_of(const Bytes& file) {
  auto view = LogFileView::parse(file, "test.log");
  if (!view) throw std::runtime_error(view.error().message);
  return *view;
}

std::vector<std::uint64_t> offsets_in(const LogFileView& view) {
  std::vector<std::uint64_t> offsets;
  LogFileWalk walk(view, view.first_place());
  while (walk.next() == WalkOutcome::frame) offsets.push_back(walk.note().place.offset);
  return offsets;
}
std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all;
  for (; from < to; ++from) all.push_back(from);
  return all;
}

TEST(LogFileView, walks_all_frames_across_segments) {
  const Bytes file = log_file(3, 40);
  const auto view = view_of(file);
  EXPECT_EQ(view.heads().size(), 3u);
  EXPECT_EQ(view.fault(), RunFault::none);
  EXPECT_EQ(offsets_in(view), numbers(100, 220));
  LogFileWalk walk(view, view.first_place());
  while (walk.next() == WalkOutcome::frame) {
    EXPECT_EQ(walk.frame().size(), 132u);
    EXPECT_EQ(std::to_integer<char>(walk.frame()[32]), 'x');
  }
  EXPECT_EQ(walk.next(), WalkOutcome::end) << "and may be asked again";
}

TEST(LogFileView, the_last_segment_may_still_be_written) {
  const Bytes file = log_file(2, 10, 100, 5, Closing::open);
  const auto view = view_of(file);
  LogFileWalk walk(view, view.first_place());
  while (walk.next() == WalkOutcome::frame) continue;
  EXPECT_EQ(walk.stop(), ImageStop::end_of_data);
  EXPECT_EQ(walk.place().offset, 120u);
  EXPECT_EQ(view.find(120).outcome, FindOutcome::beyond_end);
}

TEST(LogFileView, a_file_may_end_with_its_last_frame) {
  Bytes file = log_file(2, 10);
  file.resize(kSlotBytes + head_in(file, kSlotBytes).proved_units * 32);
  EXPECT_EQ(offsets_in(view_of(file)), numbers(100, 120));
}

TEST(LogFileView, goes_on_from_a_full_segment_whose_head_does_not_say_so_yet) {
  Bytes file = log_file(2, 10);
  auto head = head_in(file);
  head.flags = 0;
  head.proved_units = format::kFirstFrameUnits;
  head.proved_count = 0;
  seal_head(head);
  put_head(file, head);
  EXPECT_EQ(offsets_in(view_of(file)), numbers(100, 120));
}

TEST(LogFileView, finds_each_offset_with_and_without_an_index) {
  const Bytes file = log_file(3, 100);
  const auto view = view_of(file);
  const IndexBuilder indexes = rebuild_indexes(view);
  ASSERT_GT(indexes.offsets().size(), 5u);
  for (std::uint64_t offset = 100; offset < 400; ++offset) {
    const Found plain = view.find(offset);
    const Found indexed = view.find(offset, &indexes.offsets());
    ASSERT_EQ(plain.outcome, FindOutcome::found);
    ASSERT_EQ(indexed.outcome, FindOutcome::found);
    ASSERT_EQ(plain.place, indexed.place);
    ASSERT_EQ(plain.place.offset, offset);
    ASSERT_EQ(plain.place.segment_index, (offset - 100) / 100);
  }
  EXPECT_EQ(view.find(99, &indexes.offsets()).outcome, FindOutcome::before_start);
  EXPECT_EQ(view.find(400, &indexes.offsets()).outcome, FindOutcome::beyond_end);
  EXPECT_EQ(view.find(~0ull, &indexes.offsets()).place.offset, 400u);
}

TEST(LogFileView, finds_the_batch_that_holds_an_offset) {
  HotSegment segment;
  segment.record("a");
  const auto batch = segment.batch(1, 2, 10);
  segment.record("b");
  const Bytes file = disk_image(segment, Closing::complete);
  const auto view = view_of(file);
  for (std::uint64_t offset = 101; offset < 111; ++offset)
    EXPECT_EQ(view.find(offset).place.units, batch.units);
  EXPECT_EQ(view.find(111).place.offset, 111u);
}

TEST(LogFileView, an_index_that_lies_makes_it_slower_not_wrong) {
  const Bytes file = log_file(3, 100);
  const auto view = view_of(file);
  Random random(3);
  for (int round = 0; round < 300; ++round) {
    OffsetIndex lies(view.identity());
    TimeIndex lying_times(view.identity());
    for (std::uint32_t i = 0; i < 20; ++i) {
      const FilePlace place{static_cast<std::uint32_t>(random.below(5)),
                            static_cast<std::uint32_t>(8 + random.below(2040)),
                            100 + random.below(400)};
      lies.add(place);
      lying_times.add(static_cast<std::int64_t>(random.below(500'000)), place);
    }
    const std::uint64_t offset = 100 + random.below(300);
    const Found found = view.find(offset, &lies);
    ASSERT_EQ(found.outcome, FindOutcome::found);
    ASSERT_EQ(found.place.offset, offset);
  }
}

TEST(LogFileView, an_index_of_another_file_is_not_used) {
  const Bytes file = log_file(1, 100), other = log_file(1, 100, 100, 5, Closing::complete, 77);
  const auto view = view_of(file);
  const auto foreign_view = view_of(other);
  const IndexBuilder foreign = rebuild_indexes(foreign_view);
  EXPECT_EQ(view.find(180, &foreign.offsets()).place.offset, 180u);
}

// ---- time

std::uint64_t by_hand(const LogFileView& view, std::int64_t wanted) {
  LogFileWalk walk(view, view.first_place());
  while (walk.next() == WalkOutcome::frame)
    if (!walk.note().times.empty() && walk.note().times.largest_ns >= wanted)
      return walk.note().place.offset;
  return format::kNoOffset;
}

TEST(LogFileView, finds_the_earliest_record_of_a_time_or_later_though_timestamps_run_backwards) {
  Random random(5);
  Bytes file;
  std::uint64_t base_offset = 100;
  for (std::uint32_t index = 0; index < 3; ++index) {
    HotSegment segment(5 + index, base_offset);
    segment.placement().index_in_file = index;
    for (int i = 0; i < 100; ++i) {
      const auto time = static_cast<std::int64_t>(index * 100 + i * 2 + random.below(60));
      if (i % 9 == 0)
        segment.filler(64, 1);
      else
        segment.record(std::string(100, 'x'), time);
    }
    const Bytes image = disk_image(segment, Closing::complete);
    file.insert(file.end(), image.begin(), image.end());
    base_offset = segment.end().offset;
  }
  const auto view = view_of(file);
  const IndexBuilder indexes = rebuild_indexes(view, 500);
  ASSERT_GT(indexes.times().size(), 10u);
  for (std::int64_t wanted = -1; wanted < 500; ++wanted) {
    const Found plain = view.find_time(wanted);
    const Found indexed = view.find_time(wanted, &indexes.times());
    const std::uint64_t expected = by_hand(view, wanted);
    ASSERT_EQ(plain.outcome, indexed.outcome) << wanted;
    if (expected == format::kNoOffset) {
      ASSERT_EQ(plain.outcome, FindOutcome::beyond_end);
      ASSERT_GT(wanted, indexes.times().largest_ns());
    } else {
      ASSERT_EQ(plain.place.offset, expected);
      ASSERT_EQ(indexed.place.offset, expected);
    }
  }
}

// ---- damage

TEST(LogFileView, each_flipped_bit_of_what_was_durable_is_noticed) {
  Bytes file = log_file(2, 3);
  const std::size_t frames_end = head_in(file).proved_units * std::size_t{32};
  const auto sound = offsets_in(view_of(file));
  for (std::size_t at = 0; at < file.size(); ++at) {
    const std::size_t in_segment = at % kSlotBytes;
    if (in_segment >= frames_end) continue;
    const bool padding = in_segment >= 256 && (in_segment - 256) % 160 >= 132;
    flip(file, at);
    const auto view = LogFileView::parse(file, "test.log");
    if (padding) {
      ASSERT_EQ(offsets_in(*view), sound) << at;
    } else if (in_segment >= 256) {
      LogFileWalk walk(*view, view->first_place());
      WalkOutcome outcome;
      while ((outcome = walk.next()) == WalkOutcome::frame) continue;
      ASSERT_EQ(outcome, WalkOutcome::damaged) << at;
    } else if (at < kSlotBytes) {
      ASSERT_FALSE(view) << at;
    } else {
      ASSERT_EQ(view->fault(), RunFault::damaged) << at;
      ASSERT_EQ(view->heads().size(), 1u);
    }
    flip(file, at);
  }
}

TEST(LogFileView, a_cut_at_each_byte_is_noticed) {
  const Bytes file = log_file(2, 3);
  const std::size_t frames_end =
      kSlotBytes + head_in(file, kSlotBytes).proved_units * std::size_t{32};
  const std::size_t last_padding = 160 - 132;
  for (std::size_t size = kSlotBytes + 256; size < frames_end; ++size) {
    const auto view = LogFileView::parse(std::span(file).first(size), "test.log");
    ASSERT_TRUE(view);
    ASSERT_EQ(view->fault(), RunFault::short_file) << size;
    ASSERT_THAT(view->error().message, HasSubstr("cut"));
    LogFileWalk walk(*view, view->first_place());
    WalkOutcome outcome;
    while ((outcome = walk.next()) == WalkOutcome::frame) continue;
    ASSERT_EQ(outcome, size < frames_end - last_padding ? WalkOutcome::damaged : WalkOutcome::end);
  }
  for (std::size_t size = 0; size < 256; ++size)
    ASSERT_FALSE(LogFileView::parse(std::span(file).first(size), "t"));
}

TEST(LogFileView, a_missing_head_with_later_ones_behind_it_is_damage) {
  Bytes file = log_file(3, 3);
  std::fill_n(file.begin() + kSlotBytes, 512, std::byte{0});
  const auto view = view_of(file);
  EXPECT_EQ(view.heads().size(), 1u);
  EXPECT_EQ(view.fault(), RunFault::damaged);
  EXPECT_THAT(view.error().message, HasSubstr("segment 1 (at byte 65536) is missing"));
}

TEST(LogFileView, the_run_ends_before_what_an_earlier_use_of_the_file_left) {
  Bytes file = log_file(1, 3);
  const Bytes earlier = log_file(3, 5, 100, 5, Closing::complete, 1234);
  file.insert(file.end(), earlier.begin() + kSlotBytes, earlier.end());
  const auto view = view_of(file);
  EXPECT_EQ(view.heads().size(), 1u);
  EXPECT_EQ(view.fault(), RunFault::none);
  EXPECT_EQ(offsets_in(view), numbers(100, 103));
}

TEST(LogFileView, the_run_ends_before_bytes_that_never_were_a_head) {
  Bytes file = log_file(1, 3);
  file.resize(3 * kSlotBytes, std::byte{0x77});
  EXPECT_EQ(view_of(file).heads().size(), 1u);
  EXPECT_EQ(view_of(file).fault(), RunFault::none);
}

TEST(LogFileView, heads_that_do_not_follow_each_other_are_damage) {
  const auto fault_with = [](auto&& change) {
    Bytes file = log_file(2, 3);
    auto head = head_in(file, kSlotBytes);
    change(head);
    seal_head(head);
    put_head(std::span(file).subspan(kSlotBytes), head);
    return view_of(file).fault();
  };
  ASSERT_EQ(fault_with([](auto&) {}), RunFault::none);
  EXPECT_EQ(fault_with([](auto& head) { ++head.sequence; }), RunFault::damaged);
  EXPECT_EQ(fault_with([](auto& head) { ++head.base_offset; }), RunFault::damaged);
  EXPECT_EQ(fault_with([](auto& head) { --head.base_offset; }), RunFault::damaged);
  EXPECT_EQ(fault_with([](auto& head) { ++head.partition; }), RunFault::damaged);
  EXPECT_EQ(fault_with([](auto& head) { --head.leader_epoch; }), RunFault::damaged);
  EXPECT_EQ(fault_with([](auto& head) { ++head.leader_epoch; }), RunFault::none);
}

TEST(LogFileView, a_file_without_a_segment_or_of_a_later_version_says_so) {
  const auto blank = LogFileView::parse(Bytes(kSlotBytes), "b.log");
  ASSERT_FALSE(blank);
  EXPECT_THAT(blank.error().message, HasSubstr("b.log holds no segment yet"));
  Bytes file = log_file(1, 3);
  auto head = head_in(file);
  head.version = 9;
  const auto bytes = std::as_bytes(std::span(&head, 1));
  head.head_crc32c = crc32c(bytes.subspan(72), crc32c(bytes.first(68)));
  put_head(file, head);
  const auto newer = LogFileView::parse(file, "n.log");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::version_mismatch);
  EXPECT_THAT(newer.error().message, HasSubstr("version 9"));
}

// ---- mapping

os::UniqueFd file_with(std::span<const std::byte> bytes) {
  os::UniqueFd fd(::memfd_create("ringmain-unit", MFD_CLOEXEC));
  EXPECT_TRUE(os::write_fully(fd.get(), bytes));
  return fd;
}

TEST(MappedLogFile, maps_a_file_that_others_go_on_writing) {
  const Bytes file = log_file(2, 10, 100, 5, Closing::open);
  const auto fd = file_with(file);
  const auto mapped = MappedLogFile::map(fd.get(), "test.log");
  ASSERT_TRUE(mapped) << mapped.error().message;
  LogFileWalk walk(mapped->view(), mapped->view().first_place());
  std::uint64_t count = 0;
  while (walk.next() == WalkOutcome::frame) ++count;
  EXPECT_EQ(count, 20u);
  // The next record gets there.
  HotSegment segment(6, 110);
  segment.placement().index_in_file = 1;
  for (std::uint64_t i = 0; i < 11; ++i)
    segment.record(std::string(100, 'x'), static_cast<std::int64_t>(1000 * (110 + i)));
  const Bytes image = disk_image(segment, Closing::open);
  ASSERT_EQ(::pwrite(fd.get(), image.data(), image.size(), kSlotBytes),
            static_cast<ssize_t>(image.size()));
  ASSERT_EQ(walk.next(), WalkOutcome::frame);
  EXPECT_EQ(walk.note().place.offset, 120u);
  EXPECT_EQ(walk.next(), WalkOutcome::end);
}

TEST(MappedLogFile, stays_readable_when_it_is_moved) {
  const auto fd = file_with(log_file(1, 3));
  auto mapped = MappedLogFile::map(fd.get(), "test.log");
  ASSERT_TRUE(mapped);
  const MappedLogFile moved = std::move(*mapped);
  EXPECT_EQ(offsets_in(moved.view()), numbers(100, 103));
}

TEST(MappedLogFile, an_empty_file_and_one_that_is_not_there_are_errors) {
  const auto fd = file_with({});
  const auto empty = MappedLogFile::map(fd.get(), "e.log");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, HasSubstr("e.log is shorter"));
  EXPECT_FALSE(MappedLogFile::open("/dev/shm/ringmain-unit-is-not-there.log"));
}

}  // namespace
}  // namespace ringmain::segment
