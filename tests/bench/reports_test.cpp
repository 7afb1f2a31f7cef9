// The reports of a comparison, from fixed numbers. tests/bench/golden/ holds what they should be;
// RINGMAIN_UPDATE_GOLDEN=1 writes it anew, for a person to read and compare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/json.hpp"
#include "compare/results.hpp"

namespace ringmain::bench {
namespace {

using testing::HasSubstr;
using testing::Not;
using tools::Percentiles;

constexpr size_t ours = 0, blocking = 1, spinning = 2, limit = 3, our_log = 4, their_log = 5,
                 unsynced_log = 6;

Contestant contestant(const char* key, const char* name, const char* variant, Role role) {
  Contestant made;
  made.label = {key, name, variant, std::string("settings of ") + key, role};
  made.version = "1.2";
  return made;
}

Contestant log(const char* key, const char* name, Role role, const char* acknowledgement) {
  Contestant made = contestant(key, name, "", role);
  made.is_log = true;
  made.acknowledgement = acknowledgement;
  return made;
}

Outcome latency(size_t who, Measure measure, uint64_t size, double p50_ns,
                uint64_t count = 100'000) {
  Outcome outcome;
  outcome.contestant = who;
  outcome.measure = measure;
  outcome.size_bytes = size;
  outcome.count = count;
  outcome.figures.latency_ns = Percentiles{
      {p50_ns / 2, p50_ns, p50_ns * 1.5, p50_ns * 2, p50_ns * 10, p50_ns * 100, p50_ns * 1000}};
  outcome.least = p50_ns * 0.95;
  outcome.most = p50_ns * 1.05;
  return outcome;
}

Outcome rate(size_t who, Measure measure, uint64_t size, double records_per_s) {
  Outcome outcome;
  outcome.contestant = who;
  outcome.measure = measure;
  outcome.size_bytes = size;
  outcome.count = 1'000'000;
  outcome.figures.records_per_s = records_per_s;
  outcome.figures.bytes_per_s = records_per_s * static_cast<double>(size);
  outcome.least = records_per_s * 0.9;
  outcome.most = records_per_s * 1.1;
  return outcome;
}

// Ours wins at 64 B, and loses at 4 KiB; of the rival's two variants one is the faster at each
// size.
Comparison comparison() {
  Comparison made;
  made.machine = {.commit = "0123456789ab",
                  .cpu = "A CPU <fast & cheap>",
                  .kernel = "6.1.0",
                  .system = "Debian 12",
                  .compiler = "g++ 12.2.0",
                  .core_count = 2,
                  .disk = "ext4"};
  made.cores = {0, 1};
  made.runs = 5;
  made.measure_s = 1;
  made.rate_per_s = 100'000;
  made.rate_size = 64;
  made.contestants = {contestant("ringmain", "Ringmain", "", Role::ours),
                      contestant("pipe", "pipe", "blocking", Role::rival),
                      contestant("pipe", "pipe", "spinning", Role::rival),
                      contestant("limits", "limit: raw shared memory", "", Role::limit),
                      log("ringmain-log", "Ringmain", Role::ours, "synced"),
                      log("redis", "Redis Streams", Role::rival, "synced"),
                      log("nats", "NATS JetStream", Role::rival, "NOT synced: later")};
  made.contestants.push_back(contestant("zeromq", "ZeroMQ ipc://", "", Role::rival));
  made.contestants.back().absence = "not installed (Debian: libzmq3-dev)";
  made.outcomes = {latency(ours, Measure::latency, 64, 160),
                   latency(ours, Measure::latency, 4096, 2000, 9000),
                   latency(blocking, Measure::latency, 64, 30'000),
                   latency(blocking, Measure::latency, 4096, 1500),
                   latency(spinning, Measure::latency, 64, 900),
                   latency(spinning, Measure::latency, 4096, 1700),
                   latency(limit, Measure::latency, 64, 140),
                   latency(limit, Measure::latency, 4096, 900),
                   latency(ours, Measure::scheduled, 64, 190),
                   latency(spinning, Measure::scheduled, 64, 950),
                   latency(limit, Measure::scheduled, 64, 170),
                   rate(ours, Measure::throughput, 64, 50e6),
                   rate(ours, Measure::throughput, 4096, 2e6),
                   rate(blocking, Measure::throughput, 64, 1.5e6),
                   rate(blocking, Measure::throughput, 4096, 250e3),
                   rate(spinning, Measure::throughput, 64, 1.4e6),
                   rate(spinning, Measure::throughput, 4096, 260e3),
                   rate(limit, Measure::throughput, 64, 110e6),
                   rate(limit, Measure::throughput, 4096, 1.7e6),
                   latency(our_log, Measure::durable_latency, 64, 50'000),
                   rate(our_log, Measure::durable_throughput, 64, 2e6),
                   latency(their_log, Measure::durable_latency, 64, 120'000),
                   rate(their_log, Measure::durable_throughput, 64, 90e3),
                   latency(unsynced_log, Measure::durable_latency, 64, 20'000),
                   rate(unsynced_log, Measure::durable_throughput, 64, 5e6)};
  return made;
}

void expect_golden(const std::string& name, const std::string& content) {
  const std::string path = std::string(GOLDEN_FOLDER) + "/" + name;
  if (std::getenv("RINGMAIN_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << content;
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(content, golden.str()) << "against " << path;
}

TEST(CompareReports, markdown_is_the_golden_one) {
  expect_golden("compare.md", to_markdown(comparison()));
}
TEST(CompareReports, json_is_the_golden_one) {
  expect_golden("compare.json", to_json_text(comparison()));
}
TEST(CompareReports, plot_of_percentiles_is_the_golden_one) {
  expect_golden("latency-64.svg", plot_percentiles(comparison(), Measure::latency, 64));
}
TEST(CompareReports, plot_of_rates_is_the_golden_one) {
  expect_golden("throughput.svg", plot_rates(comparison(), Measure::throughput));
}

TEST(CompareReports, of_two_variants_the_faster_stands_for_the_rival_at_each_size) {
  const Comparison made = comparison();
  EXPECT_EQ(best_of(made, Measure::latency, "pipe", 64)->contestant, spinning);
  EXPECT_EQ(best_of(made, Measure::latency, "pipe", 4096)->contestant, blocking);
  EXPECT_EQ(best_of(made, Measure::throughput, "pipe", 64)->contestant, blocking);
  EXPECT_EQ(best_of(made, Measure::throughput, "pipe", 4096)->contestant, spinning);
  EXPECT_EQ(best_of(made, Measure::latency, "ZeroMQ ipc://", 64), nullptr);
}

TEST(CompareReports, a_rival_that_is_ahead_is_named_with_its_factor) {
  const Comparison made = comparison();
  const std::vector<Defeat> defeats = defeats_of(made);
  ASSERT_EQ(defeats.size(), 2u);
  EXPECT_EQ(defeats[0].figure, "p50");
  EXPECT_EQ(defeats[1].figure, "p99");
  for (const Defeat& defeat : defeats) {
    EXPECT_EQ(defeat.rival->contestant, blocking);
    EXPECT_EQ(defeat.rival->size_bytes, 4096u);
    EXPECT_DOUBLE_EQ(defeat.factor, 2000.0 / 1500);
  }
}

TEST(CompareReports, an_acknowledgement_without_a_sync_is_not_compared_with_one) {
  Comparison made = comparison();
  for (const Defeat& defeat : defeats_of(made)) EXPECT_NE(defeat.rival->contestant, unsynced_log);
  made.contestants[unsynced_log].acknowledgement = "synced";
  EXPECT_EQ(defeats_of(made).size(), 5u)
      << "p50, p99 and records/s of the log beside the two of the pipe";
}

TEST(CompareReports, who_is_missing_is_named_with_its_package) {
  EXPECT_THAT(to_markdown(comparison()),
              HasSubstr("| ZeroMQ ipc:// | not installed (Debian: libzmq3-dev) |  |"));
}

TEST(CompareReports, a_percentile_that_too_few_records_support_is_left_out) {
  Comparison made = comparison();
  EXPECT_THAT(to_markdown(made), HasSubstr("| Ringmain | **16.0 us** | – |"));
  made.outcomes[1].count = 10'000;
  EXPECT_THAT(to_markdown(made), Not(HasSubstr("| Ringmain | **16.0 us** | – |")));
}

TEST(CompareReports, each_json_result_stands_beside_its_limit) {
  const tools::json::value parsed = tools::json::parse(to_json_text(comparison()));
  const auto& result = parsed.at("results").as_array().at(0).as_object();
  EXPECT_EQ(result.at("name"), "latency");
  EXPECT_EQ(result.at("rival"), "ringmain");
  EXPECT_EQ(result.at("size"), 64);
  EXPECT_EQ(result.at("latency_ns").at("p50"), 160);
  EXPECT_EQ(result.at("limit").at("name"), "limit: raw shared memory");
  EXPECT_DOUBLE_EQ(result.at("ratio").at("latency_ns").at("p50").as_double(), 160.0 / 140);
}

TEST(CompareReports, nothing_measured_gives_reports_without_tables) {
  Comparison made = comparison();
  made.outcomes.clear();
  EXPECT_THAT(to_markdown(made), Not(HasSubstr("## Throughput")));
  EXPECT_TRUE(plot_percentiles(made, Measure::latency, 64).empty());
  EXPECT_TRUE(plot_rates(made, Measure::throughput).empty());
  EXPECT_TRUE(tools::json::parse(to_json_text(made)).at("results").as_array().empty());
}

}  // namespace
}  // namespace ringmain::bench
