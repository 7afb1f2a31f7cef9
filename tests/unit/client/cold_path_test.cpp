// Going from log file to log file while the log moves: a source between reader and broker that
// answers late, wrongly, or not at all.
#include "client/cold_path.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iostream>

#include "bus_fixture.hpp"
#include "client/bus_impl.hpp"
#include "client/partition_reader.hpp"
#include "client/time_seek.hpp"
#include "os/file.hpp"

namespace ringmain::test {
namespace {

const std::string kValue(1000, 'x');

class ColdPaths : public ::testing::Test {
 protected:
  using Answer = Result<client::ColdFile>;

  // Asks the broker, and lets the test change the answer.
  struct Meddler final : client::ColdSource {
    Meddler(const client::Attachment& attachment, std::function<Answer(int, Answer)> change)
        : broker(attachment), change_answer(std::move(change)) {}
    Answer file_with(std::uint64_t offset) override {
      return change_answer(asked++, broker.file_with(offset));
    }
    client::BrokerFiles broker;
    std::function<Answer(int, Answer)> change_answer;
    int asked = 0;
  };

  ColdPaths() {
    auto configs = small_slots(3);
    configs["storage"] = "disk";
    configs["segment.bytes"] = "131072";
    configs["retention.ms"] = "-1";  // records are dated long ago
    create_topic(bus, "log", 1, configs);
    attachment.emplace(bus.impl().connection, log, client::Role::observer);
    Appender appender(bus, log);
    for (std::int64_t i = 0; i < kRecords; ++i)
      appender.append({.topic = "log", .value = kValue, .timestamp_ns = (i + 1) * kStep});
    wait_until([&] { return appender.durable_offset() == kRecords; });
  }
  ~ColdPaths() override {
    if (HasFailure())
      for (const std::string& line : folders.log()) std::cerr << "broker: " << line << '\n';
  }

  std::unique_ptr<client::PartitionReader> reader(std::function<Answer(int, Answer)> change) {
    auto made = std::make_unique<client::PartitionReader>(
        bus.impl().connection, log, client::Role::consumer,
        std::make_unique<Meddler>(*attachment, std::move(change)));
    made->seek_start();
    return made;
  }
  static Answer as_it_is(int, Answer answer) { return answer; }
  static Answer out_of_range() {
    return fail(ErrorCode::offset_out_of_range, "offset is not on disk");
  }

  static void expect_all_from(client::PartitionReader& reader, std::int64_t offset) {
    ConsumerRecord record;
    for (; offset < kRecords; ++offset) {
      ASSERT_TRUE(reader.next()) << offset;
      reader.fill(record);
      ASSERT_EQ(record.offset, offset);
      ASSERT_EQ(*record.value, kValue);
    }
    EXPECT_FALSE(reader.next());
  }

  // As retention does; a consumer's mapping cannot.
  void set_start_offset(std::uint64_t offset) {
    const auto fd = os::open_file(folders.partition_files(".log").front(), O_RDWR).value();
    const auto control = os::Mapping::map(fd.get(), format::kControlAt, sizeof(format::Control),
                                          os::Access::read_write)
                             .value();
    reinterpret_cast<format::Control*>(control.data())->start_offset.store(offset);
  }

