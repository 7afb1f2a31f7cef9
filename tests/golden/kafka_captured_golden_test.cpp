// What real clients sent and what they understood, byte for byte: captured.txt beside this file,
// which tests/interop/capture.py wrote. Each message decodes whole, and encodes to the same bytes
// again.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "golden/kafka_golden.hpp"
#include "kafka/generated/messages.hpp"

namespace ringmain::kafka {
namespace {

struct Captured {
  std::string kind;  // request or response
  int16_t api_key = 0;
  int16_t version = 0;
  std::string client;
  Bytes bytes;  // the frame without its size
};

std::vector<Captured> captured() {
  std::ifstream file(RINGMAIN_CAPTURED);
  std::vector<Captured> all;
  for (std::string line; std::getline(file, line);) {  // ends with the file
    std::istringstream words(line);
    Captured one;
    std::string hex;
    words >> one.kind >> one.api_key >> one.version >> one.client >> hex;
    one.bytes = from_hex(hex);
    all.push_back(std::move(one));
  }
  return all;
}

// The reader stands behind the header, which the writer has again.
template <class Message>
void expect_same_bytes(Reader& reader, Writer& writer, const Captured& one) {
  const auto message = Message::decode(reader, one.version);
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(reader.remaining_bytes(), 0u);
  message->encode(writer, one.version);
  ASSERT_TRUE(writer.status());
  EXPECT_EQ(to_hex(writer.written()), to_hex(one.bytes));
}

template <class... Messages>
struct SameBytes {
  static void by_key(Reader& reader, Writer& writer, const Captured& one) {
    const bool known = ((Messages::api_key == one.api_key &&
                         (expect_same_bytes<Messages>(reader, writer, one), true)) ||
                        ...);
    EXPECT_TRUE(known);
  }
};

void expect_request_again(const Captured& one) {
  Reader reader(one.bytes);
  Writer writer;
  const auto header = RequestHeader::decode(reader);
  ASSERT_TRUE(header) << header.error().message;
  header->encode(writer);
  AllRequests<SameBytes>::by_key(reader, writer, one);
}

void expect_response_again(const Captured& one) {
  Reader reader(one.bytes);
  Writer writer;
  const auto header = ResponseHeader::decode(reader, one.api_key, one.version);
  ASSERT_TRUE(header) << header.error().message;
  header->encode(writer, one.api_key, one.version);
  AllResponses<SameBytes>::by_key(reader, writer, one);
}

TEST(KafkaCaptured, messages_are_the_same_bytes_again) {
  const auto all = captured();
  ASSERT_GT(all.size(), 100u) << "is " RINGMAIN_CAPTURED " there?";
  for (const Captured& one : all) {
    SCOPED_TRACE(one.kind + " " + std::to_string(one.api_key) + " version " +
                 std::to_string(one.version) + " of " + one.client);
    one.kind == "request" ? expect_request_again(one) : expect_response_again(one);
  }
}

TEST(KafkaCaptured, are_of_every_library_and_of_every_api_that_one_of_them_uses) {
  std::map<std::string, std::set<int16_t>> apis;
  for (const Captured& one : captured()) apis[one.client].insert(one.api_key);
  // Without Heartbeat: some are done before one is due.
  const std::set<int16_t> records_and_groups{0, 1, 2, 3, 8, 9, 10, 11, 13, 14};
  for (const char* client : {"rdkafka", "kafkajs", "platformatic", "kafka-python"})
    EXPECT_TRUE(std::ranges::includes(apis[client], records_and_groups)) << client;
}

}  // namespace
}  // namespace ringmain::kafka
