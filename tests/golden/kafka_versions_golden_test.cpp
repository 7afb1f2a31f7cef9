// Which version has which fields: the size of each public message in each version, with one
// of everything in it. Round trips cannot see a field that stands in the wrong versions,
// because both directions are wrong together; these sizes were added up by hand.
//
// One of everything: numbers are 1, strings "x", each array has one item, nothing is null.
// So a classic string takes 3 bytes and a compact one 2, an array 4 or 1 and its item, and a
// flexible struct 1 more for its tags.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "kafka/generated/random_fill.hpp"
#include "kafka/writer.hpp"

namespace ringmain::kafka {
namespace {

struct OneOfEverything {
  template <class T>
  void fill(T& value, int16_t version) {
    if constexpr (std::is_integral_v<T>) {
      value = 1;
    } else {
      random_fill(value, version, *this);
    }
  }
  void fill(std::string& value, int16_t) { value = "x"; }
  void fill(Uuid& value, int16_t) { value.bytes.fill(1); }
  template <class T>
  void fill(std::vector<T>& items, int16_t version) {
    items.resize(1);
    fill(items.front(), version);
  }
  template <class T>
  void fill_nullable(std::optional<T>& value, int16_t version, Null) {
    fill(value.emplace(), version);
  }
};

// By version, from the first on.
template <class Message>
std::vector<size_t> sizes() {
  std::vector<size_t> out;
  for (int16_t version = Message::min_version; version <= Message::max_version; ++version) {
    OneOfEverything one;
    Message message;
    one.fill(message, version);
    Writer writer;
    message.encode(writer, version);
    out.push_back(writer.written().size());
  }
  return out;
}

using testing::ElementsAre;

TEST(FieldVersions, of_api_versions) {
  EXPECT_THAT(sizes<ApiVersionsRequest>(), ElementsAre(0, 0, 0, 5));
  // 3: 2 + (1 + 7) + 4, then four tags: 1 + (2 + 1 + 7) + (2 + 8) + (2 + 1 + 7) + (2 + 1).
  EXPECT_THAT(sizes<ApiVersionsResponse>(), ElementsAre(12, 16, 16, 48));
}

TEST(FieldVersions, of_metadata) {
  EXPECT_THAT(sizes<MetadataRequest>(), ElementsAre(7, 7, 7, 7, 8, 8, 8, 8, 10, 8));
  // 0: broker 4 + 11, topic 4 + 5 and partition 4 + 26. 1: rack 3, controller 4, internal 1.
  // 2: cluster 3. 3: throttle 4. 5: offline 8. 7: epoch 4. 8: operations 4 + 4.
  // 9: three arrays of structs -9, three of numbers -9, four strings -4, four tags +4.
  EXPECT_THAT(sizes<MetadataResponse>(), ElementsAre(54, 62, 65, 69, 69, 77, 77, 81, 89, 71));
}

TEST(FieldVersions, of_create_topics) {
  // 5: assignments, its brokers, configs and topics -12, three strings -3, four tags +4.
  EXPECT_THAT(sizes<CreateTopicsRequest>(), ElementsAre(43, 44, 44, 44, 44, 33, 33, 33));
  // 5: topic 2 + 2 + 2 + 4 + 2, configs 1 + 8, its tags 1 + 4 with the error code; 7: topic id.
  EXPECT_THAT(sizes<CreateTopicsResponse>(), ElementsAre(9, 12, 16, 16, 16, 32, 32, 48));
}

TEST(FieldVersions, of_delete_topics) {
  EXPECT_THAT(sizes<DeleteTopicsRequest>(), ElementsAre(11, 11, 11, 11, 8, 8, 25));
  EXPECT_THAT(sizes<DeleteTopicsResponse>(), ElementsAre(9, 13, 13, 13, 11, 13, 29));
}

TEST(FieldVersions, of_create_partitions) {
  EXPECT_THAT(sizes<CreatePartitionsRequest>(), ElementsAre(28, 28, 21, 21));
  EXPECT_THAT(sizes<CreatePartitionsResponse>(), ElementsAre(16, 16, 13, 13));
}

TEST(FieldVersions, of_describe_configs) {
  EXPECT_THAT(sizes<DescribeConfigsRequest>(), ElementsAre(15, 16, 16, 17, 11));
  // 1: the source comes for the default, and synonyms 4 + 7. 3: type 1, documentation 3.
  // 4: three arrays -9, seven strings -7, four tags +4.
  EXPECT_THAT(sizes<DescribeConfigsResponse>(), ElementsAre(30, 41, 41, 45, 33));
}

TEST(FieldVersions, of_list_offsets) {
  EXPECT_THAT(sizes<ListOffsetsRequest>(), ElementsAre(31, 27, 28, 28, 32, 32, 28, 28));
  EXPECT_THAT(sizes<ListOffsetsResponse>(), ElementsAre(29, 33, 37, 37, 41, 41, 37, 37));
}

}  // namespace
}  // namespace ringmain::kafka
