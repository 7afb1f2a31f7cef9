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
  void fill(Records& value, int16_t) {
    static const std::byte one{1};
    value = Records({&one, 1});
  }
  void fill(Bytes& value, int16_t) { value.assign(1, std::byte{1}); }
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

TEST(FieldVersions, of_alter_configs) {
  // 2: two arrays -6, three strings -3, three tags +3. The response: an array -3, two strings -2, two tags +2.
  EXPECT_THAT(sizes<AlterConfigsRequest>(), ElementsAre(19, 19, 13));
  EXPECT_THAT(sizes<AlterConfigsResponse>(), ElementsAre(17, 17, 14));
}

TEST(FieldVersions, of_incremental_alter_configs) {
  EXPECT_THAT(sizes<IncrementalAlterConfigsRequest>(), ElementsAre(20, 14));
  EXPECT_THAT(sizes<IncrementalAlterConfigsResponse>(), ElementsAre(17, 14));
}

TEST(FieldVersions, of_describe_cluster) {
  EXPECT_THAT(sizes<DescribeClusterRequest>(), ElementsAre(2, 3));
  // A broker 4 + 2 + 4 + 2 + 1; 1: whose endpoints these are.
  EXPECT_THAT(sizes<DescribeClusterResponse>(), ElementsAre(33, 34));
}

TEST(FieldVersions, of_list_offsets) {
  EXPECT_THAT(sizes<ListOffsetsRequest>(), ElementsAre(31, 27, 28, 28, 32, 32, 28, 28));
  EXPECT_THAT(sizes<ListOffsetsResponse>(), ElementsAre(29, 33, 37, 37, 41, 41, 37, 37));
}

// The APIs of groups. Bytes are one byte long: 5 in the classic encoding, 2 in the compact one.
TEST(FieldVersions, of_find_coordinator) {
  EXPECT_THAT(sizes<FindCoordinatorRequest>(), ElementsAre(3, 4, 4, 4, 5));
  // 4: an array of 2 + 4 + 2 + 4 + 2 + 2 + 1.
  EXPECT_THAT(sizes<FindCoordinatorResponse>(), ElementsAre(13, 20, 20, 19, 23));
}

TEST(FieldVersions, of_join_group) {
  EXPECT_THAT(sizes<JoinGroupRequest>(), ElementsAre(25, 29, 29, 29, 29, 32, 23, 23));
  EXPECT_THAT(sizes<JoinGroupResponse>(), ElementsAre(27, 27, 31, 31, 31, 34, 25, 27));
}

TEST(FieldVersions, of_sync_group) {
  EXPECT_THAT(sizes<SyncGroupRequest>(), ElementsAre(22, 22, 22, 25, 17, 21));
  EXPECT_THAT(sizes<SyncGroupResponse>(), ElementsAre(7, 11, 11, 11, 9, 13));
}

TEST(FieldVersions, of_heartbeat) {
  EXPECT_THAT(sizes<HeartbeatRequest>(), ElementsAre(10, 10, 10, 13, 11));
  EXPECT_THAT(sizes<HeartbeatResponse>(), ElementsAre(2, 6, 6, 6, 7));
}

TEST(FieldVersions, of_leave_group) {
  EXPECT_THAT(sizes<LeaveGroupRequest>(), ElementsAre(6, 6, 6, 13, 9));
  EXPECT_THAT(sizes<LeaveGroupResponse>(), ElementsAre(2, 6, 6, 18, 15));
}

TEST(FieldVersions, of_offset_commit) {
  // From version 1 on. 1: a time of its own; 2: how long to keep it; 5: neither.
  EXPECT_THAT(sizes<OffsetCommitRequest>(), ElementsAre(44, 44, 44, 44, 36, 40, 43, 35));
  EXPECT_THAT(sizes<OffsetCommitResponse>(), ElementsAre(17, 17, 21, 21, 21, 21, 21, 17));
}

TEST(FieldVersions, of_offset_fetch) {
  EXPECT_THAT(sizes<OffsetFetchRequest>(), ElementsAre(18, 18, 18, 18, 18, 12, 13, 15));
  EXPECT_THAT(sizes<OffsetFetchResponse>(), ElementsAre(28, 30, 34, 34, 38, 33, 33, 37));
}

TEST(FieldVersions, of_offset_delete) {
  EXPECT_THAT(sizes<OffsetDeleteRequest>(), ElementsAre(18));
  EXPECT_THAT(sizes<OffsetDeleteResponse>(), ElementsAre(23));
}

TEST(FieldVersions, of_describe_groups) {
  EXPECT_THAT(sizes<DescribeGroupsRequest>(), ElementsAre(7, 7, 7, 8, 8, 5));
  EXPECT_THAT(sizes<DescribeGroupsResponse>(), ElementsAre(41, 45, 45, 49, 52, 35));
}

TEST(FieldVersions, of_list_groups) {
  EXPECT_THAT(sizes<ListGroupsRequest>(), ElementsAre(0, 0, 0, 1, 4));
  EXPECT_THAT(sizes<ListGroupsResponse>(), ElementsAre(12, 16, 16, 13, 15));
}

TEST(FieldVersions, of_delete_groups) {
  EXPECT_THAT(sizes<DeleteGroupsRequest>(), ElementsAre(7, 7, 4));
  EXPECT_THAT(sizes<DeleteGroupsResponse>(), ElementsAre(13, 13, 11));
}

TEST(FieldVersions, of_produce) {
  EXPECT_THAT(sizes<ProduceRequest>(), ElementsAre(26, 26, 26, 29, 29, 29, 29, 29, 29, 21));
  // 8: record errors 4 + 4 + 3, message 3. 9: three arrays -9, three strings -3, four tags +4.
  EXPECT_THAT(sizes<ProduceResponse>(), ElementsAre(25, 29, 37, 37, 37, 45, 45, 45, 59, 51));
}

TEST(FieldVersions, of_fetch) {
  // 7: session 8, forgotten 4 + 3 + 4 + 4. 12: epoch 4, four arrays -12, three strings -3, three tags +3, and the cluster's +5.
  EXPECT_THAT(sizes<FetchRequest>(), ElementsAre(44, 52, 52, 75, 75, 79, 79, 82, 79));
  // 12: three arrays -9, a string -1, records -3, four tags +4.
  EXPECT_THAT(sizes<FetchResponse>(), ElementsAre(62, 70, 70, 76, 76, 76, 76, 80, 71));
}

}  // namespace
}  // namespace ringmain::kafka
