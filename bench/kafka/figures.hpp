// What is measured, and how much of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kafka/broker.hpp"
#include "perf/report.hpp"

namespace ringmain::bench {

struct KafkaPlan {
  uint64_t count = 1'000'000;  // records of a run, for throughput
  uint32_t runs = 5;
  uint64_t round_trips = 10'000;  // of a run
  std::vector<int> cores;         // of who asks, and who answers; empty: two different ones
  uint32_t connections = 1'000;
  double idle_s = 10;
};

// The same work done by both sides.
struct CpuShare {
  double records_per_s = 0;
  double broker_ns = 0, client_ns = 0;  // of CPU, for each record
};

struct RoundTrips {
  tools::Percentiles limit;    // of bytes as many, both ways, between two sockets and two processes
  tools::Percentiles bare;     // a request that was made beforehand, by a socket that waits
  tools::Percentiles library;  // librdkafka
};

struct Idle {
  double cpu_ns_per_s = 0;
  double bytes_each = 0;
};

CpuShare measure_produce(const KafkaBroker& broker, const KafkaPlan& plan, uint64_t record_bytes);
CpuShare measure_fetch(const KafkaBroker& broker, const KafkaPlan& plan, uint64_t record_bytes);
RoundTrips measure_round_trips(const KafkaBroker& broker, const KafkaPlan& plan, uint64_t record_bytes);
Idle measure_idle(const KafkaBroker& broker, const KafkaPlan& plan);

struct KafkaFigures {
  std::optional<CpuShare> produce, fetch;
  std::optional<RoundTrips> round_trips;
  std::optional<Idle> idle;
};

std::string to_text(const KafkaPlan& plan, const KafkaFigures& figures);
tools::json::object to_json(const KafkaPlan& plan, const KafkaFigures& figures);

}  // namespace ringmain::bench
