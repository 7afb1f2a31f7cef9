// Makes the disks: the real one in each of its ways to write, on disk and on tmpfs; the simulated
// one.
#include "conformance/disk/disk_under_test.hpp"

#include <stdlib.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/random.hpp"
#include "os/simulated_disk.hpp"

namespace ringmain::os {
namespace {

// /var/tmp lies on a disk where /tmp may be tmpfs.
constexpr const char* on_disk = "/var/tmp";
constexpr const char* on_tmpfs = "/dev/shm";

class RealUnderTest final : public DiskUnderTest {
 public:
  RealUnderTest(const std::string& parent, const RealDiskOptions& options)
      : directory_(parent + "/ringmain-conformance-XXXXXX"), disk_(make_real_disk(options)) {
    if (::mkdtemp(directory_.data()) == nullptr) std::abort();
  }
  ~RealUnderTest() override { std::filesystem::remove_all(directory_); }

  Disk& disk() override { return *disk_; }
  const std::string& directory() const override { return directory_; }

 private:
  std::string directory_;
  std::unique_ptr<Disk> disk_;
};

class SimulatedUnderTest final : public DiskUnderTest {
 public:
  explicit SimulatedUnderTest(const SimulatedDiskOptions& options) : disk_(options) {
    if (!disk_.make_directories(directory_)) std::abort();
  }

  Disk& disk() override { return disk_; }
  const std::string& directory() const override { return directory_; }

 private:
  std::string directory_ = "/test";
  SimulatedDisk disk_;
};

template <class UnderTest, class... Arguments>
std::unique_ptr<DiskUnderTest> make(Arguments... arguments) {
  return std::make_unique<UnderTest>(arguments...);
}

uint64_t seed() {
  const char* text = std::getenv("RINGMAIN_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

}  // namespace

const std::vector<Implementation>& implementations() {
  static const std::vector<Implementation> all = {
      {"io_uring", [] { return make<RealUnderTest>(on_disk, RealDiskOptions{}); }, true},
      {"io_uring_with_linked_sync",
       [] {
         return make<RealUnderTest>(on_disk,
                                    RealDiskOptions{.durable_write = DurableWrite::write_and_sync});
       },
       true},
      {"io_uring_through_the_page_cache",
       [] { return make<RealUnderTest>(on_disk, RealDiskOptions{.use_direct_io = false}); }, true},
      {"io_uring_on_tmpfs", [] { return make<RealUnderTest>(on_tmpfs, RealDiskOptions{}); }, true},
      {"blocking",
       [] { return make<RealUnderTest>(on_disk, RealDiskOptions{.use_io_uring = false}); }, false},
      {"blocking_with_separate_sync",
       [] {
         return make<RealUnderTest>(
             on_disk,
             RealDiskOptions{.use_io_uring = false, .durable_write = DurableWrite::write_and_sync});
       },
       false},
      {"blocking_through_the_page_cache",
       [] {
         return make<RealUnderTest>(on_disk,
                                    RealDiskOptions{.use_io_uring = false, .use_direct_io = false});
       },
       false},
      {"simulated", [] { return make<SimulatedUnderTest>(SimulatedDiskOptions{.seed = seed()}); },
       false},
      {"simulated_with_short_writes",
       [] {
         return make<SimulatedUnderTest>(
             SimulatedDiskOptions{.seed = seed(), .delay_percent = 60, .short_write_percent = 80});
       },
       false},
  };
  return all;
}

void DiskSuite::SetUp() {
  under_test_ = GetParam().make();
  if (!GetParam().needs_io_uring) return;
  const auto made = disk().make_queue({});
  ASSERT_TRUE(made) << made.error().message;
  if (!(*made)->capabilities().asynchronous) {
    GTEST_SKIP() << "no io_uring here: " << (*made)->capabilities().description;
  }
}

std::unique_ptr<DiskFile> DiskSuite::create(const std::string& name) {
  auto made = disk().create(path(name));
  EXPECT_TRUE(made) << made.error().message;
  return std::move(made).value();
}

std::unique_ptr<DiskQueue> DiskSuite::queue(const DiskQueueOptions& options) {
  auto made = disk().make_queue(options);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(made).value();
}

std::vector<std::byte> pattern(uint64_t seed, size_t size_bytes) {
  Random random(seed);
  std::vector<std::byte> bytes(size_bytes);
  for (size_t at = 0; at < size_bytes; at += sizeof(uint64_t)) {
    const uint64_t word = random();
    std::memcpy(bytes.data() + at, &word, std::min(sizeof word, size_bytes - at));
  }
  return bytes;
}

std::vector<std::byte> contents(const DiskFile& file, uint64_t at, size_t size_bytes) {
  std::vector<std::byte> bytes(size_bytes);
  const Status status = file.read(at, bytes);
  EXPECT_TRUE(is_ok(status));
  return bytes;
}

Status write_pattern(DiskQueue& queue, DiskFile& file, uint64_t at, uint64_t seed,
                     uint32_t size_bytes, Durability durability, uint64_t token) {
  const std::optional<uint32_t> buffer = queue.take_buffer();
  if (!buffer) return fail(ErrorCode::invalid_state, "the test has no buffer free");
  const std::vector<std::byte> bytes = pattern(seed, size_bytes);
  std::memcpy(queue.buffer(*buffer).data(), bytes.data(), bytes.size());
  Status status = queue.submit_write(
      file, {.at = at, .buffer = *buffer, .size_bytes = size_bytes, .durability = durability},
      DiskToken(token));
  queue.give_back(*buffer);
  return status;
}

Results reap_all(DiskQueue& queue) {
  Results results;
  while (queue.in_flight() > 0) {
    const Result<uint32_t> count =
        queue.reap(ReapWait::for_one, [&](DiskToken token, Result<uint64_t> result) {
          EXPECT_TRUE(results.emplace(token.value(), std::move(result)).second)
              << "token " << token.value() << " came twice";
        });
    EXPECT_TRUE(count) << count.error().message;
    if (!count) break;
    EXPECT_GT(*count, 0u);
  }
  return results;
}

testing::AssertionResult is_ok(const Status& status) {
  if (status) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << error_name(status.error().code) << ": " << status.error().message;
}

}  // namespace ringmain::os
