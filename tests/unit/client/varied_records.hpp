// Records that differ in what a batch has to carry: keys, sizes (none, too), times, headers with and without values;
// and one of nothing at all.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bus_fixture.hpp"

namespace ringmain::test {

inline constexpr int kVariedRecords = 300;

inline std::vector<Header> varied_headers() { return {{"h", "1"}, {"null", std::nullopt}}; }
inline std::string varied_value(int i) { return std::string(static_cast<std::size_t>(i % 50), 'v'); }

inline void send_varied_records(Producer& producer, const std::string& topic) {
  const std::vector<Header> headers = varied_headers();
  for (int i = 0; i < kVariedRecords; ++i) {
    const std::string key = "k" + std::to_string(i), value = varied_value(i);
    producer.send({.topic = topic, .key = key, .value = value, .timestamp_ns = i * 1'000'000, .headers = headers}, nullptr);
  }
  producer.send({.topic = topic}, nullptr);
  producer.flush();
}

// From the log's begin, through shared memory.
inline void expect_varied_records(Bus& bus, const std::string& topic) {
  Reader reader(bus, {topic, 0});
  for (int i = 0; i < kVariedRecords; ++i) {
    ASSERT_NE(reader.next(kForever).data(), nullptr);
    const ConsumerRecord& record = reader.record();
    EXPECT_EQ(record.offset, i);
    EXPECT_EQ(record.key, "k" + std::to_string(i));
    EXPECT_EQ(record.value, varied_value(i));
    EXPECT_EQ(record.timestamp_ns, i * 1'000'000);
    EXPECT_EQ(record.headers(), varied_headers());
  }
  reader.next(kForever);
  EXPECT_FALSE(reader.record().key);
  EXPECT_FALSE(reader.record().value);
}

}  // namespace ringmain::test
