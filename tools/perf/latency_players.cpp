// Sending, answering, and taking the time.
#include "perf/latency_players.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.hpp"
#include "cli/exit.hpp"
#include "os/host.hpp"
#include "perf/await.hpp"
#include "perf/payload.hpp"
#include "perf/report.hpp"
#include "perf/stopwatch.hpp"
#include "ringmain/appender.hpp"

namespace ringmain::tools {
namespace {

using metrics::Histogram;

[[noreturn]] void wrong_record(std::string_view topic, uint64_t sequence, Bytes value) {
  throw Failure(fmt::format(
      "record {} of topic '{}' arrived damaged or out of order ({} bytes): this is a bug in "
      "Ringmain, please report it",
      sequence, topic, value.size()));
}

class Ponger {
 public:
  Ponger(const LatencyPlan& plan, LatencyBoard& board, Bus bus)
      : plan_(plan),
        board_(board),
        bus_(std::move(bus)),
        ping_(bus_, {plan.ping_topic, 0}, reader_options(plan.waiting)),
        pong_(bus_, {plan.pong_topic, 0}),
        payload_(plan.size_bytes) {
    // Not before the bus is open: its own thread shall not be bound to this core.
    value_or_throw(os::pin_to_core(plan.cores[1]));
  }

  void play() {
    board_.rendezvous.meet(LatencyBoard::parties);  // ready
    for (uint32_t run = 0; run < plan_.runs; ++run) {
      answer_limit();
      board_.rendezvous.meet(LatencyBoard::parties);
      plan_.is_scheduled() ? receive_scheduled() : answer();
      board_.rendezvous.meet(LatencyBoard::parties);
      answer_limit();
    }
  }

 private:
  void answer_limit() {
    board_.rendezvous.meet(LatencyBoard::parties);
    PingPong limit(board_.lines, plan_.waiting, plan_.one_core);
    const uint32_t turns = plan_.limit_warm_up + plan_.limit_count;
    if (!plan_.is_scheduled()) return limit.pong(turns);
    board_.scheduled_ns.reset();
    limit.receive(turns, plan_.limit_warm_up, board_.scheduled_ns);
    board_.rendezvous.meet(LatencyBoard::parties);  // they are there
    board_.rendezvous.meet(LatencyBoard::parties);  // they are taken
  }

  // The answer is the ping itself, copied from log to log; it is checked while it is on its way.
  void answer() {
    for (uint64_t i = 0; i < plan_.warm_up + plan_.count; ++i, ++sequence_) {
      const Bytes value = await(ping_, plan_.waiting, [] {});
      pong_.append(value);
      if (!payload_.is_sound(value, sequence_)) wrong_record(plan_.ping_topic, sequence_, value);
    }
  }

  void receive_scheduled() {
    const CycleScale scale;
    board_.scheduled_ns.reset();
    for (uint64_t i = 0; i < plan_.warm_up + plan_.count; ++i, ++sequence_) {
      const Bytes value = await(ping_, plan_.waiting, [] {});
      const uint64_t now = ordered_cycles();
      if (!payload_.is_sound(value, sequence_)) wrong_record(plan_.ping_topic, sequence_, value);
      if (i >= plan_.warm_up)
        board_.scheduled_ns.record(scale.ns(payload_.stamp_of(value).intended_cycles, now));
    }
  }

  const LatencyPlan& plan_;
  LatencyBoard& board_;
  Bus bus_;
  Reader ping_;
  Appender pong_;
  Payload payload_;
  uint64_t sequence_ = 0;
};

class Pinger {
 public:
  Pinger(const LatencyPlan& plan, LatencyBoard& board, Bus& bus, Child& child,
         const StopSignal& stop)
      : plan_(plan),
        board_(board),
        child_(child),
        stop_(stop),
        ping_(bus, {plan.ping_topic, 0}),
        pong_(bus, {plan.pong_topic, 0}, reader_options(plan.waiting)),
        payload_(plan.size_bytes) {
    value_or_throw(os::pin_to_core(plan.cores[0]));
  }

