// The real disk where the system refuses something: io_uring, locked memory, space, rights. Each
// test narrows a child process, so that nothing else is touched.
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "conformance/disk/disk_under_test.hpp"

namespace ringmain::os {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int skipped = 77;
constexpr uid_t nobody = 65534;

class Scratch {
 public:
  Scratch() {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
    ::chmod(path_.c_str(), 0777);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/var/tmp/ringmain-real-disk-XXXXXX";
};

// Runs gtest expectations in a child; its failures are printed there and fail the test here.
void in_child(const std::function<void()>& body) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    body();
    std::fflush(nullptr);
    const bool failed = testing::Test::HasFailure();
    ::_exit(failed ? 1 : testing::Test::IsSkipped() ? skipped : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status)) << "the child died of signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == skipped) GTEST_SKIP() << "this system does not let a test do that";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

void expect_a_write_works(Disk& disk, DiskQueue& writes, const std::string& path) {
  auto file = disk.create(path);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(is_ok(write_pattern(writes, **file, 0, 1, 2 * block, Durability::synced, 1)));
  const Results results = reap_all(writes);
  ASSERT_TRUE(results.at(1)) << results.at(1).error().message;
  EXPECT_EQ(contents(**file, 0, 2 * block), pattern(1, 2 * block));
}

// As in a container whose profile forbids io_uring.
void forbid_io_uring(uint32_t error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) GTEST_SKIP();
}

// A file system of its own for this process: a tmpfs of `size_bytes` at `path`.
void mount_tmpfs(const std::string& path, uint64_t size_bytes) {
  const std::string options = "size=" + std::to_string(size_bytes);
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", path.c_str(), "tmpfs", 0, options.c_str()) != 0) {
    GTEST_SKIP();
  }
}

std::vector<RealDiskOptions> ways_to_write() {
  return {{},
          {.durable_write = DurableWrite::write_and_sync},
          {.use_direct_io = false},
          {.use_io_uring = false},
          {.use_io_uring = false, .use_direct_io = false}};
}

TEST(RealDiskTest, says_that_it_writes_blocking_when_told_to) {
  const auto disk = make_real_disk({.use_io_uring = false});
  const auto queue = disk->make_queue({}).value();
  EXPECT_FALSE(queue->capabilities().asynchronous);
  EXPECT_EQ(queue->capabilities().description, "blocking writes, because io_uring is turned off");
}

TEST(RealDiskTest, a_file_says_why_it_goes_through_the_page_cache) {
  const Scratch scratch;
  const auto disk = make_real_disk({.use_direct_io = false});
  EXPECT_EQ(disk->create(scratch / "a").value()->write_path(),
            "page cache: direct I/O is turned off");
  EXPECT_EQ(disk->open(scratch / "a", DiskOpen::read).value()->write_path(),
            "page cache: opened for reading");
  EXPECT_THAT(make_real_disk()->open(scratch / "a", DiskOpen::write).value()->write_path(),
              AnyOf("O_DIRECT", StartsWith("page cache: ")));
}

TEST(RealDiskTest, falls_back_where_io_uring_is_forbidden_and_says_why) {
  for (const uint32_t error : {uint32_t{EPERM}, uint32_t{ENOSYS}}) {
    const Scratch scratch;
    in_child([&] {
      forbid_io_uring(error);
      if (testing::Test::IsSkipped()) return;
      const auto disk = make_real_disk();
      const auto queue = disk->make_queue({}).value();
      EXPECT_FALSE(queue->capabilities().asynchronous);
      EXPECT_THAT(queue->capabilities().description,
                  StartsWith("blocking writes, because io_uring is refused ("));
      EXPECT_THAT(queue->capabilities().description,
                  HasSubstr(error == EPERM ? "Operation not permitted" : "not implemented"));
      expect_a_write_works(*disk, *queue, scratch / "a");
    });
  }
}

// As an ordinary user, whom the limit binds: root may lock memory all the same.
void limit_locked_memory(rlim_t bytes) {
  const rlimit limit{bytes, bytes};
  ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &limit), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::setuid(nobody), 0);
  }
}