  static constexpr std::int64_t kRecords = 1000;
  static constexpr std::int64_t kStep = 1'000'000'000;
  TemporaryBus folders;
  Bus bus = folders.open();
  const TopicPartition log{"log", 0};
  std::optional<client::Attachment> attachment;
};

TEST_F(ColdPaths, the_broker_opens_files_read_only_and_only_for_what_is_on_disk) {
  client::BrokerFiles files(*attachment);
  for (const std::uint64_t offset : {0, 1, 500, 999}) {
    const auto file = files.file_with(offset);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(::fcntl(file->fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_LE(file->base_offset, offset);
    EXPECT_GT(file->end_offset, offset);
    EXPECT_LE(file->end_offset, static_cast<std::uint64_t>(kRecords));
  }
  const auto code_at = [&](std::uint64_t offset) {
    const auto file = files.file_with(offset);
    return file ? ErrorCode::none : file.error().code;
  };
  EXPECT_EQ(code_at(kRecords), ErrorCode::offset_out_of_range);
  EXPECT_EQ(code_at(INT64_MAX), ErrorCode::offset_out_of_range);
  EXPECT_EQ(code_at(UINT64_MAX), ErrorCode::invalid_request);
  set_start_offset(300);
  EXPECT_EQ(code_at(299), ErrorCode::offset_out_of_range);
  EXPECT_EQ(code_at(300), ErrorCode::none);

  create_topic(bus, "memory");
  const client::Attachment in_memory(bus.impl().connection, {"memory", 0}, client::Role::observer);
  const auto none = client::BrokerFiles(in_memory).file_with(0);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::invalid_state);

  bus.admin().delete_topic("log");
  EXPECT_EQ(code_at(300), ErrorCode::unknown_topic_or_partition);
}

TEST_F(ColdPaths, lead_through_all_files_into_memory) {
  const auto source = reader(as_it_is);
  EXPECT_EQ(source->position(), 0);
  EXPECT_TRUE(source->cold().is_active());
  EXPECT_TRUE(source->ready());
  expect_all_from(*source, 0);
  EXPECT_FALSE(source->cold().is_active());
  EXPECT_EQ(source->lost(), 0u);
}

TEST_F(ColdPaths, an_offset_that_is_neither_here_nor_there_for_a_moment_is_asked_for_again) {
  int refused = 0;
  const auto source = reader([&](int asked, Answer answer) {
    if (asked % 2 == 1) return answer;
    ++refused;
    return out_of_range();
  });
  expect_all_from(*source, 0);
  EXPECT_GT(refused, 1);
}

TEST_F(ColdPaths, an_offset_that_is_nowhere_is_an_error_and_not_a_gap) {
  const auto source = reader([](int, Answer) { return out_of_range(); });
  for (int i = 0; i < 3; ++i) {
    expect_error([&] { source->next(); }, ErrorCode::offset_out_of_range);
    EXPECT_EQ(source->position(), 0);
  }
  EXPECT_EQ(source->lost(), 0u);
  source->seek_end();
  EXPECT_EQ(source->position(), kRecords);
  EXPECT_FALSE(source->next());
}

TEST_F(ColdPaths, go_on_after_an_error_on_the_way) {
  const auto source = reader([](int asked, Answer answer) -> Answer {
    if (asked == 0) return fail(ErrorCode::broker_unavailable, "gone");
    return answer;
  });
  expect_error([&] { source->next(); }, ErrorCode::broker_unavailable);
  ConsumerRecord record;
  expect_error([&] { source->fill(record); }, ErrorCode::invalid_state);
  expect_all_from(*source, 0);
}

TEST_F(ColdPaths, what_looks_damaged_is_looked_at_twice) {
  const std::string cut = folders.file("cut");
  const auto half = [&](Answer answer) -> Answer {
    if (!answer) return answer;
    std::vector<char> bytes(70'000);
    std::ifstream(answer->name, std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    std::ofstream(cut, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    answer->fd = os::open_file(cut, O_RDONLY).value();
    answer->name = cut;
    return answer;
  };
  const auto once = reader([&](int asked, Answer answer) {
    return asked == 0 ? half(std::move(answer)) : std::move(answer);
  });
  expect_all_from(*once, 0);
  const auto always = reader([&](int, Answer answer) { return half(std::move(answer)); });
  std::int64_t records = 0;
  const auto error = error_of([&] {
    while (always->next()) ++records;
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::corrupt_message) << error->message;
  EXPECT_NE(error->message.find(cut), std::string::npos) << error->message;
  EXPECT_EQ(always->position(), records);
  EXPECT_GT(records, 0);
}

TEST_F(ColdPaths, the_file_of_something_else_is_refused) {
  const auto source = reader([&](int, Answer answer) -> Answer {
    if (answer) answer->base_offset += 1;
    return answer;
  });
  expect_error([&] { source->next(); }, ErrorCode::kafka_storage_error, {"another one"});
  EXPECT_EQ(source->position(), 0);
}

TEST_F(ColdPaths, only_what_retention_took_is_lost) {
  const auto behind = reader(as_it_is), in_the_middle = reader(as_it_is);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(in_the_middle->next());
  set_start_offset(300);
  expect_all_from(*behind, 300);
  EXPECT_EQ(behind->lost(), 300u);
  std::int64_t read = 10;
  while (in_the_middle->next()) ++read;
  EXPECT_EQ(read + static_cast<std::int64_t>(in_the_middle->lost()), kRecords)
      << "what it held it may have read";
  const auto later = reader(as_it_is);
  EXPECT_EQ(later->log_start_offset(), 300u);
  EXPECT_EQ(later->position(), 300);
  EXPECT_FALSE(later->seek(299));
  EXPECT_EQ(later->position(), 300);
  EXPECT_TRUE(later->seek(301));
  expect_all_from(*later, 301);
  EXPECT_EQ(later->lost(), 0u);
}

TEST_F(ColdPaths, a_time_is_looked_for_from_the_start_of_the_log_on) {
  set_start_offset(300);
  const auto source = reader(as_it_is);
  const auto at = [&](std::int64_t offset) {
    return client::find_time_on_disk(*source, (offset + 1) * kStep / 1'000'000).found->offset;
  };
  EXPECT_EQ(at(5), 300u);
  EXPECT_EQ(at(300), 300u);
  EXPECT_EQ(at(500), 500u);
}

}  // namespace
}  // namespace ringmain::test
