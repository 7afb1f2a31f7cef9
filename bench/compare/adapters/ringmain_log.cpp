// Ringmain, durable: a topic at its defaults, which is on disk; Appender, and wait_durable() as the
// acknowledgement, which is what acks=all waits for: written and synced. The broker's persister
// does the writing.
#include <fmt/format.h>

#include <chrono>

#include "adapters/list.hpp"
#include "adapters/ringmain_server.hpp"
#include "cli/build_info.hpp"
#include "ringmain/ringmain.hpp"

namespace ringmain::bench {
namespace {

class Topic final : public DurableLog {
 public:
  Topic(const Site& site, const std::string& name)
      : bus_(RingmainServer::open_bus(site)),
        partition_{made(bus_, name), 0},
        appender_(bus_, partition_) {}
  ~Topic() override {
    try {
      bus_.admin().delete_topic(partition_.topic);
    } catch (const std::exception&) {  // the folder goes with the turn
    }
  }

  void append(Bytes record) override { last_offset_ = appender_.append(record); }

  void await(uint64_t count) override {
    while (!appender_.wait_durable(static_cast<int64_t>(count) - 1, std::chrono::seconds(1))) {
      // ends: with the disk's answer; the harness kills who waits in vain
    }
  }

  uint64_t stored() override {
    Reader reader(bus_, partition_, {.start = StartAt::earliest, .wait = WaitStrategy::yield});
    uint64_t records = 0;
    while (reader.try_next().data() != nullptr) ++records;
    return records;
  }

 private:
  static std::string made(Bus& bus, const std::string& name) {
    bus.admin().create_topic({.name = name, .partitions = 1});
    return name;
  }

  Bus bus_;
  TopicPartition partition_;
  Appender appender_;
  int64_t last_offset_ = -1;
};

class RingmainLog final : public LogRival {
 public:
  RingmainLog()
      : LogRival({"ringmain-log", "Ringmain", "",
                  "a topic at its defaults (storage=disk); Appender and wait_durable()",
                  bench::Role::ours}) {}

  std::string version() override { return fmt::format("{} ({})", tools::version(), tools::commit()); }
  std::string acknowledgement() override { return "synced"; }

  void start(const Site& site) override { server_ = std::make_unique<RingmainServer>(site); }
  void stop() override { server_.reset(); }

  std::unique_ptr<DurableLog> open(const Site& site, size_t) override {
    return std::make_unique<Topic>(site, fmt::format("durable-{}", ++topics_));
  }

 private:
  std::unique_ptr<RingmainServer> server_;
  int topics_ = 0;
};

}  // namespace

std::unique_ptr<LogRival> make_ringmain_log() {
  return std::make_unique<RingmainLog>();
}

}  // namespace ringmain::bench
