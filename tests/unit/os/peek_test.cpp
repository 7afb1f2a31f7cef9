// Looks into a file: what is read, at its end too, on a file system in memory and on a disk.
#include "os/peek.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstring>

#include "os/file.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::os {
namespace {

std::string read(const Peek& file, uint64_t offset, size_t length) {
  std::string text(length, '?');
  const auto count = file.read(offset, std::as_writable_bytes(std::span(text)));
  EXPECT_TRUE(count) << count.error().message;
  return count ? text.substr(0, *count) : "";
}

class PeekTest : public ::testing::TestWithParam<const char*> {};

TEST_P(PeekTest, reads_what_is_there_and_no_more_at_the_end) {
  std::string path = std::string(GetParam()) + "/ringmain-peek-XXXXXX";
  const UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  ASSERT_TRUE(fd) << path << ": " << std::strerror(errno);
  ::unlink(path.c_str());
  std::string content;
  for (int i = 0; content.size() < 3'000'000; ++i) content += std::to_string(i) + " ";
  ASSERT_TRUE(write_fully(fd.get(), std::as_bytes(std::span(content))));
  const Peek file(fd.get());
  for (const uint64_t offset : {0, 1, 4095, 4096, 2'000'000})
    EXPECT_EQ(read(file, offset, 5000), content.substr(offset, 5000)) << offset;
  EXPECT_EQ(read(file, content.size() - 7, 100), content.substr(content.size() - 7));
  EXPECT_EQ(read(file, content.size(), 100), "");
  EXPECT_EQ(read(file, content.size() + 10'000, 100), "");
  EXPECT_EQ(read(file, 5, 0), "");
}

INSTANTIATE_TEST_SUITE_P(Of, PeekTest, ::testing::Values("/dev/shm", "/var/tmp"));

TEST(Peek, an_error_names_the_file) {
  const ScratchDirectory scratch;
  const UniqueFd fd(::open((scratch / "closed").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  std::array<std::byte, 8> into{};
  const auto count = Peek(fd.get()).read(0, into);
  ASSERT_FALSE(count);
  EXPECT_NE(count.error().message.find(scratch / "closed"), std::string::npos) << count.error().message;
}

}  // namespace
}  // namespace ringmain::os
