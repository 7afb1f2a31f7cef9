// Runs every transcript in transcripts/ and holds what happens to what is written there.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/coordination/transcript.hpp"

namespace ringmain::coordination::test {
namespace {

std::filesystem::path folder() {
  return std::filesystem::path(__FILE__).parent_path() / "transcripts";
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    out.push_back(entry.path().stem().string());
  std::ranges::sort(out);
  return out;
}

class Transcripts : public testing::TestWithParam<std::string> {};

TEST_P(Transcripts, happen_as_they_are_written) {
  std::ifstream file(folder() / (GetParam() + ".txt"));
  std::stringstream written;
  written << file.rdbuf();
  ASSERT_FALSE(written.str().empty());
  const std::string happened = Transcript().run(written.str());
  EXPECT_EQ(happened, written.str()) << "What really happens:\n" << happened;
}

INSTANTIATE_TEST_SUITE_P(All, Transcripts, testing::ValuesIn(names()),
                         [](const auto& name) { return name.param; });

TEST(TranscriptsFolder, is_not_empty) {
  EXPECT_GE(names().size(), 15u);
}

// The comparison would pass if an event said nothing at all.
TEST(TranscriptsFolder, a_false_line_is_noticed) {
  const std::string script = "config initial_delay=0\nt=0 beat g a gen=1\n  a <- heartbeat NONE\n";
  EXPECT_NE(Transcript().run(script), script);
}

}  // namespace
}  // namespace ringmain::coordination::test
