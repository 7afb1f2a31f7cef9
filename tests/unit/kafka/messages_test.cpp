// What holds for every message of every API in every version.
#include "kafka/generated/messages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <span>

#include "kafka/reader.hpp"
#include "kafka/writer.hpp"
#include "unit/kafka/hex.hpp"
#include "unit/kafka/random_source.hpp"

namespace ringmain::kafka {
namespace {

constexpr uint64_t kSeeds = 25;

template <class Message>
Bytes encoded(const Message& message, int16_t version) {
  Writer writer;
  message.encode(writer, version);
  return std::move(writer).take().value();
}

// From a heap block of exactly this size, so that AddressSanitizer sees a read beyond it. A message
// may point into it, so the last few stay.
template <class Message>
Result<Message> decoded(std::span<const std::byte> bytes, int16_t version) {
  static std::deque<std::unique_ptr<std::byte[]>> blocks;
  if (blocks.size() == 4) blocks.pop_front();
  std::byte* block = blocks.emplace_back(std::make_unique<std::byte[]>(bytes.size())).get();
  std::ranges::copy(bytes, block);
  Reader reader({block, bytes.size()});
  return Message::decode(reader, version);
}

template <class Message>
class EveryMessage : public testing::Test {
 protected:
  // Calls check(message, version, bytes) with random content.
  template <class Check>
  void for_each_random(uint64_t seeds, Check check) {
    for (int16_t version = Message::min_version; version <= Message::max_version; ++version) {
      for (uint64_t seed = 0; seed < seeds; ++seed) {
        SCOPED_TRACE(testing::Message()
                     << Message::message_name << " version " << version << " seed " << seed);
        RandomSource random(seed);
        Message message;
        random.fill(message, version);
        check(message, version, encoded(message, version));
      }
    }
  }
};
using Messages = AllMessages<testing::Types>;
TYPED_TEST_SUITE(EveryMessage, Messages);

TYPED_TEST(EveryMessage, comes_back_as_it_was_sent) {
  this->for_each_random(kSeeds, [](const TypeParam& message, int16_t version, const Bytes& bytes) {
    const auto back = decoded<TypeParam>(bytes, version);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, message);
  });
}

TYPED_TEST(EveryMessage, is_refused_when_any_number_of_its_last_bytes_is_missing) {
  this->for_each_random(3, [](const TypeParam&, int16_t version, const Bytes& bytes) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto back = decoded<TypeParam>(std::span(bytes).first(size), version);
      ASSERT_FALSE(back) << "cut to " << size << " of " << bytes.size();
      EXPECT_EQ(back.error().code, ErrorCode::invalid_request);
    }
  });
}

TYPED_TEST(EveryMessage, is_refused_with_a_byte_too_many) {
  this->for_each_random(3, [](const TypeParam&, int16_t version, Bytes bytes) {
    bytes.push_back(std::byte{0});
    const auto back = decoded<TypeParam>(bytes, version);
    ASSERT_FALSE(back);
    EXPECT_THAT(back.error().message, testing::HasSubstr(TypeParam::message_name));
  });
}

TYPED_TEST(EveryMessage, gives_a_value_or_an_error_when_bytes_of_it_are_changed) {
  this->for_each_random(2, [](const TypeParam&, int16_t version, Bytes bytes) {
    for (std::byte& b : bytes) {
      const std::byte before = b;
      for (const unsigned hostile : {0x00U, 0x7fU, 0x80U, 0xffU}) {
        b = static_cast<std::byte>(hostile);
        if (const auto back = decoded<TypeParam>(bytes, version)) {
          EXPECT_EQ(decoded<TypeParam>(encoded(*back, version), version).value(), *back);
        }
      }
      b = before;
    }
  });
}

TYPED_TEST(EveryMessage, knows_no_version_outside_its_range) {
  for (const int version_outside : {TypeParam::min_version - 1, TypeParam::max_version + 1}) {
    const auto version = static_cast<int16_t>(version_outside);
    const auto back = decoded<TypeParam>({}, version);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, ErrorCode::unsupported_version);

    Writer writer;
    TypeParam{}.encode(writer, version);
    EXPECT_EQ(std::move(writer).take().error().code, ErrorCode::unsupported_version);
  }
}

}  // namespace
}  // namespace ringmain::kafka
