// Writing, killing, dropping, starting.
#include "perf/recover_starts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/clock.hpp"
#include "base/parse.hpp"
#include "perf/durable_stream.hpp"
#include "perf/log_file_reads.hpp"

namespace ringmain::tools {
namespace {

constexpr const char* topic_name = "perf-recover";
constexpr uint64_t bytes_per_report = uint64_t{256} << 20;
constexpr uint64_t bytes_before_kill = uint64_t{16} << 20;

enum class End { killed, stopped };

// A scratch bus with one topic, and what of it must be there after every start.
class Log {
 public:
  Log(const RecoverPlan& plan, const StopSignal& stop, Progress& progress)
      : plan_(plan), stop_(stop), progress_(progress), scratch_(plan.parent_folder) {
    scratch_.start_broker(check_);
    Bus bus = scratch_.open();
    NewTopic topic;
    topic.name = topic_name;
    topic.partitions = 1;
    topic.configs = plan.durable.topic_configs;
    topic.configs["storage"] = "disk";
    bus.admin().create_topic(topic);
  }

  void append(uint64_t bytes) {
    Bus bus = scratch_.open();
    const Surroundings around{bus, stop_, progress_};
    DurableStream stream(plan_.durable, around, {topic_name, 0});
    const uint64_t frame_bytes = plan_.durable.frame_bytes();
    for (uint64_t written = 0; written < bytes;) {
      const uint64_t records =
          std::max<uint64_t>(std::min(bytes - written, bytes_per_report) / frame_bytes, 1);
      stream.send(records);
      acknowledged_ += records;
      written += records * frame_bytes;
      if (bytes > bytes_per_report)
        progress_.show(
            fmt::format("writing the log, {} of {}", format_bytes(written), format_bytes(bytes)));
    }
  }

  StartAndRead end_and_start(End end) {
    end == End::killed ? scratch_.kill_broker() : scratch_.stop_broker(check_);
    if (!plan_.keeps_memory) scratch_.remove_shared_memory();
    const std::vector<std::string> paths = files();
    StartAndRead result;
    const std::vector<FileRange> ranges = what_must_be_proved(paths, plan_.keeps_memory);
    result.read_bytes = bytes_of(ranges);
    drop_from_cache(paths);
    result.read_s = read_plainly(ranges, check_);
    drop_from_cache(paths);
    result.start = start();
    return result;
  }

  std::vector<std::string> files() const { return log_files_of(scratch_.folder(), topic_name); }
  const std::string& folder() const noexcept { return scratch_.folder(); }

 private:
  TimedStart start() {
    Payload payload(plan_.durable.size_bytes);
    const Bytes value = payload.make({0, 0});
    TimedStart times;
    const int64_t begin_ns = now_steady_ns();
    scratch_.start_broker(check_);
    times.ready_s = static_cast<double>(now_steady_ns() - begin_ns) / 1e9;
    Bus bus = scratch_.open();
    Appender appender(bus, {topic_name, 0});
    const int64_t offset = appender.append(value);
    times.serving_s = static_cast<double>(now_steady_ns() - begin_ns) / 1e9;
    if (offset < static_cast<int64_t>(acknowledged_)) {
      throw Failure(fmt::format(
          "{} records were acknowledged as durable, and the log ended at {} after the start: "
          "this is a bug in Ringmain, please report it",
          acknowledged_, offset));
    }
    const Surroundings around{bus, stop_, progress_};
    await_durable(appender, offset, around);
    acknowledged_ = static_cast<uint64_t>(offset) + 1;
    return times;
  }

  const RecoverPlan& plan_;
  const StopSignal& stop_;
  Progress& progress_;
  const std::function<void()> check_ = [this] {
    if (stop_.requested()) throw Failure("the measurement was interrupted: there is no result");
  };
  ScratchBus scratch_;
  uint64_t acknowledged_ = 0;  // offsets below it are durable
};

}  // namespace

RecoverResult measure_recover(const RecoverPlan& plan, const StopSignal& stop, Progress& progress) {
  Log small(plan, stop, progress), large(plan, stop, progress);
  small.append(1);
  large.append(std::max<uint64_t>(plan.log_bytes, 1));
  RecoverResult result;
  result.folder = large.folder();
  for (uint32_t run = 1; run <= plan.durable.runs; ++run) {
    progress.show(fmt::format("recover, run {} of {}", run, plan.durable.runs));
    RecoverRun figures;
    figures.empty = small.end_and_start(End::stopped).start;
    // The tail that a kill leaves: segments that no head proves yet.
    large.append(bytes_before_kill);
    figures.after_kill = large.end_and_start(End::killed);
    figures.after_stop = large.end_and_start(End::stopped);
    result.runs.push_back(figures);
  }
  result.log_bytes = bytes_of(whole_files(large.files()));
  return result;
}

}  // namespace ringmain::tools
