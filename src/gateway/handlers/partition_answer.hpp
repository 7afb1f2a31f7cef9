// A response about many partitions of a group: some are refused here, the others by its coordinator.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {

// Response: has topics with a name, of partitions with an index and an error code.
template <class Response>
struct PartitionAnswer {
  Response response;

  // Calls hand_on(partition, what the request says of it) for each that is not refused.
  template <class Topics, class HandOn>
  void go_through(const Topics& topics, const RequestContext& context, const HandOn& hand_on) {
    for (const auto& topic : topics) {
      auto& answer = response.topics.emplace_back();
      answer.name = topic.name;
      for (const auto& part : topic.partitions) {
        const coordination::TopicPartition partition{topic.name, part.partition_index};
        const coordination::GroupError error = check_partition(partition, context);
        answer.partitions.push_back({part.partition_index, to_wire(error)});
        if (error != coordination::GroupError::none) continue;
        hand_on(partition, part);
        places_.emplace_back(response.topics.size() - 1, answer.partitions.size() - 1);
      }
    }
  }

  // errors: of those that were handed on, in that order.
  void fill(const std::vector<coordination::GroupError>& errors) {
    for (size_t i = 0; i < places_.size(); ++i)
      response.topics[places_[i].first].partitions[places_[i].second].error_code = to_wire(errors.at(i));
  }

 private:
  std::vector<std::pair<size_t, size_t>> places_;  // in the response: topic, partition
};

}  // namespace ringmain::gateway
