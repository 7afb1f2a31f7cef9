// What a start makes of a partition's folder.
#include "storage/recovery.hpp"

#include <gtest/gtest.h>

#include "segment/file_name.hpp"
#include "simulation/storage/store_run.hpp"

namespace ringmain::storage {
namespace {

using namespace test;

// Counts the bytes that are read.
class CountingFile final : public os::DiskFile {
 public:
  CountingFile(std::unique_ptr<os::DiskFile> file, std::uint64_t& count)
      : file_(std::move(file)), count_(count) {}
  const std::string& path() const noexcept override { return file_->path(); }
  Result<std::uint64_t> size_bytes() const override { return file_->size_bytes(); }
  Status read(std::uint64_t at, std::span<std::byte> into) const override {
    count_ += into.size();
    return file_->read(at, into);
  }
  Status write(std::uint64_t at, std::span<const std::byte> bytes) override {
    return file_->write(at, bytes);
  }
  Status sync() override { return file_->sync(); }
  Status allocate(os::DiskRange range) override { return file_->allocate(range); }
  Status punch_hole(os::DiskRange range) override { return file_->punch_hole(range); }
  Status truncate(std::uint64_t size_bytes) override { return file_->truncate(size_bytes); }
  std::string write_path() const override { return file_->write_path(); }

