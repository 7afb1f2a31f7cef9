// The program behind tools/compare: reads the command line, has the tournament played, writes the
// reports. The table goes to standard output, progress to stderr.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "cli/checks.hpp"
#include "cli/exit.hpp"
#include "cli/text.hpp"
#include "compare/durable.hpp"
#include "compare/match.hpp"
#include "compare/tournament.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "perf/payload.hpp"
#include "perf/placement.hpp"

namespace ringmain::bench {
namespace {

using tools::Failure;
using tools::UsageError;
using tools::value_or_throw;

struct Options {
  bool quick = false;
  uint32_t runs = 0;   // 0: 5, or 3 with --quick
  double seconds = 0;  // 0: 1, or less with --quick
  std::string out = "compare";
  std::string dir = "/var/tmp";
  std::vector<std::string> only, sizes{"32", "64", "256", "1k", "4k", "16k", "64k"};
  std::vector<int> cores;
  std::string ringmain;
};

constexpr double quick_seconds = 0.05;
constexpr size_t size_most = 1 << 20;

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<size_t> sizes_in(const std::vector<std::string>& texts) {
  std::vector<size_t> sizes;
  for (const std::string& text : texts) {
    const uint64_t size = tools::parse_size_option("--sizes", text);
    if (size < tools::Payload::min_bytes_with_time || size > size_most)
      throw UsageError(
          fmt::format("--sizes: {} is not from {}, for what each message carries, to 1 MiB", text,
                      tools::Payload::min_bytes_with_time));
    sizes.push_back(size);
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  if (sizes.size() > sizes_most) throw UsageError(fmt::format("--sizes: at most {}", sizes_most));
  return sizes;
}

// Logs are measured at a small, a middle and a large one of the sizes.
std::vector<size_t> durable_sizes_of(const std::vector<size_t>& sizes) {
  std::vector<size_t> chosen;
  for (const size_t size : {size_t{64}, size_t{1024}, size_t{16384}})
    if (std::find(sizes.begin(), sizes.end(), size) != sizes.end()) chosen.push_back(size);
  if (chosen.empty()) chosen.push_back(sizes.front());
  return chosen;
}

std::string default_ringmain() {
  const std::string own = value_or_throw(os::executable_path());
  return own.substr(0, own.rfind('/')) + "/ringmain";
}

TournamentPlan plan_of(const Options& options) {
  TournamentPlan plan;
  plan.sizes = sizes_in(options.sizes);
  plan.durable_sizes = durable_sizes_of(plan.sizes);
  const auto at_least_64 =
      std::find_if(plan.sizes.begin(), plan.sizes.end(), [](size_t size) { return size >= 64; });
  plan.rate_size = at_least_64 == plan.sizes.end() ? plan.sizes.back() : *at_least_64;
  plan.is_quick = options.quick;
  plan.runs = options.runs != 0 ? options.runs : options.quick ? 3 : 5;
  plan.measure_s = options.seconds > 0 ? options.seconds : options.quick ? quick_seconds : 1;
  if (!options.cores.empty() && options.cores.size() != 2)
    throw UsageError("--cores must name two, such as 0,1");
  plan.cores = tools::place(2, options.cores);
  if (tools::share_a_core(plan.cores))
    throw UsageError(
        "two processes that spin need two cores, and there is one: nothing can be compared here");
  const std::vector<std::string> keys = known_keys();
  for (const std::string& key : options.only) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      throw UsageError(
          fmt::format("--only: there is no '{}'; there are {}", key, joined(keys, ", ")));
  }
  plan.only = options.only;
  plan.folder = options.dir;
  plan.ringmain = options.ringmain.empty() ? default_ringmain() : options.ringmain;
  return plan;
}

void write_reports(const std::string& folder, const Comparison& comparison,
                   const std::string& markdown) {
  const auto write = [&](const std::string& name, const std::string& content) {
    if (!content.empty()) tools::write_file(folder + "/" + name, content);
  };
  write("compare.md", markdown);
  write("compare.json", to_json_text(comparison));
  for (const uint64_t size : sizes_of(comparison, Measure::latency))
    write(fmt::format("latency-{}.svg", size),
          plot_percentiles(comparison, Measure::latency, size));
  for (const uint64_t size : sizes_of(comparison, Measure::durable_latency))
    write(fmt::format("durable-latency-{}.svg", size),
          plot_percentiles(comparison, Measure::durable_latency, size));
  write("scheduled.svg", plot_percentiles(comparison, Measure::scheduled, comparison.rate_size));
  write("throughput.svg", plot_rates(comparison, Measure::throughput));
  write("durable-throughput.svg", plot_rates(comparison, Measure::durable_throughput));
}

void compare(const Options& options) {
  const TournamentPlan plan = plan_of(options);
  value_or_throw(os::make_directories(options.out, 0755));
  tools::StopSignal stop;
  const TournamentResult result = play(plan, stop);
  const std::string markdown = to_markdown(result.comparison);
  write_reports(options.out, result.comparison, markdown);
  if (std::fputs(markdown.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    throw Failure("cannot write to standard output");
  fmt::print(stderr, "compare: tables and plots are in {}\n", options.out);
  if (!result.failures.empty())
    throw Failure(fmt::format("{} failed: {}",
                              result.failures.size() == 1 ? "one contestant" : "some contestants",
                              joined(result.failures, "; ")));
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Measures Ringmain, its rivals and the physical limit side by side, in one run, on the same "
      "cores");
  app.footer(
      "Rivals that are not installed are named as such. Figures are medians over the runs; in each "
      "run all take turns.\n"
      "Method: docs/benchmarks.md, \"Against others\".\n"
      "Example:\n  tools/compare --only ringmain,iceoryx,limits --sizes 64,1k --runs 3");
  app.add_flag("--quick", options.quick,
               "All of it in under three minutes: shorter, so less exact");
  app.add_option("--runs", options.runs,
                 "How often everybody has a turn. Default: 5, with --quick 3")
      ->check(tools::whole_number(1, 1000));
  app.add_option("--seconds", options.seconds,
                 "About how long each measurement takes. Default: 1, with --quick 0.05")
      ->check(CLI::Range(0.001, 3600.0));
  app.add_option("--out", options.out, "Folder for tables and plots")->capture_default_str();
  app.add_option("--dir", options.dir,
                 "Folder on the disk that is measured; what is written there goes at the end")
      ->capture_default_str();
  app.add_option("--only", options.only, "Only these: " + joined(known_keys(), ", "))
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option(
         "--sizes", options.sizes,
         "Bytes of the messages; logs are measured at those of 64, 1k and 16k that are among them")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--cores", options.cores,
                 "Cores of sender and receiver, A,B. Default: two different ones")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--ringmain", options.ringmain,
                 "The ringmain program. Default: the one beside this");
  try {
    app.parse(argc, argv);
    compare(options);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    fmt::print(stderr, "compare: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "compare: {}\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace ringmain::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return ringmain::bench::run(argc, argv);
}
