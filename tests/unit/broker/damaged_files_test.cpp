// Files of a bus that are cut, foreign, of another version or full of garbage: one clear error each,
// and the rest of the bus is served.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "bus_fixture.hpp"
#include "broker/catalogue.hpp"
#include "format/participants.hpp"
#include "format/partition.hpp"
#include "log/geometry.hpp"
#include "os/file.hpp"
#include "os/mapping.hpp"

namespace ringmain::test {
namespace {

void overwrite(const std::string& path, std::uint64_t at, std::string_view bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
void put64(const std::string& path, std::uint64_t at, std::uint64_t word) { overwrite(path, at, bytes_of(word)); }

// Changes a partition's header and makes its checksum right again.
void lie(const std::string& path, const std::function<void(format::PartitionHeader&)>& change) {
  format::PartitionHeader header;
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(&header), sizeof(header));
  change(header);
  log::seal_header(header);
  overwrite(path, 0, bytes_of(header));
}

// A bus with a topic that will be damaged while no broker runs, and one that will not.
class Damaged : public ::testing::Test {
 protected:
  Damaged() {
    folders.start_broker();
    Bus bus = folders.open();
    create_topic(bus, "bad");
    Appender(bus, {"bad", 0}).append("x");
    log_file = folders.partition_files(".log").at(0);
    readers_file = folders.partition_files(".readers").at(0);
    create_topic(bus, "good");
    Appender(bus, {"good", 0}).append("sound");
  }

  void expect_offline(ErrorCode code, std::initializer_list<const char*> words) {
    folders.start_broker();
    Bus bus = folders.open();
    for (int i = 0; i < 3; ++i) {
      expect_error([&] { Appender(bus, {"bad", 0}); }, code, words);
      expect_error([&] { Reader(bus, {"bad", 0}); }, code, words);
    }
    Reader reader(bus, {"good", 0});
    EXPECT_EQ(reader.next(kForever), "sound");
    bus.admin().delete_topic("bad");  // what the message tells to do
    create_topic(bus, "bad");
    EXPECT_EQ(Appender(bus, {"bad", 0}).append("again"), 0);
    folders.stop_broker();
  }

  TemporaryBus folders{TemporaryBus::Start::later};
  std::string log_file, readers_file;
};

class DamagedPartition : public Damaged {
 protected:
  DamagedPartition() { folders.stop_broker(); }
};

TEST_F(DamagedPartition, cut_within_its_header) {
  ASSERT_EQ(::truncate(log_file.c_str(), 50), 0);
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "too short", "delete the topic"});
}
TEST_F(DamagedPartition, cut_behind_its_header) {
  ASSERT_EQ(::truncate(log_file.c_str(), 100000), 0);
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "cut short"});
}
TEST_F(DamagedPartition, foreign) {
  overwrite(log_file, 0, "#!/bin/sh");
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "first bytes"});
}
TEST_F(DamagedPartition, of_a_newer_version) {
  lie(log_file, [](format::PartitionHeader& header) { header.version = 2; });
  expect_offline(ErrorCode::version_mismatch, {log_file.c_str(), "version 2", "knows 1"});
}
TEST_F(DamagedPartition, with_a_bit_turned) {
  overwrite(log_file, 50, "\x42");
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "checksum"});
}
TEST_F(DamagedPartition, that_is_another_partitions) {
  lie(log_file, [](format::PartitionHeader& header) { header.partition = 7; });
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "another partition", "bad-0"});
}
TEST_F(DamagedPartition, that_is_another_topics) {
  lie(log_file, [](format::PartitionHeader& header) { header.topic_id[3] ^= 1; });
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "another partition"});
}
TEST_F(DamagedPartition, whose_geometry_contradicts_itself) {
  const std::function<void(format::PartitionHeader&)> lies[] = {
      [](auto& header) { header.slot_bytes = 1ull << 40; },
      [](auto& header) { header.slot_bytes = 0; },
      [](auto& header) { header.slot_limit = 100000; },
      [](auto& header) { header.slot_limit = 1; },
      [](auto& header) { header.slots_at = 0; },
      [](auto& header) { header.directory_size = 1u << 30; },
      [](auto& header) { header.intent_count = 1; },
      [](auto& header) { header.max_record_bytes = 65536; },
      [](auto& header) { header.max_record_bytes = ~0ull; },
      [](auto& header) { header.max_record_bytes = ~0ull - 31; },
      [](auto& header) { header.full_policy = static_cast<format::FullPolicy>(2); },
  };
  format::PartitionHeader sound;
  std::ifstream(log_file, std::ios::binary).read(reinterpret_cast<char*>(&sound), sizeof(sound));
  for (const auto& change : lies) {
    std::string file(100000, '\0');
    std::memcpy(file.data(), &sound, sizeof(sound));
    auto& header = *reinterpret_cast<format::PartitionHeader*>(file.data());
    change(header);
    log::seal_header(header);
    const auto geometry = log::read_geometry(std::as_bytes(std::span(file)), "it");
    ASSERT_FALSE(geometry);
    EXPECT_EQ(geometry.error().code, ErrorCode::corrupt_memory);
    EXPECT_NE(geometry.error().message.find("contradicts"), std::string::npos) << geometry.error().message;
  }
}
TEST_F(DamagedPartition, whose_active_segment_is_not_prepared) {
  put64(log_file, format::kControlAt + offsetof(format::Control, active), 1ull << 40);
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "damaged", "delete the topic"});
}
TEST_F(DamagedPartition, with_more_segments_than_slots) {
  put64(log_file, format::kControlAt + offsetof(format::Control, active), 1ull << 40);
  put64(log_file, format::kControlAt + offsetof(format::Control, prepared), (1ull << 40) + 1);
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "damaged"});
}
TEST_F(DamagedPartition, whose_oldest_segment_is_in_the_future) {
  put64(log_file, format::kControlAt + offsetof(format::Control, log_start), 1000);
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "damaged"});
}
TEST_F(DamagedPartition, whose_directory_is_empty) {
  overwrite(log_file, format::kDirectoryAt, std::string(128, '\0'));
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str(), "active segment 0"});
}
TEST_F(DamagedPartition, without_its_readers_file) {
  ::unlink(readers_file.c_str());
  expect_offline(ErrorCode::corrupt_memory, {readers_file.c_str(), "missing", "delete the topic"});
}
TEST_F(DamagedPartition, with_a_readers_file_that_is_cut) {
  ASSERT_EQ(::truncate(readers_file.c_str(), 100), 0);
  expect_offline(ErrorCode::corrupt_memory, {readers_file.c_str(), "too short"});
}
TEST_F(DamagedPartition, with_a_foreign_readers_file) {
  overwrite(readers_file, 0, "#!/bin/sh");
  expect_offline(ErrorCode::corrupt_memory, {readers_file.c_str(), "first bytes"});
}
TEST_F(DamagedPartition, with_a_readers_file_of_a_newer_version) {
  overwrite(readers_file, 8, "\3");
  expect_offline(ErrorCode::version_mismatch, {readers_file.c_str(), "version 3", "knows 2"});
}
TEST_F(DamagedPartition, not_by_a_readers_file_of_the_version_before) {
  overwrite(readers_file, 8, "\1");
  folders.start_broker();
  Bus bus = folders.open();
  const std::int64_t offset = Appender(bus, {"bad", 0}).append("again");
  Reader reader(bus, {"bad", 0});
  while (reader.next(kForever) != "again") continue;
  EXPECT_EQ(reader.record().offset, offset);
}
TEST_F(DamagedPartition, full_of_garbage_behind_its_header) {
  std::ifstream noise("/dev/urandom", std::ios::binary);
  std::string bytes(300000, '\0');
  noise.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  overwrite(log_file, format::kControlAt, bytes);
  overwrite(readers_file, 64, bytes.substr(0, 16384));
  expect_offline(ErrorCode::corrupt_memory, {log_file.c_str()});
}

