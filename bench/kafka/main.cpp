// What a broker costs its Kafka clients: CPU of both sides while librdkafka writes and reads, the round trip of a
// record, and connections that are idle.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "cli/checks.hpp"
#include "cli/exit.hpp"
#include "cli/output.hpp"
#include "kafka/figures.hpp"
#include "os/process.hpp"

namespace ringmain::bench {
namespace {

const std::vector<std::string> kAll{"produce", "fetch", "round-trip", "idle"};
constexpr uint64_t kLargeBytes = 1024, kSmallBytes = 64;

struct Options {
  KafkaPlan plan;
  std::vector<std::string> only = kAll;
  std::string dir = "/var/tmp";
  std::string ringmain;
  bool json = false;
};

std::string default_ringmain() {
  const std::string own = tools::value_or_throw(os::executable_path());
  return own.substr(0, own.rfind('/')) + "/ringmain";
}

void measure(const Options& options) {
  if (!options.plan.cores.empty() && options.plan.cores.size() != 2) throw tools::UsageError("--cores must name two, such as 0,1");
  const auto wants = [&](const char* name) { return std::ranges::count(options.only, name) > 0; };
  const KafkaBroker broker(options.ringmain.empty() ? default_ringmain() : options.ringmain, options.dir);
  KafkaFigures figures;
  tools::Progress progress;
  // First those that fork, and that look at memory.
  if (wants("round-trip")) {
    progress.show("round trips");
    figures.round_trips = measure_round_trips(broker, options.plan, kSmallBytes);
  }
  if (wants("idle")) {
    progress.show("idle connections");
    figures.idle = measure_idle(broker, options.plan);
  }
  if (wants("produce")) {
    progress.show("produce");
    figures.produce = measure_produce(broker, options.plan, kLargeBytes);
  }
  if (wants("fetch")) {
    progress.show("fetch");
    figures.fetch = measure_fetch(broker, options.plan, kLargeBytes);
  }
  progress.clear();
  if (options.json) {
    tools::print_json(to_json(options.plan, figures));
  } else {
    tools::standard_output().write(to_text(options.plan, figures));
  }
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("What a broker costs its Kafka clients, with librdkafka as the client");
  app.footer("Method and figures: docs/benchmarks.md, \"Kafka clients\".\nExample:\n  bench_kafka --only produce,fetch --runs 3");
  app.add_option("--runs", options.plan.runs, "How often each is measured")->check(tools::whole_number(1, 1000))->capture_default_str();
  app.add_option("--count", options.plan.count, "Records of 1 KiB that a run writes, or reads")
      ->check(tools::whole_number(10, 100'000'000))
      ->capture_default_str();
  app.add_option("--round-trips", options.plan.round_trips, "How many in a run")
      ->check(tools::whole_number(10, 100'000'000))
      ->capture_default_str();
  app.add_option("--cores", options.plan.cores, "Of round trips: who asks, and who answers, A,B. Default: two different ones")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--connections", options.plan.connections, "How many are idle")->check(tools::whole_number(1, 20'000))->capture_default_str();
  app.add_option("--idle-seconds", options.plan.idle_s, "How long")->check(CLI::Range(0.1, 3600.0))->capture_default_str();
  app.add_option("--only", options.only, "Only these: produce, fetch, round-trip, idle")
      ->delimiter(',')
      ->check(CLI::IsMember(kAll))
      ->allow_extra_args(false);
  app.add_option("--dir", options.dir, "Folder on the disk that is used; what is written there goes at the end")->capture_default_str();
  app.add_option("--ringmain", options.ringmain, "The ringmain program. Default: the one beside this");
  app.add_flag("--json", options.json, "One JSON object instead of tables");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return static_cast<int>(tools::run_command([&] { measure(options); }));
}

}  // namespace
}  // namespace ringmain::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return ringmain::bench::run(argc, argv);
}
