// The heads of the shared files as bytes, made by the code that makes the files.
// Pages: docs/formats/partition.md, readers.md, bus.md.
#include <gtest/gtest.h>
#include <unistd.h>

#include "broker/participants.hpp"
#include "golden/hex_dump.hpp"
#include "log/reader.hpp"
#include "os/process.hpp"
#include "partition/partition.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain {
namespace {

using test::hex_dump;

class FilesGolden : public ::testing::Test {
 protected:
  static partition::PartitionName name() {
    partition::PartitionName name{"orders", {}, 0x21};
    for (std::uint8_t i = 0; i < 16; ++i) name.topic_id[i] = i;
    return name;
  }
  static std::unique_ptr<partition::Partition> open(const std::string& folder, const partition::Overrides& overrides,
                                                    format::Doorbell* doorbells) {
    return std::move(*partition::Partition::open(folder, name(), *partition::parse_topic_config(overrides), false, doorbells,
                                                 [](const std::string&) {}));
  }
  static std::string bytes_of_file(const std::string& path, std::uint64_t at, std::size_t bytes) {
    std::string content(bytes, '\0');
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(::pread(fd, content.data(), bytes, static_cast<off_t>(at)), static_cast<ssize_t>(bytes));
    ::close(fd);
    return hex_dump(content.data(), content.size());
  }

  os::ScratchDirectory scratch;
  std::vector<format::Doorbell> doorbells{16};
  const std::string stem = "000102030405060708090a0b0c0d0e0f-33";
};

TEST_F(FilesGolden, names_of_a_partitions_files) { EXPECT_EQ(partition::PartitionFiles::stem(name()), stem); }

TEST_F(FilesGolden, header_of_a_partition_file) {
  const auto made = open(scratch.path(),
                         {{"slot.bytes", "65536"},
                          {"memory.budget.bytes", "393216"},
                          {"max.message.bytes", "10000"},
                          {"full.policy", "drop-oldest"},
                          {"single.producer", "true"}},
                         doorbells.data());
  EXPECT_EQ(bytes_of_file(made->files().path(), 0, 96),
            "524d504152543031 01000000fa3e7103 0001020304050607 08090a0b0c0d0e0f "
            "2100000001000000 0100000006000000 0000010000000000 0070000000000000 "
            "1000000000010000 1027000000000000 0000000000000000 0000000000000000");
  EXPECT_EQ(made->files().log_bytes(), 421888u);
}

TEST_F(FilesGolden, header_of_a_readers_file_and_a_line) {
  const auto made = open(scratch.path(), {{"storage", "memory"}}, doorbells.data());
  ASSERT_EQ(made->add_reader(0x0a0b), 0u);
  ASSERT_EQ(made->add_reader(0x0c0d), 1u);
  log::Reader reader(made->view(), 1);
  ASSERT_EQ(reader.seek_start(), log::SeekOutcome::ok);
  reader.note_progress();
  log::Waker::mark(made->view(), 1);
  const std::string path = scratch / (stem + ".readers");
  EXPECT_EQ(bytes_of_file(path, 0, 32), "524d524541443031 0200000021000000 0001020304050607 08090a0b0c0d0e0f");
  EXPECT_EQ(bytes_of_file(path, 64, 32), "0200000000000000 0000000000000000 0000000000000000 0000000000000000");
  EXPECT_EQ(bytes_of_file(path, 128 + 64, 24), "0100000000000000 0000000000000000 0d0c000000000000");
  EXPECT_EQ(std::filesystem::file_size(path), 20480u);
}

TEST_F(FilesGolden, participants_file) {
  auto participants = broker::Participants::open(scratch.path());
  ASSERT_TRUE(participants);
  const auto admitted = participants->admit(::getpid(), 0x01020304);
  ASSERT_TRUE(admitted);
  ASSERT_EQ(admitted->id, 1u);
  EXPECT_EQ(bytes_of_file(scratch / "participants", 0, 32),
            "5242504152543031 0000000000000000 0000000000000000 0000000000000000");
  EXPECT_EQ(bytes_of_file(scratch / "participants", 32, 32), std::string(64, '0').insert(48, " ").insert(32, " ").insert(16, " "));
  // What differs each time: the nonce, the start of the process, its number.
  const std::uint64_t start = os::process_state(::getpid())->start_time_ticks;
  const auto pid = static_cast<std::int32_t>(::getpid());
  EXPECT_EQ(bytes_of_file(scratch / "participants", 64, 32),
            hex_dump(&admitted->nonce, 8) + " " + hex_dump(&start, 8) + " " + hex_dump(&pid, 4) + "04030201 0000000000000000");
  EXPECT_EQ(std::filesystem::file_size(scratch / "participants"), 32u + 4096 * 32);
  EXPECT_EQ(std::filesystem::file_size(scratch / "doorbells"), 4096u * 64);
}

}  // namespace
}  // namespace ringmain