// A producer of ours that writes where it should not, while the broker runs.
class WildWrite : public Damaged {
 protected:
  WildWrite() : bus(folders.open()), appender(bus, {"bad", 0}) {
    auto fd = os::open_file(log_file, O_RDWR);
    memory = std::move(*os::Mapping::map(fd->get(), 0, *os::file_size_bytes(fd->get()), os::Access::read_write));
    view = log::PartitionView(*log::read_geometry(memory.bytes(), "it"), memory.data(), nullptr, nullptr);
  }
  void expect_the_rest_served() {
    Appender good(bus, {"good", 0});
    Reader reader(bus, {"good", 0}, {.start = StartAt::latest});
    for (int i = 0; i < 1000; ++i) {  // needs the broker's upkeep
      good.append(std::string(1000, 'x'));
      ASSERT_EQ(reader.next(kForever).size(), 1000u);
    }
    bus.admin().delete_topic("bad");
    create_topic(bus, "bad");
    EXPECT_EQ(Appender(bus, {"bad", 0}).append("again"), 0);
  }

  Bus bus;
  Appender appender;
  os::Mapping memory;
  log::PartitionView view;
};

TEST_F(WildWrite, to_the_control_words_stops_that_partition_only) {
  auto& control = view.control();
  const std::uint64_t active = control.active, prepared = control.prepared, log_start = control.log_start;
  for (auto* word : {&control.active, &control.prepared, &control.log_start})
    for (const std::uint64_t wild : std::initializer_list<std::uint64_t>{~0ull - 1, 1ull << 40, prepared + 100}) {
      word->store(wild);
      expect_error([&] { Reader(bus, {"bad", 0}); }, ErrorCode::corrupt_memory, {"bad-0", "delete the topic"});
      control.active = active, control.prepared = prepared, control.log_start = log_start;
    }
  EXPECT_EQ(appender.append("y"), 1) << "put right again, all is well";
  control.active = 1ull << 40;
  expect_the_rest_served();
  const auto lines = folders.log();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.find("is damaged") != line.npos; }), 1);
}

