// Files and directories: what they do, and what they say when they cannot.
#include "os/file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "os/fault.hpp"
#include "os/file_system.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::os {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr uint64_t kib = 1024;

uint64_t allocated_bytes(int fd) {
  struct stat found;
  EXPECT_EQ(::fstat(fd, &found), 0);
  return static_cast<uint64_t>(found.st_blocks) * 512;
}

mode_t mode_of(const std::string& path) {
  struct stat found;
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found.st_mode & 07777;
}

TEST(FileTest, every_descriptor_is_closed_at_exec) {
  const ScratchDirectory scratch;
  const auto file = open_file(scratch / "a", O_RDWR | O_CREAT).value();
  EXPECT_EQ(::fcntl(file.get(), F_GETFD), FD_CLOEXEC);
  const auto directory = open_directory(scratch.path()).value();
  const auto same = open_file_at(directory.get(), "a", O_RDONLY).value();
  EXPECT_EQ(::fcntl(same.get(), F_GETFD), FD_CLOEXEC);
}

TEST(FileTest, a_failing_open_names_the_path_and_the_reason) {
  const ScratchDirectory scratch;
  EXPECT_EQ(open_file(scratch / "none", O_RDONLY).error().message,
            "cannot open " + (scratch / "none") + ": No such file or directory");
  const auto directory = open_directory(scratch.path()).value();
  EXPECT_EQ(open_file_at(directory.get(), "none", O_RDONLY).error().message,
            "cannot open none in " + scratch.path() + ": No such file or directory");
}

TEST(SmallFileTest, reads_back_what_was_written) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(write_small_file(scratch / "a", "first", 0640));
  ASSERT_TRUE(write_small_file(scratch / "a", "second", 0640));
  EXPECT_EQ(read_small_file(scratch / "a").value(), "second");
  EXPECT_EQ(mode_of(scratch / "a"), 0640u);
  EXPECT_FALSE(std::filesystem::exists(scratch / "a.tmp"));
}

TEST(SmallFileTest, refuses_to_read_a_large_file) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(write_small_file(scratch / "a", std::string(100, 'x')));
  EXPECT_EQ(read_small_file(scratch / "a", 64).error().message,
            "cannot read " + (scratch / "a") + ": it is larger than the 64 B expected there");
}

TEST(SmallFileTest, a_failing_write_leaves_the_old_content_and_no_rest) {
  const ScratchDirectory scratch;
  std::filesystem::create_directory(scratch / "a");
  const Status status = write_small_file(scratch / "a", "content");
  EXPECT_THAT(status.error().message, StartsWith("cannot rename " + (scratch / "a.tmp")));
  EXPECT_FALSE(std::filesystem::exists(scratch / "a.tmp"));
  EXPECT_TRUE(std::filesystem::is_directory(scratch / "a"));
}

TEST(SmallFileTest, a_writer_that_dies_before_the_rename_leaves_the_old_content) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(write_small_file(scratch / "a", "old"));
  const pid_t child = start_child([&] {
    if (!configure_faults("os.small_file.before_rename:kill")) return 1;
    return write_small_file(scratch / "a", "new") ? 2 : 3;
  });
  const int status = wait_for_child(child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(read_small_file(scratch / "a").value(), "old");
  ASSERT_TRUE(write_small_file(scratch / "a", "newer"));
  EXPECT_EQ(read_small_file(scratch / "a").value(), "newer");
}

TEST(FileTest, size_follows_truncate) {
  const UniqueFd file = memory_file(0);
  ASSERT_TRUE(truncate_file(file.get(), 10 * kib));
  EXPECT_EQ(file_size_bytes(file.get()).value(), 10 * kib);
  EXPECT_THAT(file_size_bytes(-1).error().message, HasSubstr("Bad file descriptor"));
  EXPECT_THAT(truncate_file(-1, 5).error().message,
              StartsWith("cannot set the size of file descriptor -1 to 5 B: "));
}

TEST(AllocateTest, gives_memory_and_grows_the_file) {
  const ScratchDirectory scratch;
  const auto file = open_file(scratch / "slot", O_RDWR | O_CREAT).value();
  ASSERT_TRUE(allocate(file.get(), 64 * kib, 64 * kib));
  EXPECT_EQ(file_size_bytes(file.get()).value(), 128 * kib);
  EXPECT_EQ(allocated_bytes(file.get()), 64 * kib);
}

TEST(AllocateTest, a_punched_hole_gives_the_memory_back_and_reads_as_zeros) {
  const ScratchDirectory scratch;
  const auto file = open_file(scratch / "slot", O_RDWR | O_CREAT).value();
  ASSERT_TRUE(write_fully(file.get(), std::vector<std::byte>(128 * kib, std::byte{7})));
  ASSERT_TRUE(punch_hole(file.get(), 0, 64 * kib));
  EXPECT_EQ(file_size_bytes(file.get()).value(), 128 * kib);
  EXPECT_EQ(allocated_bytes(file.get()), 64 * kib);
  char first = 1;
  char last = 1;
  EXPECT_EQ(::pread(file.get(), &first, 1, 0), 1);
  EXPECT_EQ(::pread(file.get(), &last, 1, 128 * kib - 1), 1);
  EXPECT_EQ(first, 0);
  EXPECT_EQ(last, 7);
}

