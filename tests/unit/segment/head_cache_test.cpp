// Heads that are kept: found by the file's first head alone, as long as they reach far enough, within bounds.
#include "segment/head_cache.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/file.hpp"
#include "segment/log_file_view.hpp"
#include "unit/os/scratch.hpp"
#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using test::Bytes;

std::shared_ptr<const HeadRun> run_of(std::uint64_t file_tag, std::uint32_t segments) {
  HeadRun run;
  const Bytes file = test::log_file(segments, 1, 100, 5, test::Closing::complete, file_tag);
  for (std::uint32_t i = 0; i < segments; ++i) run.heads.push_back(test::head_in(file, i * test::kSlotBytes));
  return std::make_shared<const HeadRun>(std::move(run));
}

TEST(HeadCache, finds_what_was_kept_and_drops_what_was_used_longest_ago) {
  HeadCache cache(10);
  const auto a = run_of(1, 4), b = run_of(2, 4), c = run_of(3, 3), d = run_of(4, 11);
  EXPECT_EQ(cache.find(a->heads[0]), nullptr);
  cache.keep(a);
  cache.keep(b);
  EXPECT_EQ(cache.find(a->heads[0]), a);
  cache.keep(c);  // b goes: a was used after it
  EXPECT_EQ(cache.find(b->heads[0]), nullptr);
  EXPECT_EQ(cache.find(a->heads[0]), a);
  EXPECT_EQ(cache.find(c->heads[0]), c);
  EXPECT_EQ(cache.head_count(), 7u);
  cache.keep(d);  // larger than all there may be
  EXPECT_EQ(cache.find(d->heads[0]), nullptr);
  EXPECT_EQ(cache.head_count(), 7u);
  const auto longer = run_of(1, 6);
  cache.keep(longer);
  EXPECT_EQ(cache.find(longer->heads[0]), longer);
  EXPECT_EQ(cache.head_count(), 9u);
}

TEST(HeadCache, a_first_head_that_is_another_one_finds_nothing) {
  HeadCache cache(10);
  const auto run = run_of(1, 2);
  cache.keep(run);
  for (std::size_t at = 0; at < sizeof(format::LogFileHead); at += 16) {
    Bytes head(sizeof(format::LogFileHead));
    std::memcpy(head.data(), &run->heads[0], head.size());
    test::flip(head, at);
    EXPECT_EQ(cache.find(test::head_in(head)), nullptr) << at;
  }
}

class MapsWithACache : public ::testing::Test {
 protected:
  void write(const Bytes& image) {
    const os::UniqueFd fd = os::open_file(path, O_RDWR | O_CREAT | O_TRUNC).value();
    ASSERT_TRUE(os::write_fully(fd.get(), image));
  }
  std::size_t heads(std::uint64_t end_offset) {
    const os::UniqueFd fd = os::open_file(path, O_RDONLY).value();
    const auto mapped = MappedLogFile::map(fd.get(), "test.log", &cache, end_offset);
    EXPECT_TRUE(mapped) << mapped.error().message;
    return mapped ? mapped->view().heads().size() : 0;
  }

  const os::ScratchDirectory scratch;
  const std::string path = scratch / "test.log";
  HeadCache cache{100};
};

TEST_F(MapsWithACache, what_it_has_is_not_read_again) {
  Bytes file = test::log_file(3, 10);
  write(file);
  EXPECT_EQ(heads(130), 3u);
  EXPECT_EQ(cache.head_count(), 3u);
  std::fill_n(file.begin() + 2 * test::kSlotBytes, 256, std::byte{0});  // nobody looks there
  write(file);
  EXPECT_EQ(heads(130), 3u);
}

TEST_F(MapsWithACache, a_file_that_has_grown_is_read_again) {
  write(test::log_file(2, 10));
  EXPECT_EQ(heads(120), 2u);
  write(test::log_file(3, 10));
  EXPECT_EQ(heads(120), 2u) << "it reaches far enough";
  EXPECT_EQ(heads(130), 3u);
  EXPECT_EQ(cache.head_count(), 3u);
}

TEST_F(MapsWithACache, another_file_in_its_place_is_read) {
  write(test::log_file(3, 10));
  EXPECT_EQ(heads(120), 3u);
  write(test::log_file(2, 10, 100, 5, test::Closing::complete, 77));
  EXPECT_EQ(heads(120), 2u);
}

TEST_F(MapsWithACache, a_run_with_a_fault_is_not_kept) {
  Bytes file = test::log_file(3, 10);
  std::fill_n(file.begin() + test::kSlotBytes, 256, std::byte{0});
  write(file);
  EXPECT_EQ(heads(110), 1u);
  EXPECT_EQ(cache.head_count(), 0u);
}

}  // namespace
}  // namespace ringmain::segment
