// One record at a time, then a stream in a window.
#include "compare/durable.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.hpp"
#include "cli/exit.hpp"
#include "os/host.hpp"
#include "perf/payload.hpp"
#include "perf/stopwatch.hpp"

namespace ringmain::bench {
namespace {

constexpr uint64_t warm_up_records = 50, latency_records_least = 100, records_per_look = 64;

class Client {
 public:
  Client(LogRival& rival, const Site& site, size_t record_bytes)
      : log_(rival.open(site, record_bytes)), payload_(record_bytes) {}

  void append() { log_->append(payload_.make({appended_++, 0})); }
  void await(uint64_t count) { log_->await(count); }
  uint64_t appended() const noexcept { return appended_; }

  void check_stored() {
    const uint64_t stored = log_->stored();
    if (stored != appended_)
      throw tools::Failure(
          fmt::format("the log holds {} records of {} that it acknowledged", stored, appended_));
  }

 private:
  std::unique_ptr<DurableLog> log_;
  tools::Payload payload_;
  uint64_t appended_ = 0;
};

void measure_latency(Client& client, double measure_ns, metrics::Histogram& acknowledged_ns) {
  const tools::CycleScale scale;
  const auto append_and_wait = [&] {
    client.append();
    client.await(client.appended());
  };
  for (uint64_t i = 0; i < warm_up_records; ++i) append_and_wait();
  const int64_t end_ns = now_steady_ns() + static_cast<int64_t>(measure_ns);
  for (uint64_t i = 0; i < latency_records_least || now_steady_ns() < end_ns;
       ++i) {  // ends with its time
    const uint64_t begin = tools::ordered_cycles();
    append_and_wait();
    acknowledged_ns.record(scale.ns(begin, tools::ordered_cycles()));
  }
}

// Returns how many were appended in the time; all of them are acknowledged then.
uint64_t stream(Client& client, size_t record_bytes, double stream_ns) {
  const uint64_t window = std::clamp<uint64_t>(window_bytes / record_bytes, 1, window_records);
  const uint64_t first = client.appended();
  const int64_t end_ns = now_steady_ns() + static_cast<int64_t>(stream_ns);
  for (uint64_t acknowledged = first; now_steady_ns() < end_ns;) {  // ends with its time
    for (uint64_t i = 0; i < records_per_look; ++i) client.append();
    if (client.appended() - acknowledged < window) continue;
    // Waits until a quarter of the window is free: a wait for each record would only measure waking
    // up.
    acknowledged = client.appended() - window / 4 * 3;
    client.await(acknowledged);
  }
  client.await(client.appended());
  return client.appended() - first;
}

}  // namespace

void LogRival::play(const Site& site, const DurablePlan& plan, DurableBoard& board) {
  for (size_t index = 0; index < plan.sizes.size(); ++index) {
    const size_t bytes = plan.sizes[index];
    DurableResult& result = board.results[index];
    {
      Client client(*this, site, bytes);
      tools::value_or_throw(os::pin_to_core(plan.core));
      measure_latency(client, plan.measure_ns, result.acknowledged_ns);
      client.check_stored();
    }
    Client client(*this, site, bytes);
    stream(client, bytes, plan.measure_ns / 4);  // warm-up
    const int64_t begin_ns = now_steady_ns();
    result.throughput_count = stream(client, bytes, plan.measure_ns);
    result.records_per_s = static_cast<double>(result.throughput_count) * 1e9 /
                           static_cast<double>(now_steady_ns() - begin_ns);
    client.check_stored();
  }
}

}  // namespace ringmain::bench