TEST(AllocateTest, a_full_tmpfs_is_named_with_what_to_do) {
  const ScratchDirectory scratch;
  const auto file = open_file(scratch / "slot", O_RDWR | O_CREAT).value();
  const auto file_system = file_system_of(file.get()).value();
  if (file_system.total_bytes == 0) GTEST_SKIP() << "this tmpfs has no limit";
  const Status status = allocate(file.get(), 0, file_system.total_bytes + (1 << 20));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::no_space);
  EXPECT_THAT(status.error().message,
              AllOf(StartsWith("cannot allocate "), HasSubstr("of " + (scratch / "slot")),
                    HasSubstr("No space left on device on tmpfs at /dev/shm ("),
                    HasSubstr(" free)"), HasSubstr("mount -o remount,size=... /dev/shm")));
}

TEST(AllocateTest, a_fault_point_stands_for_a_full_disk) {
  const UniqueFd file = memory_file(0);
  ASSERT_TRUE(configure_faults("os.allocate:enospc:2"));
  EXPECT_TRUE(allocate(file.get(), 0, 4 * kib));
  EXPECT_EQ(allocate(file.get(), 0, 4 * kib).error().code, ErrorCode::no_space);
  EXPECT_TRUE(allocate(file.get(), 0, 4 * kib));
  ASSERT_TRUE(configure_faults("os.allocate:eio"));
  EXPECT_EQ(allocate(file.get(), 0, 4 * kib).error().code, ErrorCode::io);
  ASSERT_TRUE(configure_faults(""));
}

TEST(AllocateTest, a_descriptor_that_cannot_be_allocated_is_an_io_error) {
  const auto null = open_file("/dev/null", O_RDWR).value();
  EXPECT_THAT(allocate(null.get(), 0, kib).error().message,
              StartsWith("cannot allocate 1 KiB of /dev/null: "));
  EXPECT_THAT(punch_hole(null.get(), 0, kib).error().message,
              StartsWith("cannot give back 1 KiB of /dev/null: "));
}

TEST(DirectoryTest, makes_missing_parents_with_the_mode_whatever_the_umask) {
  const ScratchDirectory scratch;
  const mode_t umask_before = ::umask(077);
  const Status status = make_directories(scratch / "a/b/c", 0755);
  ::umask(umask_before);
  ASSERT_TRUE(status);
  EXPECT_EQ(mode_of(scratch / "a"), 0755u);
  EXPECT_EQ(mode_of(scratch / "a/b/c"), 0755u);
  EXPECT_EQ(mode_of(scratch.path()), 0700u);
}

TEST(DirectoryTest, a_directory_that_is_there_keeps_its_mode) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(make_directories(scratch / "a", 0750));
  ASSERT_TRUE(make_directories(scratch / "a/", 0700));
  EXPECT_EQ(mode_of(scratch / "a"), 0750u);
}

TEST(DirectoryTest, a_file_in_the_way_is_named) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(write_small_file(scratch / "a", ""));
  EXPECT_EQ(make_directories(scratch / "a/b").error().message,
            "cannot make directory " + (scratch / "a") + ": a file of that name is in the way");
  EXPECT_EQ(make_directories("").error().code, ErrorCode::invalid_argument);
}

TEST(DirectoryTest, removes_a_tree_and_does_not_mind_its_absence) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(make_directories(scratch / "a/b"));
  ASSERT_TRUE(write_small_file(scratch / "a/b/file", "x"));
  EXPECT_TRUE(remove_tree(scratch / "a"));
  EXPECT_FALSE(std::filesystem::exists(scratch / "a"));
  EXPECT_TRUE(remove_tree(scratch / "a"));
}

TEST(FileSystemTest, knows_the_tmpfs_of_shared_memory) {
  const ScratchDirectory scratch;
  const auto file_system = file_system_of(scratch.path()).value();
  EXPECT_EQ(file_system.type, "tmpfs");
  EXPECT_EQ(file_system.mount_point, "/dev/shm");
  EXPECT_LE(file_system.free_bytes, file_system.total_bytes);
}

TEST(FileSystemTest, memory_without_a_path_has_no_mount_point) {
  const UniqueFd file = memory_file(kib);
  EXPECT_EQ(describe(file_system_of(file.get()).value()), "tmpfs");
}

TEST(FileSystemTest, a_missing_path_is_an_error) {
  EXPECT_EQ(file_system_of("/no/such/path").error().message,
            "cannot read the file system of /no/such/path: No such file or directory");
}

}  // namespace
}  // namespace ringmain::os