 private:
  std::unique_ptr<os::DiskFile> file_;
  std::uint64_t& count_;
};
class CountingDisk final : public os::Disk {
 public:
  explicit CountingDisk(os::Disk& disk) : disk_(disk) {}
  Result<std::unique_ptr<os::DiskFile>> create(const std::string& path) override {
    return counted(disk_.create(path));
  }
  Result<std::unique_ptr<os::DiskFile>> open(const std::string& path, os::DiskOpen how) override {
    return counted(disk_.open(path, how));
  }
  Result<std::uint64_t> file_size_bytes(const std::string& path) const override {
    return disk_.file_size_bytes(path);
  }
  Result<std::vector<os::DiskEntry>> list(const std::string& path) const override {
    return disk_.list(path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    return disk_.rename(from, to);
  }
  Status remove(const std::string& path) override { return disk_.remove(path); }
  Result<bool> is_open(const std::string& path) const override { return disk_.is_open(path); }
  Status make_directories(const std::string& path) override { return disk_.make_directories(path); }
  Status sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
  Result<std::unique_ptr<os::DiskQueue>> make_queue(const os::DiskQueueOptions& options) override {
    return disk_.make_queue(options);
  }
  std::uint64_t read_bytes = 0;

 private:
  Result<std::unique_ptr<os::DiskFile>> counted(Result<std::unique_ptr<os::DiskFile>> file) {
    if (!file) return file;
    return std::make_unique<CountingFile>(std::move(*file), read_bytes);
  }
  os::Disk& disk_;
};

struct RecoveryTest : ::testing::Test {
  static RunOptions options() {
    RunOptions options;
    options.short_write_percent = 0;
    return options;
  }
  static PublishedFrame record(std::uint32_t body_bytes, std::uint64_t seed = 1) {
    return {format::FrameType::record, 1000, 1, body_bytes, seed};
  }
  static void fill(StoreRun& run, std::uint64_t records, std::uint32_t body_bytes = 900) {
    ASSERT_TRUE(run.start().has_value());
    for (std::uint64_t i = 0; i < records; ++i)
      while (!run.hot->append(record(body_bytes, i))) ASSERT_TRUE(run.settle());
    ASSERT_TRUE(run.settle());
  }
};

TEST_F(RecoveryTest, an_empty_folder_begins_at_zero) {
  StoreRun run(options());
  ASSERT_TRUE(run.start().has_value());
  EXPECT_EQ(run.begun_at.base_offset, 0u);
  EXPECT_TRUE(run.files->all().empty());
}

TEST_F(RecoveryTest, after_a_clean_stop_it_reads_no_more_than_the_heads) {
  for (const bool memory_stays : {true, false}) {
    StoreRun run(options());
    fill(run, 400);
    ASSERT_TRUE(run.writer->close_cleanly().has_value());
    const std::uint64_t end = run.hot->published_end(),
                        segments = run.writer->durable_segments() + 1;
    run.stop();
    CountingDisk counting(run.disk);
    LogFiles files;
    const auto recovered = recover_log(counting, run.owner, run.config,
                                       memory_stays ? &run.hot->view() : nullptr, files);
    ASSERT_TRUE(recovered.has_value()) << recovered.error().message;
    EXPECT_EQ(recovered->start.durable_offset, end);
    EXPECT_EQ(files.all().back().end_offset, end);
    // The run of a file's heads is followed to the file's end.
    const std::uint64_t strides = segments + files.all().size() * run.config.segments_per_file();
    EXPECT_LE(counting.read_bytes, strides * sizeof(format::LogFileHead));
    EXPECT_GT(counting.read_bytes, 0u);
  }
}

TEST_F(RecoveryTest, another_slot_size_is_refused) {
  StoreRun run(options());
  fill(run, 10);
  run.lose_power();
  run.config.slot_bytes *= 2;
  const auto started = run.start();
  ASSERT_FALSE(started.has_value());
  EXPECT_NE(started.error().message.find("slot.bytes"), std::string::npos);
}

TEST_F(RecoveryTest, a_missing_file_in_the_middle_is_an_error_that_names_it) {
  StoreRun run(options());
  fill(run, 600);
  const auto entries = run.files->all();
  ASSERT_GT(entries.size(), 2u);
  run.lose_power();
  ASSERT_TRUE(run.disk.remove(entries[1].path).has_value());
  EXPECT_FALSE(run.start().has_value());
}

TEST_F(RecoveryTest, damage_in_a_segment_that_was_durable_is_reported_and_not_cut) {
  StoreRun run(options());
  fill(run, 400);
  const auto entries = run.files->all();
  run.lose_power();
  auto file = run.disk.open(entries[0].path, os::DiskOpen::write).value();
  // The first segment loses its proof and a record in its middle, with others behind it.
  const std::vector<std::byte> rubbish(64, std::byte{0x77});
  format::LogFileHead head;
  ASSERT_TRUE(file->read(0, std::as_writable_bytes(std::span(&head, 1))).has_value());
  head.flags = 0;
  head.proved_units = format::kFirstFrameUnits;
  head.proved_count = 0;
  segment::seal_head(head);
  ASSERT_TRUE(file->write(0, std::as_bytes(std::span(&head, 1))).has_value());
  ASSERT_TRUE(file->write(20'000, rubbish).has_value());
  const auto started = run.start();
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, ErrorCode::kafka_storage_error);
  EXPECT_TRUE(run.disk.file_size_bytes(entries[1].path).has_value()) << "it was removed";
}

// What is in flight at a power cut may lie anywhere behind what is durable, also far up in a large
// segment.
TEST_F(RecoveryTest, a_torn_tail_far_up_in_a_large_segment_is_cut_and_not_called_damage) {
  RunOptions large = options();
  large.slot_bytes = 32ull << 20;
  large.slots = 2;
  large.buffer_bytes = 1 << 20;
  StoreRun run(large);
  fill(run, 30, 900'000);  // 27 MB
  const std::uint64_t durable = run.reported;
  for (std::uint64_t i = 0; i < 3; ++i) run.hot->append(record(1000, i));
  const LogFileEntry entry = run.files->all().back();
  ASSERT_TRUE(run.settle());
  run.reported = durable;
  auto file = run.disk.open(entry.path, os::DiskOpen::write).value();
  // The first of the three, in its body; the others prove themselves behind it.
  const std::uint64_t at = format::kSegmentHeaderBytes + 30 * (format::kFrameHeaderBytes + 900'000);
  ASSERT_TRUE(file->write(at + 64, std::vector<std::byte>(64, std::byte{0x77})).has_value());
  ASSERT_TRUE(file->sync().has_value());
  run.lose_power();
  const auto started = run.start();
  ASSERT_TRUE(started.has_value()) << started.error().message;
  EXPECT_EQ(run.begun_at.base_offset, durable);
}

// Retention took all that was before it, and the power went before it held a record.
TEST_F(RecoveryTest, a_file_without_a_record_that_is_alone_still_says_where_the_log_goes_on) {
  for (const bool memory_stays : {true, false}) {
    StoreRun run(options());
    ASSERT_TRUE(run.disk.make_directories(kFolder).has_value());
    ASSERT_TRUE(
        run.disk
            .create(std::string(kFolder) + "/" + segment::file_name({5000, segment::FileKind::log}))
            .has_value());
    ASSERT_TRUE(run.disk.sync_directory(kFolder).has_value());
    if (memory_stays) {
      WriteStart start;
      start.sequence = 9;
      start.base_offset = 5000;
      run.hot = std::make_unique<HotLog>(start, run.model, 1);
      run.hot->append(record(10));
    }
    run.retained_from = 5000;
    const auto started = run.start();
    ASSERT_TRUE(started.has_value()) << started.error().message;
    EXPECT_EQ(run.begun_at.base_offset, 5000u);
    EXPECT_EQ(run.begun_at.sequence, memory_stays ? 9u : 0u);
    run.hot->append(record(10));
    ASSERT_TRUE(run.settle());
    EXPECT_EQ(run.check(run.hot->published_end()), "");
  }
}

// A segment of the oldest generation stays in its file however old that is by now: it must not lie
// in two.
TEST_F(RecoveryTest, a_segment_that_was_begun_goes_on_in_its_file_also_when_that_is_too_old) {
  RunOptions old = options();
  old.file_ms = 1000;
  StoreRun run(old);
  fill(run, 100);
  run.kill();
  ASSERT_TRUE(run.start().has_value());
  run.hot->append(record(10));
  ASSERT_TRUE(run.settle());
  run.lose_power();
  const auto started = run.start();
  ASSERT_TRUE(started.has_value()) << started.error().message;
  EXPECT_GE(run.begun_at.base_offset, run.reported);
  EXPECT_EQ(run.check(run.begun_at.base_offset), "");
}

TEST_F(RecoveryTest, shared_memory_that_does_not_go_on_where_the_files_end_is_refused) {
  StoreRun run(options());
  fill(run, 10);
  run.stop();
  ASSERT_TRUE(run.disk.remove(run.files->all()[0].path).has_value());
  EXPECT_TRUE(run.start().has_value()) << "it begins at zero, and memory still has that";
  run.stop();
  WriteStart elsewhere;
  elsewhere.sequence = 40;
  elsewhere.base_offset = 77;
  run.hot = std::make_unique<HotLog>(elsewhere, run.model, 1);
  EXPECT_FALSE(run.start().has_value());
}

}  // namespace
}  // namespace ringmain::storage