TEST(RealDiskTest, works_with_too_little_locked_memory_for_its_buffers_and_says_so) {
  const Scratch scratch;
  in_child([&] {
    limit_locked_memory(1 << 20);  // the rings take some on newer kernels
    const auto disk = make_real_disk();
    const auto queue = disk->make_queue({}).value();
    EXPECT_FALSE(queue->capabilities().registered_buffers);
    expect_a_write_works(*disk, *queue, scratch / "a");
    if (!queue->capabilities().asynchronous) GTEST_SKIP();  // io_uring is forbidden here
    EXPECT_THAT(queue->capabilities().description, HasSubstr("RLIMIT_MEMLOCK must allow 2 MiB"));
  });
}

TEST(RealDiskTest, works_without_any_locked_memory) {
  const Scratch scratch;
  in_child([&] {
    limit_locked_memory(0);
    const auto disk = make_real_disk();
    const auto queue = disk->make_queue({}).value();
    EXPECT_FALSE(queue->capabilities().registered_buffers);
    EXPECT_THAT(queue->capabilities().description,
                AnyOf(HasSubstr("RLIMIT_MEMLOCK"), HasSubstr("not permitted")));
    expect_a_write_works(*disk, *queue, scratch / "a");
  });
}

TEST(RealDiskTest, a_full_file_system_is_no_space_for_every_way_to_write) {
  const Scratch scratch;
  in_child([&] {
    mount_tmpfs(scratch.path(), 64 * block);
    if (testing::Test::IsSkipped()) return;
    for (const RealDiskOptions& options : ways_to_write()) {
      const auto disk = make_real_disk(options);
      const auto queue = disk->make_queue({}).value();
      const auto file = disk->create(scratch / "a").value();
      for (uint64_t index = 0; index < 8; ++index) {
        ASSERT_TRUE(is_ok(write_pattern(*queue, *file, index * 32 * block, index, 32 * block,
                                        Durability::synced, index)));
      }
      uint32_t full = 0;
      for (const auto& [token, result] : reap_all(*queue)) {
        if (result) {
          EXPECT_EQ(*result, 32u * block);
          EXPECT_EQ(contents(*file, token * 32 * block, 32 * block), pattern(token, 32 * block));
          continue;
        }
        ++full;
        EXPECT_EQ(result.error().code, ErrorCode::no_space) << result.error().message;
        EXPECT_THAT(result.error().message, HasSubstr(scratch / "a"));
      }
      EXPECT_GE(full, 6u);
      EXPECT_EQ(file->allocate({0, 1000 * block}).error().code, ErrorCode::no_space);
      EXPECT_EQ(file->write(500 * block, pattern(1, 100 * block)).error().code,
                ErrorCode::no_space);
      EXPECT_EQ(queue->submit_sync(*file, DiskToken(1)).error().code, ErrorCode::io);
      ASSERT_TRUE(disk->remove(scratch / "a"));
    }
  });
}

TEST(RealDiskTest, a_short_write_is_never_a_success) {
  const Scratch scratch;
  in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit six_blocks{6 * block, 6 * block};  // the kernel then writes what still fits
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &six_blocks), 0);
    for (const RealDiskOptions& options : ways_to_write()) {
      const auto disk = make_real_disk(options);
      const auto queue = disk->make_queue({}).value();
      const auto file = disk->create(scratch / "a").value();
      for (const Durability durability : {Durability::none, Durability::synced}) {
        ASSERT_TRUE(is_ok(write_pattern(*queue, *file, 0, 1, 8 * block, durability, 1)));
        const Results results = reap_all(*queue);
        ASSERT_FALSE(results.at(1));
        EXPECT_EQ(results.at(1).error().code, ErrorCode::io);
        EXPECT_THAT(results.at(1).error().message, HasSubstr("File too large"));
        EXPECT_EQ(file->size_bytes().value(), 6u * block);
        EXPECT_EQ(contents(*file, 0, 6 * block), pattern(1, 6 * block));
      }
      ASSERT_TRUE(disk->remove(scratch / "a"));
    }
  });
}

