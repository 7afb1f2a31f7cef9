// Writing, reading cold, and appending meanwhile.
#include "perf/cold_players.hpp"

#include <fmt/format.h>
#include <time.h>

#include <cstring>

#include "base/clock.hpp"
#include "os/host.hpp"
#include "perf/durable_stream.hpp"
#include "perf/log_file_reads.hpp"
#include "ringmain/reader.hpp"

namespace ringmain::tools {
namespace {

constexpr uint64_t records_per_check = 1 << 12;
constexpr uint64_t turns_per_run = 5;

double thread_cpu_s() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Reads the first `count` records in place, and checks the number that each carries.
template <class Check>
void read_log(Bus& bus, const ColdPlan& plan, uint64_t count, const Check& go_on) {
  Reader reader(bus, {plan.topic, 0}, {StartAt::earliest, WaitStrategy::spin});
  for (uint64_t sequence = 0; sequence < count; ++sequence) {
    const Bytes value = reader.try_next();
    uint64_t stamp = UINT64_MAX;
    if (value.size() == plan.durable.size_bytes) [[likely]]
      std::memcpy(&stamp, value.data(), sizeof(stamp));
    if (stamp != sequence) [[unlikely]]
      throw Failure(
          fmt::format("topic '{}': record {} is missing, damaged or out of order: this is a bug in "
                      "Ringmain, please report it",
                      plan.topic, sequence));
    if (sequence % records_per_check == 0 && !go_on(sequence)) return;
  }
}

class Parent {
 public:
  Parent(const ColdPlan& plan, ColdBoard& board, Child* child, const Surroundings& around)
      : plan_(plan),
        board_(board),
        child_(child),
        around_(around),
        stream_(plan.durable, around, {plan.topic, 0}) {}

  // The log, and behind it as much as memory holds: all of the log is on disk alone then.
  void write_log() {
    constexpr uint64_t part = 1 << 18;
    for (uint64_t left = plan_.count + plan_.hot_count; left > 0;) {
      const uint64_t next = std::min(left, part);
      stream_.send(next);
      left -= next;
      around_.progress.show(fmt::format("writing the log, {} records left", left));
    }
    const std::vector<std::string> paths = log_files_of(around_.bus.directory(), plan_.topic);
    ranges_ = whole_files(paths);
    read_plainly(ranges_, check_);  // into the page cache, for both
  }

  ColdRun run() {
    ColdRun result;
    const double before_s = read_plainly(ranges_, check_);
    const int64_t begin_ns = now_steady_ns();
    read_log(around_.bus, plan_, plan_.count, [&](uint64_t) {
      around_.check();
      return true;
    });
    const auto elapsed_ns = static_cast<double>(now_steady_ns() - begin_ns);
    const double after_s = read_plainly(ranges_, check_);
    result.read_bytes_per_s =
        static_cast<double>(plan_.count * plan_.durable.size_bytes) * 1e9 / elapsed_ns;
    result.plain_bytes_per_s = 2 * static_cast<double>(bytes_of(ranges_)) / (before_s + after_s);
    if (child_ != nullptr) append_beside_reader(result);
    return result;
  }

 private:
  // CPU seconds, because on few cores the two take turns.
  void append_beside_reader(ColdRun& result) {
    double alone_s = 0, beside_s = 0, beside_wall_s = 0;
    uint64_t records = 0;
    for (uint64_t turn = 0; turn < turns_per_run; ++turn) {
      alone_s += append();
      set_reading(true);
      const uint64_t records_before = board_.records.load();
      const int64_t begin_ns = now_steady_ns();
      beside_s += append();
      beside_wall_s += static_cast<double>(now_steady_ns() - begin_ns) / 1e9;
      records += board_.records.load() - records_before;
      set_reading(false);
    }
    const auto appended = static_cast<double>(turns_per_run * plan_.append_count);
    result.alone_per_cpu_s = appended / alone_s;
    result.beside_per_cpu_s = appended / beside_s;
    result.beside_read_bytes_per_s =
        static_cast<double>(records * plan_.durable.size_bytes) / beside_wall_s;
  }

  double append() {
    const double begin_s = thread_cpu_s();
    stream_.send(plan_.append_count);
    return thread_cpu_s() - begin_s;
  }

  // Returns when the child does so.
  void set_reading(bool reads) {
    board_.reads.store(reads);
    meet();
    if (!reads) return;
    const uint64_t before = board_.records.load();
    while (board_.records.load() == before) check_child();  // it is at it
  }

  void meet() {
    board_.rendezvous.meet(ColdBoard::parties, [this] { check_child(); });
  }
  void check_child() {
    child_->check();
    around_.check();
  }

  const ColdPlan& plan_;
  ColdBoard& board_;
  Child* const child_;
  const Surroundings& around_;
  DurableStream stream_;
  std::vector<FileRange> ranges_;
  const std::function<void()> check_ = [this] { around_.check(); };
};

}  // namespace

void read_on_demand(const ColdPlan& plan, ColdBoard& board, const BusOptions& bus_options) {
  const auto meet = [&] { board.rendezvous.meet(ColdBoard::parties); };
  meet();  // the log is there
  Bus bus = Bus::open(bus_options);
  if (plan.durable.cores.size() > 1) value_or_throw(os::pin_to_core(plan.durable.cores[1]));
  for (;;) {  // until told to end
    meet();   // told to read, or to end
    if (board.ends.load()) break;
    while (board.reads.load()) {
      uint64_t told = 0;  // of this pass
      bool goes_on = true;
      read_log(bus, plan, plan.count, [&](uint64_t sequence) {
        board.records.fetch_add(sequence - told);
        told = sequence;
        return goes_on = board.reads.load();
      });
      if (goes_on) board.records.fetch_add(plan.count - told);
    }
    meet();  // has stopped
  }
}

std::vector<ColdRun> measure_cold(const ColdPlan& plan, ColdBoard& board, Child* child,
                                  const Surroundings& around) {
  Parent parent(plan, board, child, around);
  parent.write_log();
  const auto meet = [&] {
    board.rendezvous.meet(ColdBoard::parties, [&] {
      child->check();
      around.check();
    });
  };
  if (child != nullptr) meet();
  std::vector<ColdRun> runs;
  for (uint32_t run = 1; run <= plan.durable.runs; ++run) {
    around.progress.show(fmt::format("cold, run {} of {}", run, plan.durable.runs));
    runs.push_back(parent.run());
  }
  if (child != nullptr) {
    board.ends.store(true);
    meet();
    child->join();
  }
  return runs;
}

}  // namespace ringmain::tools