  std::vector<LatencyResult> play() {
    std::vector<LatencyResult> results;
    Progress progress;
    meet();  // ready
    for (uint32_t run = 1; run <= plan_.runs; ++run) {
      const std::string where = fmt::format("run {} of {}: ", run, plan_.runs);
      LatencyResult result;
      progress.show(where + "limit");
      measure_limit(*result.limit_ns);
      progress.show(where + "measurement");
      meet();
      const int64_t begin_ns = now_steady_ns();
      plan_.is_scheduled() ? send_scheduled() : measure(*result.measured_ns);
      meet();
      const double seconds = static_cast<double>(now_steady_ns() - begin_ns) / 1e9;
      if (plan_.is_scheduled()) result.measured_ns->merge(board_.scheduled_ns);
      const uint64_t records = (plan_.warm_up + plan_.count) * (plan_.is_scheduled() ? 1 : 2);
      result.records_per_s = std::round(static_cast<double>(records) / seconds);
      progress.show(where + "limit");
      measure_limit(*result.limit_ns);
      results.push_back(std::move(result));
    }
    return results;
  }

 private:
  void check() {
    child_.check();
    if (stop_.requested()) throw Failure("perf latency was interrupted: there is no result");
  }
  void meet() {
    board_.rendezvous.meet(LatencyBoard::parties, [this] { check(); });
  }

  void measure_limit(Histogram& one_way_ns) {
    PingPong limit(board_.lines, plan_.waiting, plan_.one_core);
    limit.reset();
    meet();
    const auto look = [this] { check(); };
    if (!plan_.is_scheduled())
      return limit.ping(plan_.limit_count, plan_.limit_warm_up, one_way_ns, look);
    limit.send(Schedule(plan_.interval_ns), plan_.limit_warm_up + plan_.limit_count, look);
    meet();  // the results are there
    one_way_ns.merge(board_.scheduled_ns);
    meet();  // they are taken
  }

  void measure(Histogram& one_way_ns) {
    const CycleScale scale;
    for (uint64_t i = 0; i < plan_.warm_up + plan_.count; ++i, ++sequence_) {
      const Bytes ping = payload_.make({sequence_, 0});
      const uint64_t sent = ordered_cycles();
      ping_.append(ping);
      const Bytes pong = await(pong_, plan_.waiting, [this] { check(); });
      const uint64_t back = ordered_cycles();
      if (!payload_.is_sound(pong, sequence_)) wrong_record(plan_.pong_topic, sequence_, pong);
      if (i >= plan_.warm_up) one_way_ns.record(scale.half_ns(sent, back));
    }
  }

  // Each record is due at its time, however late the last one was: what waits behind a slow
  // record counts as late, too.
  void send_scheduled() {
    const Schedule schedule(plan_.interval_ns);
    for (uint64_t i = 0; i < plan_.warm_up + plan_.count; ++i, ++sequence_) {
      const uint64_t due = schedule.due_cycles(i);
      const Bytes value = payload_.make({sequence_, due});
      schedule.wait_until(due, plan_.one_core);
      ping_.append(value);
      if (i % schedule.turns_per_check() == 0) check();
    }
  }

  const LatencyPlan& plan_;
  LatencyBoard& board_;
  Child& child_;
  const StopSignal& stop_;
  Appender ping_;
  Reader pong_;
  Payload payload_;
  uint64_t sequence_ = 0;
};

}  // namespace

void play_ponger(const LatencyPlan& plan, LatencyBoard& board, Bus bus) {
  Ponger(plan, board, std::move(bus)).play();
}

std::vector<LatencyResult> play_pinger(const LatencyPlan& plan, LatencyBoard& board, Bus& bus,
                                       Child& child, const StopSignal& stop) {
  return Pinger(plan, board, bus, child, stop).play();
}

}  // namespace ringmain::tools
