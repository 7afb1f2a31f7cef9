// A partition's folder on disk: names, order, and everything that can be wrong with it.
#include "segment/log_folder.hpp"

#include <gmock/gmock.h>

#include <map>

#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string log_name(std::uint64_t base_offset) {
  return file_name({base_offset, FileKind::log, false});
}

TEST(FileName, is_twenty_digits_and_the_kind) {
  EXPECT_EQ(file_name({0, FileKind::log, false}), "00000000000000000000.log");
  EXPECT_EQ(file_name({~0ull, FileKind::offset_index, false}), "18446744073709551615.index");
  EXPECT_EQ(file_name({7, FileKind::time_index, true}), "00000000000000000007.timeindex.new");
}

TEST(FileName, comes_back) {
  for (const auto kind : {FileKind::log, FileKind::offset_index, FileKind::time_index})
    for (const bool unfinished : {false, true})
      for (const std::uint64_t base_offset :
           {std::uint64_t{0}, std::uint64_t{12345}, ~std::uint64_t{0}}) {
        const FileName name{base_offset, kind, unfinished};
        EXPECT_EQ(parse_file_name(file_name(name)), name);
      }
}

TEST(FileName, no_other_name_is_ours) {
  for (const char* name :
       {"", ".", "00000000000000000000", "0.log", "00000000000000000000.txt",
        "0000000000000000000a.log", "000000000000000000000.log", "-0000000000000000001.log",
        "+0000000000000000001.log", " 0000000000000000001.log", "18446744073709551616.log",
        "99999999999999999999.log", "00000000000000000000.log.old", "00000000000000000000.new",
        "00000000000000000000.LOG"})
    EXPECT_EQ(parse_file_name(name), std::nullopt) << name;
}

class LogFolderTest : public ::testing::Test {
 protected:
  LogFolderTest() {
    for (std::uint8_t i = 0; i < 16; ++i) owner.topic_id[i] = static_cast<std::uint8_t>(0xa0 + i);
    owner.partition = 3;
    owner.path = "/bus/orders-3";
    put(100, log_file(2, 10, 100, 5));
    put(120, log_file(2, 10, 120, 7, Closing::complete, 2));
    put(140, log_file(1, 10, 140, 9, Closing::open, 3));
  }
  void put(std::uint64_t base_offset, Bytes bytes) {
    files[log_name(base_offset)] = std::move(bytes);
  }

  LogFolder survey() {
    std::vector<ListedFile> listing;
    for (const auto& [name, bytes] : files) listing.push_back({name, bytes.size()});
    std::reverse(listing.begin(), listing.end());  // no order is promised
    return survey_folder(
        owner, listing,
        [this](const std::string& name, std::uint64_t at,
               std::span<std::byte> into) -> Result<std::size_t> {
          if (name == refused) return fail(ErrorCode::io, name + ": Input/output error");
          const Bytes& bytes = files.at(name);
          const std::size_t count =
              at >= bytes.size() ? 0 : std::min<std::size_t>(into.size(), bytes.size() - at);
          std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
          return count;
        });
  }
  static std::vector<std::uint64_t> bases(const LogFolder& folder) {
    std::vector<std::uint64_t> all;
    for (const auto& file : folder.files) all.push_back(file.base_offset());
    return all;
  }
  // The one finding that there is.
  FolderFinding only_finding(const LogFolder& folder) {
    EXPECT_EQ(folder.findings.size(), 1u);
    for (const auto& finding : folder.findings) {
      EXPECT_THAT(finding.message, HasSubstr("/bus/orders-3/" + finding.name));
    }
    return folder.findings.empty() ? FolderFinding{} : folder.findings[0];
  }

  FolderOwner owner;
  std::map<std::string, Bytes> files;
  std::string refused;
};

TEST_F(LogFolderTest, gives_the_files_in_order) {
  const LogFolder folder = survey();
  EXPECT_THAT(bases(folder), ElementsAre(100, 120, 140));
  EXPECT_EQ(folder.files[0].heads.size(), 2u);
  EXPECT_THAT(folder.findings, IsEmpty());
  EXPECT_TRUE(folder.is_sound());
}

TEST_F(LogFolderTest, an_empty_folder_is_sound) {
  files.clear();
  EXPECT_TRUE(survey().is_sound());
}

TEST_F(LogFolderTest, says_which_indexes_are_there) {
  files["00000000000000000100.index"] = {};
  files["00000000000000000120.timeindex"] = {};
  const LogFolder folder = survey();
  EXPECT_TRUE(folder.files[0].has_offset_index);
  EXPECT_FALSE(folder.files[0].has_time_index);
  EXPECT_TRUE(folder.files[1].has_time_index);
  EXPECT_THAT(folder.findings, IsEmpty());
}

TEST_F(LogFolderTest, a_foreign_file_is_named_and_left_alone) {
  files["notes.txt"] = {};
  const LogFolder folder = survey();
  EXPECT_EQ(only_finding(folder).fault, FolderFault::foreign);
  EXPECT_TRUE(folder.is_sound());
}

TEST_F(LogFolderTest, what_a_death_left_half_made_may_go) {
  files["00000000000000000100.log.new"] = Bytes(10);
  EXPECT_EQ(only_finding(survey()).fault, FolderFault::unfinished);
}

TEST_F(LogFolderTest, an_index_without_its_log_file_may_go) {
  files["00000000000000000090.index"] = {};
  EXPECT_EQ(only_finding(survey()).fault, FolderFault::orphan_index);
}

