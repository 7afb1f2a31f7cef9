// What every Disk and DiskFile does: names, sizes, blocking reads and writes.
#include <gmock/gmock.h>

#include "conformance/disk/disk_under_test.hpp"
#include "os/simulated_disk.hpp"

namespace ringmain::os {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DiskTest : public DiskSuite {};
INSTANTIATE_TEST_SUITE_P(Disks, DiskTest, testing::ValuesIn(implementations()),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(DiskTest, a_new_file_is_empty_and_there) {
  const auto file = create("a");
  EXPECT_EQ(file->path(), path("a"));
  EXPECT_EQ(file->size_bytes().value(), 0u);
  EXPECT_EQ(disk().file_size_bytes(path("a")).value(), 0u);
  EXPECT_FALSE(file->write_path().empty());
}

TEST_P(DiskTest, creating_a_file_that_is_there_is_refused_and_harmless) {
  ASSERT_TRUE(create("a")->write(0, pattern(1, 10)));
  const auto again = disk().create(path("a"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::already_exists);
  EXPECT_THAT(again.error().message, HasSubstr(path("a")));
  EXPECT_EQ(disk().file_size_bytes(path("a")).value(), 10u);
}

TEST_P(DiskTest, what_is_not_there_is_named_and_has_a_code_of_its_own) {
  const auto expect_not_found = [&](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::not_found) << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr(path("none")));
  };
  expect_not_found(disk().open(path("none"), DiskOpen::read));
  expect_not_found(disk().open(path("none"), DiskOpen::write));
  expect_not_found(disk().create(path("none/file")));
  expect_not_found(disk().file_size_bytes(path("none")));
  expect_not_found(disk().list(path("none")));
  expect_not_found(disk().rename(path("none"), path("b")));
  expect_not_found(disk().remove(path("none")));
  expect_not_found(disk().sync_directory(path("none")));
}

TEST_P(DiskTest, blocking_writes_of_any_size_and_place_are_read_back) {
  const auto file = create("a");
  const auto first = pattern(1, 5000);
  const auto second = pattern(2, 777);
  ASSERT_TRUE(is_ok(file->write(0, first)));
  ASSERT_TRUE(is_ok(file->write(6001, second)));
  ASSERT_TRUE(is_ok(file->sync()));
  EXPECT_EQ(contents(*file, 0, 5000), first);
  EXPECT_THAT(contents(*file, 5000, 1001), Each(std::byte{0}));
  EXPECT_EQ(contents(*file, 6001, 777), second);
  EXPECT_EQ(file->size_bytes().value(), 6778u);

  const auto reader = disk().open(path("a"), DiskOpen::read).value();
  EXPECT_EQ(contents(*reader, 0, 5000), first);
}

TEST_P(DiskTest, reading_past_the_end_is_an_error_that_says_where_it_ends) {
  const auto file = create("a");
  ASSERT_TRUE(file->write(0, pattern(1, 100)));
  std::vector<std::byte> into(20);
  const Status status = file->read(90, into);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::io);
  EXPECT_THAT(status.error().message, HasSubstr(path("a") + ": it ends at 100"));
  EXPECT_TRUE(file->read(100, {}));
}

TEST_P(DiskTest, a_file_opened_for_reading_takes_no_changes) {
  create("a");
  const auto reader = disk().open(path("a"), DiskOpen::read).value();
  const auto expect_refused = [&](const Status& status) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(status.error().message, HasSubstr(path("a") + " was opened for reading only"));
  };
  expect_refused(reader->write(0, pattern(1, 10)));
  expect_refused(reader->allocate({0, block}));
  expect_refused(reader->punch_hole({0, block}));
  expect_refused(reader->truncate(0));
  const auto writes = queue();
  expect_refused(writes->submit_write(*reader, {.size_bytes = block}, DiskToken(1)));
  expect_refused(writes->submit_sync(*reader, DiskToken(1)));
  EXPECT_EQ(writes->in_flight(), 0u);
}