TEST(RealDiskTest, a_sync_fails_with_a_write_that_it_should_cover) {
  const Scratch scratch;
  in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit one_block{block, block};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &one_block), 0);
    for (const RealDiskOptions& options : ways_to_write()) {
      const auto disk = make_real_disk(options);
      const auto queue = disk->make_queue({}).value();
      const auto file = disk->create(scratch / "a").value();
      ASSERT_TRUE(write_pattern(*queue, *file, 0, 1, block, Durability::none, 1));
      ASSERT_TRUE(write_pattern(*queue, *file, block, 2, block, Durability::none, 2));
      ASSERT_TRUE(queue->submit_sync(*file, DiskToken(3)));
      const Results results = reap_all(*queue);
      EXPECT_TRUE(results.at(1));
      EXPECT_FALSE(results.at(2));
      ASSERT_FALSE(results.at(3));
      EXPECT_THAT(results.at(3).error().message, HasSubstr("a write before it failed"));
      ASSERT_TRUE(is_ok(queue->submit_sync(*file, DiskToken(4))));  // the kernel lost nothing
      EXPECT_TRUE(reap_all(*queue).at(4));
      ASSERT_TRUE(disk->remove(scratch / "a"));
    }
  });
}

TEST(RealDiskTest, a_file_system_without_writes_is_read_only) {
  const Scratch scratch;
  in_child([&] {
    mount_tmpfs(scratch.path(), 64 * block);
    if (testing::Test::IsSkipped()) return;
    const auto disk = make_real_disk();
    ASSERT_TRUE(disk->create(scratch / "a"));
    ASSERT_EQ(::mount(nullptr, scratch.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr),
              0);
    EXPECT_EQ(disk->create(scratch / "b").error().code, ErrorCode::read_only);
    EXPECT_EQ(disk->open(scratch / "a", DiskOpen::write).error().code, ErrorCode::read_only);
    EXPECT_EQ(disk->remove(scratch / "a").error().code, ErrorCode::read_only);
    EXPECT_EQ(disk->rename(scratch / "a", scratch / "b").error().code, ErrorCode::read_only);
    EXPECT_EQ(disk->make_directories(scratch / "c").error().code, ErrorCode::read_only);
    EXPECT_TRUE(disk->open(scratch / "a", DiskOpen::read));
  });
}

TEST(RealDiskTest, what_belongs_to_others_is_permission_denied) {
  const Scratch scratch;
  in_child([&] {
    if (::geteuid() != 0) GTEST_SKIP();
    const auto disk = make_real_disk();
    ASSERT_TRUE(disk->make_directories(scratch / "own"));
    ASSERT_TRUE(disk->create(scratch / "a"));
    ASSERT_EQ(::setuid(nobody), 0);
    EXPECT_EQ(disk->open(scratch / "a", DiskOpen::read).error().code, ErrorCode::permission_denied);
    EXPECT_EQ(disk->list(scratch / "own").error().code, ErrorCode::permission_denied);
    EXPECT_EQ(disk->create(scratch / "own/b").error().code, ErrorCode::permission_denied);
  });
}

TEST(RealDiskTest, the_space_of_a_removed_file_comes_back_though_a_queue_wrote_it) {
  const Scratch scratch;
  in_child([&] {
    mount_tmpfs(scratch.path(), 1024 * block);
    if (testing::Test::IsSkipped()) return;
    const auto free_blocks = [&] {
      struct statfs found;
      EXPECT_EQ(::statfs(scratch.path().c_str(), &found), 0);
      return found.f_bfree;
    };
    const auto disk = make_real_disk();
    const auto queue = disk->make_queue({}).value();
    const auto free_before = free_blocks();
    auto file = disk->create(scratch / "a").value();
    ASSERT_TRUE(file->allocate({0, 512 * block}));
    ASSERT_TRUE(write_pattern(*queue, *file, 0, 1, block, Durability::none, 1));
    EXPECT_TRUE(reap_all(*queue).at(1));
    ASSERT_TRUE(disk->remove(scratch / "a"));
    EXPECT_LE(free_blocks(), free_before - 512);
    file.reset();
    // The kernel lets go of a registered file when nothing uses its table any more, a moment later.
    while (free_blocks() < free_before) {
      ASSERT_TRUE(queue->reap(ReapWait::no, [](DiskToken, const Result<uint64_t>&) {}));
    }
  });
}

}  // namespace
}  // namespace ringmain::os
