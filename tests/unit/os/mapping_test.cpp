// Mappings: shared, never past the end of the file, and gone in a child.
#include "os/mapping.hpp"

#include <gmock/gmock.h>

#include "os/file.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::os {
namespace {

using testing::HasSubstr;

constexpr uint64_t page = 4096;

Mapping map_or_die(int fd, uint64_t offset, uint64_t length, Access access) {
  return Mapping::map(fd, offset, length, access).value();
}

TEST(MappingTest, two_mappings_of_one_file_share_its_bytes) {
  const UniqueFd file = memory_file(2 * page);
  const Mapping writer = map_or_die(file.get(), 0, 2 * page, Access::read_write);
  const Mapping reader = map_or_die(file.get(), 0, 2 * page, Access::read_only);
  EXPECT_NE(writer.data(), reader.data());
  writer.bytes()[page + 1] = std::byte{42};
  EXPECT_EQ(reader.bytes()[page + 1], std::byte{42});
  EXPECT_EQ(reader.access(), Access::read_only);
}

TEST(MappingTest, another_process_sees_what_is_written) {
  const UniqueFd file = memory_file(page);
  const pid_t child = start_child([&] {
    const Mapping mapping = map_or_die(file.get(), 0, page, Access::read_write);
    mapping.data()[0] = std::byte{9};
    return 0;
  });
  EXPECT_TRUE(exited_with(wait_for_child(child), 0));
  EXPECT_EQ(map_or_die(file.get(), 0, page, Access::read_only).data()[0], std::byte{9});
}

TEST(MappingTest, starts_at_any_offset) {
  const UniqueFd file = memory_file(3 * page);
  const Mapping whole = map_or_die(file.get(), 0, 3 * page, Access::read_write);
  whole.bytes()[page + 100] = std::byte{5};
  Mapping part = map_or_die(file.get(), page + 100, page, Access::read_write);
  EXPECT_EQ(part.size_bytes(), page);
  EXPECT_EQ(part.data()[0], std::byte{5});
  EXPECT_TRUE(part.populate(0, page, Populate::for_write));
}

TEST(MappingTest, outlives_its_descriptor_and_moves) {
  UniqueFd file = memory_file(page);
  Mapping first = map_or_die(file.get(), 0, page, Access::read_write);
  file.reset();
  first.data()[0] = std::byte{1};
  Mapping second = std::move(first);
  EXPECT_EQ(second.data()[0], std::byte{1});
  Mapping third;
  EXPECT_FALSE(third);
  third = std::move(second);
  EXPECT_TRUE(third);
  EXPECT_EQ(third.data()[0], std::byte{1});
}

TEST(MappingTest, a_range_past_the_end_of_the_file_is_refused_with_the_figures) {
  const ScratchDirectory scratch;
  const auto file = open_file(scratch / "slot", O_RDWR | O_CREAT).value();
  ASSERT_TRUE(truncate_file(file.get(), page));
  const auto mapping = Mapping::map(file.get(), 0, 2 * page, Access::read_only);
  EXPECT_EQ(mapping.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(mapping.error().message, "cannot map bytes 0 to 8192 of " + (scratch / "slot") +
                                         ": the file has only 4096 bytes");
  EXPECT_THAT(Mapping::map(file.get(), page + 1, 1, Access::read_only).error().message,
              HasSubstr("the file has only 4096 bytes"));
  EXPECT_THAT(Mapping::map(file.get(), 1, UINT64_MAX, Access::read_only).error().message,
              HasSubstr("the file has only 4096 bytes"));
  EXPECT_THAT(Mapping::map(file.get(), 0, 0, Access::read_only).error().message,
              HasSubstr("the range is empty"));
}

TEST(MappingTest, a_read_only_descriptor_gives_no_writable_mapping) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(write_small_file(scratch / "slot", "content"));
  const auto file = open_file(scratch / "slot", O_RDONLY).value();
  const auto mapping = Mapping::map(file.get(), 0, 7, Access::read_write);
  EXPECT_EQ(mapping.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(mapping.error().message,
            "cannot map 7 B of " + (scratch / "slot") + " for writing: Permission denied");
  EXPECT_TRUE(Mapping::map(file.get(), 0, 7, Access::read_only));
}

TEST(MappingTest, a_bad_descriptor_is_an_error) {
  EXPECT_EQ(Mapping::map(-1, 0, page, Access::read_only).error().message,
            "cannot map file descriptor -1: Bad file descriptor");
}

TEST(MappingTest, a_forked_child_does_not_have_it) {
  const UniqueFd file = memory_file(page);
  const Mapping mapping = map_or_die(file.get(), 0, page, Access::read_write);
  const pid_t child = start_child([&] {
    const bool is_mapped = ::msync(mapping.data(), page, MS_ASYNC) == 0;
    return is_mapped ? 1 : 0;
  });
  EXPECT_TRUE(exited_with(wait_for_child(child), 0));
  EXPECT_EQ(::msync(mapping.data(), page, MS_ASYNC), 0);
}

TEST(MappingTest, populate_makes_the_pages_resident) {
  const UniqueFd file = memory_file(4 * page);
  Mapping mapping = map_or_die(file.get(), 0, 4 * page, Access::read_write);
  ASSERT_TRUE(mapping.populate(page, 2 * page, Populate::for_write));
  unsigned char resident[4] = {};
  ASSERT_EQ(::mincore(mapping.data(), 4 * page, resident), 0);
  EXPECT_EQ(resident[1] & 1, 1);
  EXPECT_EQ(resident[2] & 1, 1);
  EXPECT_TRUE(mapping.populate(0, 4 * page, Populate::for_read));
  EXPECT_TRUE(mapping.populate(4 * page, 0, Populate::for_read));
}

TEST(MappingTest, populate_reports_instead_of_dying_when_the_file_was_cut) {
  const UniqueFd file = memory_file(2 * page);
  Mapping mapping = map_or_die(file.get(), 0, 2 * page, Access::read_write);
  ASSERT_TRUE(truncate_file(file.get(), page));
  const Status status = mapping.populate(0, 2 * page, Populate::for_write);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::no_space);
  EXPECT_THAT(status.error().message, HasSubstr("the file was cut"));
}

TEST(MappingTest, populate_refuses_what_makes_no_sense) {
  const UniqueFd file = memory_file(page);
  Mapping mapping = map_or_die(file.get(), 0, page, Access::read_only);
  EXPECT_EQ(mapping.populate(1, page, Populate::for_read).error().message,
            "cannot populate bytes 1 to 4097 of a mapping of 4096 bytes");
  EXPECT_EQ(mapping.populate(0, page, Populate::for_write).error().message,
            "cannot populate a read-only mapping for writing");
}

TEST(MappingTest, small_mappings_never_promise_huge_pages) {
  const UniqueFd file = memory_file(page);
  Mapping mapping = map_or_die(file.get(), 0, page, Access::read_write);
  EXPECT_EQ(mapping.advise_huge(), PageKind::base_4k);
}

TEST(MappingTest, no_huge_page_is_counted_where_none_was_promised) {
  const UniqueFd file = memory_file(2 * huge_page_bytes);
  Mapping mapping = map_or_die(file.get(), 0, 2 * huge_page_bytes, Access::read_write);
  const PageKind promised = mapping.advise_huge();
  ASSERT_TRUE(mapping.populate(0, mapping.size_bytes(), Populate::for_write));
  const uint64_t huge_bytes = mapping.huge_mapped_bytes().value();
  EXPECT_LE(huge_bytes, promised == PageKind::huge_2m ? mapping.size_bytes() : 0);
}

}  // namespace
}  // namespace ringmain::os