TEST_P(DiskTest, allocated_space_reads_as_zeros_and_keeps_what_is_there) {
  const auto file = create("a");
  const auto first = pattern(1, block);
  ASSERT_TRUE(file->write(0, first));
  ASSERT_TRUE(is_ok(file->allocate({0, 16 * block})));
  EXPECT_EQ(file->size_bytes().value(), 16u * block);
  EXPECT_EQ(contents(*file, 0, block), first);
  EXPECT_THAT(contents(*file, block, 15 * block), Each(std::byte{0}));
  ASSERT_TRUE(is_ok(file->allocate({0, block})));  // never shrinks
  EXPECT_EQ(file->size_bytes().value(), 16u * block);
}

TEST_P(DiskTest, a_punched_hole_reads_as_zeros_and_leaves_its_neighbours) {
  const auto file = create("a");
  const auto all = pattern(1, 8 * block);
  ASSERT_TRUE(file->write(0, all));
  ASSERT_TRUE(is_ok(file->punch_hole({2 * block, 3 * block})));
  EXPECT_EQ(file->size_bytes().value(), 8u * block);
  EXPECT_EQ(contents(*file, 0, 2 * block), pattern(1, 2 * block));
  EXPECT_THAT(contents(*file, 2 * block, 3 * block), Each(std::byte{0}));
  EXPECT_EQ(contents(*file, 5 * block, 3 * block),
            std::vector<std::byte>(all.begin() + 5 * block, all.end()));
  ASSERT_TRUE(is_ok(file->punch_hole({6 * block, 100 * block})));  // past the end
  EXPECT_EQ(file->size_bytes().value(), 8u * block);
  EXPECT_THAT(contents(*file, 6 * block, 2 * block), Each(std::byte{0}));
}

