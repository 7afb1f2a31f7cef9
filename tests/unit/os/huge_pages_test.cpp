// The kernel's texts about huge pages, read right.
#include "os/huge_pages.hpp"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace ringmain::os {
namespace {

TEST(HugePagesTest, the_chosen_setting_stands_in_brackets) {
  EXPECT_EQ(chosen_setting("always within_size [advise] never deny force\n"), "advise");
  EXPECT_EQ(chosen_setting("no brackets"), "");
}

constexpr std::string_view mountinfo =
    "22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "24 22 0:24 / /dev/shm rw,nosuid - tmpfs tmpfs rw,size=64k,huge=advise,inode64\n"
    "25 22 0:25 / /run rw - tmpfs tmpfs rw,size=64k\n";

TEST(HugePagesTest, a_mount_says_it_with_its_option) {
  EXPECT_EQ(huge_option_of_mount(mountinfo, makedev(0, 24)), "advise");
  EXPECT_EQ(huge_option_of_mount(mountinfo, makedev(0, 25)), "never");
  EXPECT_EQ(huge_option_of_mount(mountinfo, makedev(0, 99)), std::nullopt);
}

TEST(HugePagesTest, deny_and_force_rule_over_the_mount) {
  EXPECT_EQ(decide_page_kind("deny", "always"), PageKind::base_4k);
  EXPECT_EQ(decide_page_kind("force", "never"), PageKind::huge_2m);
}

TEST(HugePagesTest, a_mounted_tmpfs_follows_its_option_and_other_memory_the_setting) {
  EXPECT_EQ(decide_page_kind("never", "advise"), PageKind::huge_2m);
  EXPECT_EQ(decide_page_kind("always", "never"), PageKind::base_4k);
  EXPECT_EQ(decide_page_kind("advise", std::nullopt), PageKind::huge_2m);
  EXPECT_EQ(decide_page_kind("never", std::nullopt), PageKind::base_4k);
}

TEST(HugePagesTest, counts_the_huge_pages_of_the_mappings_in_a_range) {
  constexpr std::string_view smaps =
      "7f0000000000-7f0000400000 rw-s 00000000 00:01 1 /memfd:a (deleted)\n"
      "Size:               4096 kB\n"
      "ShmemPmdMapped:     2048 kB\n"
      "7f0000400000-7f0000600000 r--s 00000000 00:01 1 /memfd:b (deleted)\n"
      "ShmemPmdMapped:     2048 kB\n";
  EXPECT_EQ(huge_bytes_in(smaps, 0x7f0000000000, 0x7f0000400000), 2u << 20);
  EXPECT_EQ(huge_bytes_in(smaps, 0x7f0000000000, 0x7f0000600000), 4u << 20);
  EXPECT_EQ(huge_bytes_in(smaps, 0x7f0000600000, 0x7f0000700000), 0u);
  EXPECT_STREQ(page_kind_name(PageKind::huge_2m), "2 MiB");
}

}  // namespace
}  // namespace ringmain::os
