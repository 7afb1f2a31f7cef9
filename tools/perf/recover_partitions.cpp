// Opening many partitions, and leaving them alone.
#include "perf/recover_partitions.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <memory>

#include "base/clock.hpp"
#include "os/file.hpp"
#include "perf/broker_threads.hpp"
#include "perf/durable_topic.hpp"
#include "perf/payload.hpp"

namespace ringmain::tools {
namespace {

constexpr const char* topic_name = "perf-partitions";
constexpr int64_t settle_ns = 2'000'000'000;
constexpr int64_t idle_ns = 5'000'000'000;

// What the files hold, not how long they are.
uint64_t allocated_bytes(const std::string& folder) {
  uint64_t sum = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) == 0)
      sum += static_cast<uint64_t>(status.st_blocks) * 512;
  }
  return sum;
}

// Memory that is the process's alone.
uint64_t anonymous_bytes(pid_t pid) {
  const auto status = os::read_small_file(fmt::format("/proc/{}/status", pid));
  if (!status) return 0;
  constexpr std::string_view key = "RssAnon:";
  const size_t at = status->find(key);
  if (at == std::string::npos) return 0;
  const size_t begin = status->find_first_of("0123456789", at);
  uint64_t kibibytes = 0;
  std::from_chars(status->data() + begin, status->data() + status->size(), kibibytes);
  return kibibytes * 1024;
}

class Partitions {
 public:
  Partitions(const RecoverPlan& plan, int32_t count, const StopSignal& stop, Progress& progress)
      : count_(count),
        stop_(stop),
        progress_(progress),
        scratch_(plan.parent_folder),
        payload_(plan.durable.size_bytes) {
    scratch_.start_broker(check_);
    anonymous_before_ = anonymous_bytes(scratch_.broker_pid());
    shm_before_ = allocated_bytes(scratch_.shm_folder());
    Bus bus = scratch_.open();
    NewTopic topic;
    topic.name = topic_name;
    topic.partitions = count;
    topic.configs = plan.durable.topic_configs;
    topic.configs["storage"] = "disk";
    bus.admin().create_topic(topic);
    fill(bus);
  }

  PartitionsRun run() {
    PartitionsRun figures;
    const auto each = [&](uint64_t now, uint64_t before) {
      return now < before ? 0 : static_cast<double>(now - before) / static_cast<double>(count_);
    };
    rest(settle_ns);
    const BrokerThreads broker(scratch_.broker_pid());
    const double cpu_before_s = broker.cpu_seconds();
    const int64_t begin_ns = now_steady_ns();
    rest(idle_ns);
    figures.cpu_share = (broker.cpu_seconds() - cpu_before_s) * 1e9 /
                        static_cast<double>(now_steady_ns() - begin_ns);
    figures.shm_bytes_each = each(allocated_bytes(scratch_.shm_folder()), shm_before_);
    figures.broker_bytes_each = each(anonymous_bytes(scratch_.broker_pid()), anonymous_before_);
    scratch_.stop_broker(check_);
    figures.start_after_stop_s = timed_start();
    scratch_.kill_broker();
    figures.start_after_kill_s = timed_start();
    return figures;
  }

 private:
  void fill(Bus& bus) {
    const Surroundings around{bus, stop_, progress_};
    for (int32_t partition = 0; partition < count_; ++partition) {
      if (partition % 100 == 0)
        progress_.show(fmt::format("partition {} of {}", partition, count_));
      Appender appender(bus, {topic_name, partition});
      await_durable(appender, appender.append(payload_.make({0, 0})), around);
      check_();
    }
  }

  // Until the last partition takes a record.
  double timed_start() {
    const int64_t begin_ns = now_steady_ns();
    scratch_.start_broker(check_);
    Bus bus = scratch_.open();
    Appender appender(bus, {topic_name, count_ - 1});
    const int64_t offset = appender.append(payload_.make({0, 0}));
    const double seconds = static_cast<double>(now_steady_ns() - begin_ns) / 1e9;
    const Surroundings around{bus, stop_, progress_};
    await_durable(appender, offset, around);
    return seconds;
  }

  void rest(int64_t duration_ns) {
    if (stop_.wait(duration_ns)) check_();
  }

  const int32_t count_;
  const StopSignal& stop_;
  Progress& progress_;
  const std::function<void()> check_ = [this] {
    if (stop_.requested()) throw Failure("the measurement was interrupted: there is no result");
  };
  ScratchBus scratch_;
  Payload payload_;
  uint64_t anonymous_before_ = 0, shm_before_ = 0;
};

}  // namespace

std::vector<PartitionsRun> measure_partitions(const RecoverPlan& plan, int32_t partitions,
                                              const StopSignal& stop, Progress& progress) {
  Partitions all(plan, partitions, stop, progress);
  std::vector<PartitionsRun> runs;
  for (uint32_t run = 1; run <= plan.durable.runs; ++run) {
    progress.show(fmt::format("partitions, run {} of {}", run, plan.durable.runs));
    runs.push_back(all.run());
  }
  return runs;
}

}  // namespace ringmain::tools