TEST_F(WildWrite, to_a_segments_header_does_not_hold_up_the_broker) {
  auto& header = view.segment_in(*view.find(0));
  header.prepared_bytes = 0;
  header.tail = ~0ull;
  header.final = ~0ull;
  header.base_offset = ~0ull - 5;
  { const Reader reader(bus, {"good", 0}); }
  expect_the_rest_served();
}

TEST_F(WildWrite, to_intents_does_not_hold_up_the_broker) {
  std::uint64_t seed = 1;
  for (std::uint32_t i = 1; i < format::kMaxProducers; ++i) {
    auto& line = view.intent(i);
    line.word = (seed = seed * 6364136223846793005u + 1442695040888963407u) & ~0xffff'ffff'c000'0000u;
    line.claim = seed >> 20;
    line.offset = seed;
    line.participant = static_cast<std::uint32_t>(seed >> 40);
  }
  expect_the_rest_served();
}

// The bus's own files.

TEST_F(Damaged, participants_file_that_is_foreign) {
  folders.stop_broker();
  const std::string path = folders.memory_folder() + "/participants";
  overwrite(path, 0, "#!/bin/sh");
  const auto error = folders.try_start_broker();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::corrupt_memory);
  EXPECT_NE(error->message.find(path), std::string::npos) << error->message;
}

TEST_F(Damaged, participants_file_that_is_lost_buries_no_living_client) {
  Bus bus = folders.open();
  Appender appender(bus, {"bad", 0});
  Claim open = appender.claim(3);
  folders.stop_broker();
  ::unlink((folders.memory_folder() + "/participants").c_str());
  folders.start_broker();
  Bus other = folders.open();
  Reader reader(other, {"bad", 0}, {.start = StartAt::latest});
  std::memcpy(open.value().data(), "yes", 3);
  open.commit();
  EXPECT_EQ(reader.next(kForever), "yes");
}

TEST_F(Damaged, participants_file_full_of_garbage_holds_nobody_up) {
  folders.stop_broker();
  std::string garbage;
  for (int i = 0; i < 4096 * 32; ++i) garbage.push_back(static_cast<char>(i * 37 + i / 256));
  overwrite(folders.memory_folder() + "/participants", 32, garbage);
  folders.start_broker();
  Bus bus = folders.open();
  Reader reader(bus, {"good", 0});
  EXPECT_EQ(reader.next(kForever), "sound");
}

TEST_F(Damaged, catalogue_that_is_no_catalogue) {
  folders.stop_broker();
  overwrite(folders.file("catalogue.db"), 0, std::string(4096, 'x'));
  const auto error = folders.try_start_broker();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::corrupt_memory);
  EXPECT_NE(error->message.find("catalogue.db"), std::string::npos) << error->message;
  EXPECT_NE(error->message.find("restore"), std::string::npos) << error->message;
}

TEST_F(Damaged, catalogue_of_a_newer_version) {
  folders.stop_broker();
  ASSERT_TRUE(broker::Catalogue::open(folders.file("catalogue.db"))->set_fact("version", "2"));
  const auto error = folders.try_start_broker();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::version_mismatch);
  EXPECT_NE(error->message.find("version 2"), std::string::npos) << error->message;
}

TEST_F(Damaged, catalogue_whose_bus_id_is_no_id) {
  folders.stop_broker();
  ASSERT_TRUE(broker::Catalogue::open(folders.file("catalogue.db"))->set_fact("bus.id", "../../etc"));
  const auto error = folders.try_start_broker();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::corrupt_memory);
}

TEST_F(Damaged, catalogue_with_a_topic_that_makes_no_sense) {
  folders.stop_broker();
  ASSERT_TRUE(broker::Catalogue::open(folders.file("catalogue.db"))->put({{}, "odd", 0, {}}));
  const auto error = folders.try_start_broker();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::corrupt_memory);
  EXPECT_NE(error->message.find("odd"), std::string::npos) << error->message;
}

TEST_F(Damaged, catalogue_with_settings_of_a_newer_version_keeps_the_other_topics) {
  folders.stop_broker();
  ASSERT_TRUE(broker::Catalogue::open(folders.file("catalogue.db"))->put({{9}, "new", 1, {{"not.yet.known", "1"}}}));
  folders.start_broker();
  Bus bus = folders.open();
  expect_error([&] { Appender(bus, {"new", 0}); }, ErrorCode::invalid_config, {"not.yet.known"});
  Reader reader(bus, {"good", 0});
  EXPECT_EQ(reader.next(kForever), "sound");
}

TEST_F(Damaged, bus_that_has_a_broker_refuses_a_second_one) {
  TemporaryBus second(TemporaryBus::Start::later);
  broker::BrokerOptions options;
  options.directory = folders.directory();
  const auto started = broker::Broker::start(options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::already_running);
  EXPECT_NE(started.error().message.find("pid " + std::to_string(::getpid())), std::string::npos) << started.error().message;
  EXPECT_NE(started.error().message.find(folders.directory()), std::string::npos) << started.error().message;
  Bus bus = folders.open();
  EXPECT_EQ(bus.admin().list_topics().size(), 2u) << "the first one is unharmed";
}

}  // namespace
}  // namespace ringmain::test
