// What clients cost that are connected and ask for nothing.
#include <unistd.h>

#include "base/clock.hpp"
#include "cli/exit.hpp"
#include "client/remote_greeting.hpp"
#include "kafka/figures.hpp"
#include "net/endpoint.hpp"

namespace ringmain::bench {
namespace {

constexpr int64_t kTimeLimitNs = 10'000'000'000;
constexpr useconds_t kSettleUs = 1'000'000;

}  // namespace

// Each has asked for the versions, as every client does first.
Idle measure_idle(const KafkaBroker& broker, const KafkaPlan& plan) {
  const net::Endpoint endpoint = tools::value_or_throw(net::parse_endpoint(broker.address()));
  std::vector<os::UniqueFd> sockets;
  const int64_t resident_before = broker.resident_bytes();
  for (uint32_t i = 0; i < plan.connections; ++i)
    sockets.push_back(tools::value_or_throw(client::connect_and_greet(endpoint, "bench", os::Deadline::after_ns(kTimeLimitNs), nullptr)).socket);
  ::usleep(kSettleUs);
  Idle idle;
  idle.bytes_each = static_cast<double>(broker.resident_bytes() - resident_before) / plan.connections;
  const int64_t cpu_before = broker.cpu_ns(), begin_ns = now_steady_ns();
  ::usleep(static_cast<useconds_t>(plan.idle_s * 1e6));
  idle.cpu_ns_per_s = static_cast<double>(broker.cpu_ns() - cpu_before) * 1e9 / static_cast<double>(now_steady_ns() - begin_ns);
  return idle;
}

}  // namespace ringmain::bench