TEST_F(LogFolderTest, a_log_file_that_was_never_used_is_blank) {
  put(150, Bytes(kSlotBytes));
  put(160, {});
  const LogFolder folder = survey();
  ASSERT_EQ(folder.findings.size(), 2u);
  EXPECT_EQ(folder.findings[0].fault, FolderFault::blank);
  EXPECT_EQ(folder.findings[1].fault, FolderFault::blank);
  EXPECT_TRUE(folder.is_sound());
  EXPECT_THAT(bases(folder), ElementsAre(100, 120, 140));
}

TEST_F(LogFolderTest, a_renamed_file_is_told_its_right_name) {
  files[log_name(141)] = files[log_name(140)];
  files.erase(log_name(140));
  const auto finding = only_finding(survey());
  EXPECT_EQ(finding.fault, FolderFault::misnamed);
  EXPECT_THAT(finding.message, HasSubstr("00000000000000000140.log"));
}

TEST_F(LogFolderTest, a_file_of_another_partition_or_topic_is_not_taken) {
  put(140, log_file(1, 10, 140, 9, Closing::open, 3, 4));
  auto finding = only_finding(survey());
  EXPECT_EQ(finding.fault, FolderFault::swapped);
  EXPECT_THAT(finding.message, HasSubstr("partition 4"));
  owner.topic_id[0] ^= 1;
  const LogFolder folder = survey();
  EXPECT_THAT(bases(folder), IsEmpty());
  EXPECT_EQ(folder.findings.size(), 3u);
  EXPECT_FALSE(folder.is_sound());
}

TEST_F(LogFolderTest, a_missing_file_is_a_gap) {
  files.erase(log_name(120));
  const LogFolder folder = survey();
  const auto finding = only_finding(folder);
  EXPECT_EQ(finding.fault, FolderFault::gap);
  EXPECT_EQ(finding.name, log_name(140));
  EXPECT_THAT(finding.message, HasSubstr("00000000000000000100.log ends at 120"));
  EXPECT_FALSE(folder.is_sound());
}

TEST_F(LogFolderTest, a_missing_first_file_is_what_retention_leaves) {
  files.erase(log_name(100));
  EXPECT_THAT(survey().findings, IsEmpty());
}

TEST_F(LogFolderTest, a_file_that_begins_before_the_last_one_ends_overlaps) {
  put(120, log_file(3, 10, 120, 7, Closing::complete, 2));
  EXPECT_EQ(only_finding(survey()).fault, FolderFault::overlap);
}

TEST_F(LogFolderTest, a_file_in_the_middle_that_does_not_say_its_end_is_to_be_walked) {
  put(120, log_file(2, 10, 120, 7, Closing::open, 2));
  const LogFolder folder = survey();
  const auto finding = only_finding(folder);
  EXPECT_EQ(finding.fault, FolderFault::open_end);
  EXPECT_EQ(finding.name, log_name(120));
  EXPECT_TRUE(folder.is_sound());
}

TEST_F(LogFolderTest, a_file_that_was_cut_off_is_truncated) {
  files[log_name(120)].resize(kSlotBytes + 256 + 32);
  const LogFolder folder = survey();
  EXPECT_EQ(only_finding(folder).fault, FolderFault::truncated);
  EXPECT_FALSE(folder.is_sound());
}

TEST_F(LogFolderTest, a_file_that_lost_whole_segments_leaves_a_gap) {
  files[log_name(120)].resize(kSlotBytes);
  EXPECT_EQ(only_finding(survey()).fault, FolderFault::gap);
}

TEST_F(LogFolderTest, each_flipped_bit_of_each_head_is_a_finding) {
  for (std::size_t at = 0; at < 256; ++at)
    for (const std::size_t segment : {std::size_t{0}, std::size_t{1}}) {
      flip(files[log_name(120)], segment * kSlotBytes + at);
      const LogFolder folder = survey();
      ASSERT_FALSE(folder.is_sound()) << "byte " << at;
      ASSERT_TRUE(std::any_of(folder.findings.begin(), folder.findings.end(),
                              [](const auto& finding) {
                                return finding.fault == FolderFault::damaged &&
                                       finding.name == log_name(120);
                              }))
          << "byte " << at;
      flip(files[log_name(120)], segment * kSlotBytes + at);
    }
}

TEST_F(LogFolderTest, a_file_of_a_later_program_says_so) {
  auto head = head_in(files[log_name(140)]);
  head.version = 3;
  const auto bytes = std::as_bytes(std::span(&head, 1));
  head.head_crc32c = crc32c(bytes.subspan(72), crc32c(bytes.first(68)));
  put_head(files[log_name(140)], head);
  const auto finding = only_finding(survey());
  EXPECT_EQ(finding.fault, FolderFault::newer_version);
  EXPECT_THAT(finding.message, HasSubstr("version 3"));
}

TEST_F(LogFolderTest, a_file_that_cannot_be_read_is_no_blank_one) {
  refused = log_name(140);
  const LogFolder folder = survey();
  ASSERT_EQ(folder.findings.size(), 1u);
  EXPECT_EQ(folder.findings[0].fault, FolderFault::unreadable);
  EXPECT_THAT(folder.findings[0].message, HasSubstr("Input/output error"));
  EXPECT_FALSE(folder.is_sound());
}

}  // namespace
}  // namespace ringmain::segment