TEST_P(DiskTest, an_empty_range_is_no_range) {
  const auto file = create("a");
  EXPECT_EQ(file->allocate({0, 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(file->punch_hole({0, 0}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(file->allocate({UINT64_MAX - 5, 10}).error().code, ErrorCode::invalid_argument);
}

TEST_P(DiskTest, what_was_cut_off_is_zeros_when_the_file_grows_again) {
  const auto file = create("a");
  ASSERT_TRUE(file->write(0, pattern(1, 3 * block)));
  ASSERT_TRUE(is_ok(file->truncate(block + 100)));
  EXPECT_EQ(file->size_bytes().value(), block + 100u);
  ASSERT_TRUE(is_ok(file->truncate(3 * block)));
  EXPECT_EQ(contents(*file, 0, block + 100), pattern(1, block + 100));
  EXPECT_THAT(contents(*file, block + 100, 2 * block - 100), Each(std::byte{0}));
}

TEST_P(DiskTest, rename_replaces_and_leaves_open_files_alone) {
  const auto older = create("target");
  ASSERT_TRUE(older->write(0, pattern(1, 100)));
  const auto newer = create("source");
  ASSERT_TRUE(newer->write(0, pattern(2, 200)));
  ASSERT_TRUE(is_ok(disk().rename(path("source"), path("target"))));
  EXPECT_THAT(disk().list(directory()).value(), ElementsAre(DiskEntry{"target", false}));
  EXPECT_EQ(contents(*disk().open(path("target"), DiskOpen::read).value(), 0, 200),
            pattern(2, 200));
  EXPECT_EQ(contents(*older, 0, 100), pattern(1, 100));
  ASSERT_TRUE(newer->write(0, pattern(3, 200)));
  EXPECT_EQ(contents(*disk().open(path("target"), DiskOpen::read).value(), 0, 200),
            pattern(3, 200));
}

TEST_P(DiskTest, a_file_moves_between_directories) {
  ASSERT_TRUE(is_ok(disk().make_directories(path("pool"))));
  ASSERT_TRUE(create("a")->write(0, pattern(1, 100)));
  ASSERT_TRUE(is_ok(disk().rename(path("a"), path("pool/b"))));
  ASSERT_TRUE(is_ok(disk().sync_directory(path("pool"))));
  EXPECT_THAT(disk().list(directory()).value(), ElementsAre(DiskEntry{"pool", true}));
  EXPECT_EQ(disk().file_size_bytes(path("pool/b")).value(), 100u);
}

TEST_P(DiskTest, a_removed_file_is_gone_by_name_and_there_for_who_has_it_open) {
  const auto file = create("a");
  ASSERT_TRUE(file->write(0, pattern(1, 100)));
  ASSERT_TRUE(is_ok(disk().remove(path("a"))));
  EXPECT_THAT(disk().list(directory()).value(), IsEmpty());
  EXPECT_EQ(disk().open(path("a"), DiskOpen::read).error().code, ErrorCode::not_found);
  EXPECT_EQ(contents(*file, 0, 100), pattern(1, 100));
  const auto other = create("a");
  EXPECT_EQ(other->size_bytes().value(), 0u);
}

TEST_P(DiskTest, it_tells_whether_a_file_is_open) {
  auto file = create("a");
  ASSERT_TRUE(file->write(0, pattern(1, 100)));
  EXPECT_TRUE(disk().is_open(path("a")).value());
  file.reset();
  EXPECT_FALSE(disk().is_open(path("a")).value());
  auto reader = disk().open(path("a"), DiskOpen::read).value();
  const auto other = disk().open(path("a"), DiskOpen::read).value();
  reader.reset();
  EXPECT_TRUE(disk().is_open(path("a")).value());
  ASSERT_TRUE(is_ok(disk().rename(path("a"), path("b"))));
  EXPECT_TRUE(disk().is_open(path("b")).value());
  EXPECT_EQ(disk().is_open(path("a")).error().code, ErrorCode::not_found);
}

TEST_P(DiskTest, the_list_is_sorted_and_tells_directories) {
  create("b");
  create("a");
  ASSERT_TRUE(disk().make_directories(path("c")));
  EXPECT_THAT(disk().list(directory()).value(),
              ElementsAre(DiskEntry{"a", false}, DiskEntry{"b", false}, DiskEntry{"c", true}));
  EXPECT_THAT(disk().list(path("c")).value(), IsEmpty());
  EXPECT_FALSE(disk().list(path("a")));
}

TEST_P(DiskTest, directories_are_made_with_their_parents_and_removed_when_empty) {
  ASSERT_TRUE(is_ok(disk().make_directories(path("x/y/z"))));
  ASSERT_TRUE(is_ok(disk().make_directories(path("x/y/z"))));
  create("x/y/file");
  EXPECT_THAT(disk().list(path("x/y")).value(),
              ElementsAre(DiskEntry{"file", false}, DiskEntry{"z", true}));
  EXPECT_FALSE(disk().remove(path("x/y")));
  ASSERT_TRUE(is_ok(disk().remove(path("x/y/z"))));
  ASSERT_TRUE(is_ok(disk().remove(path("x/y/file"))));
  ASSERT_TRUE(is_ok(disk().remove(path("x/y"))));
  ASSERT_TRUE(is_ok(disk().sync_directory(path("x"))));
  EXPECT_THAT(disk().list(path("x")).value(), IsEmpty());
}

TEST_P(DiskTest, a_file_in_the_way_of_a_directory_is_named) {
  create("a");
  const Status status = disk().make_directories(path("a/b"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::already_exists);
  EXPECT_EQ(status.error().message,
            "cannot make directory " + path("a") + ": a file of that name is in the way");
  EXPECT_EQ(disk().make_directories("").error().code, ErrorCode::invalid_argument);
}

TEST_P(DiskTest, a_file_of_another_disk_is_refused) {
  SimulatedDisk other({});
  const auto foreign = other.create("/foreign").value();
  const auto writes = queue();
  const Status status = writes->submit_write(*foreign, {.size_bytes = block}, DiskToken(1));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(status.error().message, "/foreign was opened by another disk");
}

}  // namespace
}  // namespace ringmain::os
