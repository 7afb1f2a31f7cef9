// How much of the CPU goes to each side while librdkafka writes and reads as fast as it can.
#include <ctime>

#include "base/clock.hpp"
#include "kafka/figures.hpp"
#include "kafka/rdkafka.hpp"

namespace ringmain::bench {
namespace {

constexpr const char* kTopic = "bench";

int64_t own_cpu_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

template <class Work>
CpuShare share_of(const KafkaBroker& broker, uint64_t count, const Work& work) {
  const int64_t broker_before = broker.cpu_ns(), own_before = own_cpu_ns(), begin_ns = now_steady_ns();
  work();
  const int64_t end_ns = now_steady_ns(), own_after = own_cpu_ns(), broker_after = broker.cpu_ns();
  const auto records = static_cast<double>(count);
  return {records * 1e9 / static_cast<double>(end_ns - begin_ns),
          static_cast<double>(broker_after - broker_before) / records,
          static_cast<double>(own_after - own_before) / records};
}

CpuShare median_of_runs(const std::vector<CpuShare>& runs) {
  return {tools::median_over(runs, &CpuShare::records_per_s), tools::median_over(runs, &CpuShare::broker_ns),
          tools::median_over(runs, &CpuShare::client_ns)};
}

}  // namespace

CpuShare measure_produce(const KafkaBroker& broker, const KafkaPlan& plan, uint64_t record_bytes) {
  std::vector<CpuShare> runs;
  for (uint32_t run = 0; run < plan.runs; ++run) {
    broker.create_topic(kTopic);
    {
      RdProducer producer(broker.address(), kTopic, record_bytes, {{"acks", "1"}});
      producer.send(plan.count / 10);  // connected, and files are prepared
      runs.push_back(share_of(broker, plan.count, [&] { producer.send(plan.count); }));
    }
    broker.delete_topic(kTopic);
  }
  return median_of_runs(runs);
}

CpuShare measure_fetch(const KafkaBroker& broker, const KafkaPlan& plan, uint64_t record_bytes) {
  broker.create_topic(kTopic);
  RdProducer(broker.address(), kTopic, record_bytes, {{"acks", "all"}}).send(plan.count);
  const auto read = [&] { rd_consume(broker.address(), kTopic, record_bytes, plan.count, {}); };
  read();  // files are in the page cache
  std::vector<CpuShare> runs;
  for (uint32_t run = 0; run < plan.runs; ++run) runs.push_back(share_of(broker, plan.count, read));
  broker.delete_topic(kTopic);
  return median_of_runs(runs);
}

}  // namespace ringmain::bench
