// Whether a consumer in a group reads as fast as one without: records of 64 bytes from a native
// producer on another core, medians of seven runs each, taken by turns.
//
//   build/release/group_speed_perf
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "base/clock.hpp"
#include "bus_fixture.hpp"

namespace ringmain::crash {
namespace {

constexpr std::int64_t kRecords = 3'000'000;

class GroupSpeed : public testing::Test {
 protected:
  GroupSpeed() {
    folders.options().configs = {{"group.initial.rebalance.delay.ms", "0"},
                                 {"offsets.topic.num.partitions", "1"}};
    folders.start_broker();
    bus.emplace(folders.open());
  }

  // Million records a second, from the first that is sent to the last that is read.
  double run(Config config) {
    const std::string topic = "t" + std::to_string(++runs);
    test::create_topic(*bus, topic, 1, {{"storage", "memory"}, {"full.policy", "block"}});
    config["auto.offset.reset"] = "earliest";
    config["wait.strategy"] = "spin";
    Consumer consumer(*bus, config);
    consumer.subscribe({topic});
    while (consumer.assignment().empty()) consumer.poll(std::chrono::milliseconds(1));
    const std::string value(64, 'x');
    Producer producer(*bus);
    std::int64_t start_ns = 0, left = kRecords;
    std::thread sender([&] {
      start_ns = now_steady_ns();
      for (std::int64_t i = 0; i < kRecords; ++i)
        producer.send({.topic = topic, .value = value, .partition = 0});
    });
    while (left > 0) left -= static_cast<std::int64_t>(consumer.poll(test::kForever).count());
    const std::int64_t end_ns = now_steady_ns();
    sender.join();
    consumer.close();
    bus->admin().delete_topic(topic);
    return static_cast<double>(kRecords) * 1e3 / static_cast<double>(end_ns - start_ns);
  }

  test::TemporaryBus folders{test::TemporaryBus::Start::later};
  std::optional<Bus> bus;
  int runs = 0;
};

TEST_F(GroupSpeed, as_without_a_group) {
  std::vector<double> alone, grouped;
  for (int i = 0; i < 7; ++i) {
    alone.push_back(run({}));
    grouped.push_back(run({{"group.id", "g"}}));
  }
  std::ranges::sort(alone);
  std::ranges::sort(grouped);
  std::printf(
      "without a group %.2f million records/s (%.2f to %.2f), in a group %.2f (%.2f to %.2f): "
      "%+.1f %%; wanted: within 3 %%\n",
      alone[3], alone.front(), alone.back(), grouped[3], grouped.front(), grouped.back(),
      100 * (grouped[3] / alone[3] - 1));
}

}  // namespace
}  // namespace ringmain::crash
