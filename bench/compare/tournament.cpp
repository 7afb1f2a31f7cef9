// Rounds and turns. The parent waits while a turn is played; it measures nothing itself.
#include "compare/tournament.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "cli/exit.hpp"
#include "compare/durable.hpp"
#include "compare/machine.hpp"
#include "compare/match.hpp"
#include "harness/scratch.hpp"
#include "os/host.hpp"
#include "perf/child.hpp"
#include "perf/placement.hpp"

namespace ringmain::bench {
namespace {

using tools::Child;
using tools::Failure;
using tools::Percentiles;
using tools::Shared;

// What one run gave, of one contestant, one measure, one size.
struct Sample {
  size_t contestant = 0;
  Measure measure = Measure::latency;
  uint64_t size_bytes = 0;
  uint64_t count = 0;
  Percentiles latency_ns;
  double records_per_s = 0;
};

class Tournament {
 public:
  Tournament(const TournamentPlan& plan, tools::StopSignal& stop)
      : plan_(plan), stop_(stop), field_(all_rivals()) {
    match_plan_.sizes = plan.sizes;
    match_plan_.measure_ns = plan.measure_s * 1e9;
    match_plan_.rate_per_s = plan.rate_per_s;
    match_plan_.rate_size = plan.rate_size;
    match_plan_.cores = plan.cores;
    match_plan_.one_core = tools::share_a_core(plan.cores);
    durable_plan_.sizes = plan.durable_sizes;
    durable_plan_.measure_ns = plan.measure_s * 1e9;
    durable_plan_.core = plan.cores[0];
    result_.comparison = {.machine = machine_of(plan.folder),
                          .cores = plan.cores,
                          .runs = plan.runs,
                          .measure_s = plan.measure_s,
                          .rate_per_s = plan.rate_per_s,
                          .rate_size = plan.rate_size,
                          .is_quick = plan.is_quick,
                          .contestants = {},
                          .outcomes = {}};
    enter(field_.transports, false);
    enter(field_.logs, true);
  }

  TournamentResult play() {
    const size_t transports = field_.transports.size(), all = transports + field_.logs.size();
    for (uint32_t run = 0; run < plan_.runs; ++run) {
      for (size_t i = 0; i < all; ++i) {
        // Nobody always follows the same one; but logs follow transports: their disk writes linger.
        const size_t contestant =
            i < transports ? (i + run) % transports : transports + (i + run) % (all - transports);
        if (is_playing_[contestant]) take_turn(contestant, run);
      }
    }
    sum_up();
    return std::move(result_);
  }

 private:
  template <class Rivals>
  void enter(Rivals& rivals, bool is_log) {
    for (auto& rival : rivals) {
      Contestant contestant;
      contestant.label = rival->label();
      contestant.is_log = is_log;
      const bool is_wanted =
          plan_.only.empty() ||
          std::find(plan_.only.begin(), plan_.only.end(), contestant.label.key) != plan_.only.end();
      contestant.absence = is_wanted ? rival->absence() : "left out";
      if (contestant.absence.empty()) {
        contestant.version = rival->version();
        if constexpr (requires { rival->acknowledgement(); })
          contestant.acknowledgement = rival->acknowledgement();
      }
      is_playing_.push_back(contestant.absence.empty());
      result_.comparison.contestants.push_back(std::move(contestant));
    }
  }

  void check() const {
    if (stop_.requested()) throw Failure("interrupted: there is no result");
  }

  void take_turn(size_t contestant, uint32_t run) {
    const Label& label = result_.comparison.contestants[contestant].label;
    const std::string who =
        label.variant.empty() ? label.name : fmt::format("{} ({})", label.name, label.variant);
    fmt::print(stderr, "run {} of {}: {}\n", run + 1, plan_.runs, who);
    const size_t transports = field_.transports.size();
    try {
      const Scratch scratch(plan_.folder);
      const Site site = site_in(scratch);
      if (contestant < transports) {
        play_transport(*field_.transports[contestant], site, contestant);
      } else {
        play_log(*field_.logs[contestant - transports], site, contestant);
      }
    } catch (const std::exception& error) {
      check();  // an interrupted turn is no failure of the rival
      is_playing_[contestant] = false;
      std::erase_if(samples_,
                    [&](const Sample& sample) { return sample.contestant == contestant; });
      result_.comparison.contestants[contestant].absence = fmt::format("failed: {}", error.what());
      result_.failures.push_back(fmt::format("{}: {}", who, error.what()));
      fmt::print(stderr, "compare: {}: {}\n", who, error.what());
    }
  }

  Site site_in(const Scratch& scratch) const {
    Site site;
    site.folder = scratch.folder();
    site.memory_folder = scratch.memory_folder();
    site.sizes = plan_.sizes;
    site.cores = plan_.cores;
    for (const int core : os::available_cores())
      if (core != plan_.cores[0]) site.server_cores.push_back(core);
    if (site.server_cores.empty()) site.server_cores = plan_.cores;
    site.ringmain = plan_.ringmain;
    site.check = [this] { check(); };
    return site;
  }

  // Stops the rival's servers however the turn ends.
  struct Turn {
    Turn(Rival& played, const Site& site) : rival(played) {
      try {
        rival.start(site);
      } catch (...) {
        rival.stop();
        throw;
      }
    }
    ~Turn() { rival.stop(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Rival& rival;
  };

  void wait_for(std::vector<std::unique_ptr<Child>>& children) const {
    constexpr useconds_t look_us = 20'000;
    while (std::any_of(children.begin(), children.end(),
                       [](const auto& child) { return child->is_running(); })) {
      for (auto& child : children) child->check();  // throws when one failed: the others are killed
      check();
      ::usleep(look_us);
    }
  }

  void play_transport(Transport& rival, const Site& site, size_t contestant) {
    const Shared<MatchBoard> board;
    const Turn turn(rival, site);
    std::vector<std::unique_ptr<Child>> children;
    for (const Side side : {Side::first, Side::second}) {
      children.push_back(
          std::make_unique<Child>(side == Side::first ? "the sender" : "the receiver", [&, side] {
            Match match(match_plan_, *board, side);
            rival.play(match, site);
          }));
    }
    wait_for(children);
    for (size_t index = 0; index < plan_.sizes.size(); ++index) {
      const MatchResult& result = board->results[index];
      const uint64_t size = plan_.sizes[index];
      add_latency(contestant, Measure::latency, size, result.one_way_ns);
      add_latency(contestant, Measure::scheduled, size, result.scheduled_ns);
      add_rate(contestant, Measure::throughput, size, result.throughput_count,
               result.records_per_s);
      // The limits' turn gives the speed of memcpy in place of a stream.
      if (board->memcpy_bytes_per_s > 0)
        add_rate(contestant, Measure::throughput, size, 1,
                 board->memcpy_bytes_per_s / static_cast<double>(size));
    }
  }

  void play_log(LogRival& rival, const Site& site, size_t contestant) {
    const Shared<DurableBoard> board;
    const Turn turn(rival, site);
    std::vector<std::unique_ptr<Child>> children;
    children.push_back(
        std::make_unique<Child>("the client", [&] { rival.play(site, durable_plan_, *board); }));
    wait_for(children);
    for (size_t index = 0; index < plan_.durable_sizes.size(); ++index) {
      const DurableResult& result = board->results[index];
      const uint64_t size = plan_.durable_sizes[index];
      add_latency(contestant, Measure::durable_latency, size, result.acknowledged_ns);
      add_rate(contestant, Measure::durable_throughput, size, result.throughput_count,
               result.records_per_s);
    }
  }

  void add_latency(size_t contestant, Measure measure, uint64_t size,
                   const metrics::Histogram& ns) {
    if (ns.count() == 0) return;
    samples_.push_back({contestant, measure, size, ns.count(), tools::percentiles_of(ns), 0});
  }
  void add_rate(size_t contestant, Measure measure, uint64_t size, uint64_t count,
                double records_per_s) {
    if (records_per_s > 0)
      samples_.push_back({contestant, measure, size, count, {}, records_per_s});
  }

  // Medians over the runs.
  void sum_up() {
    for (size_t contestant = 0; contestant < is_playing_.size(); ++contestant) {
      for (const Measure measure : all_measures) {
        std::set<uint64_t> sizes;
        for (const Sample& sample : samples_)
          if (sample.contestant == contestant && sample.measure == measure)
            sizes.insert(sample.size_bytes);
        for (const uint64_t size : sizes)
          result_.comparison.outcomes.push_back(median_of(contestant, measure, size));
      }
    }
  }

  Outcome median_of(size_t contestant, Measure measure, uint64_t size) const {
    std::vector<Percentiles> percentiles;
    std::vector<double> rates, counts, headlines;
    for (const Sample& sample : samples_) {
      if (sample.contestant != contestant || sample.measure != measure || sample.size_bytes != size)
        continue;
      percentiles.push_back(sample.latency_ns);
      rates.push_back(sample.records_per_s);
      counts.push_back(static_cast<double>(sample.count));
      headlines.push_back(is_rate(measure) ? sample.records_per_s : sample.latency_ns.values[1]);
    }
    Outcome outcome;
    outcome.contestant = contestant;
    outcome.measure = measure;
    outcome.size_bytes = size;
    outcome.count = static_cast<uint64_t>(tools::median_of(counts));
    if (is_rate(measure)) {
      outcome.figures.records_per_s = std::round(tools::median_of(rates));
      outcome.figures.bytes_per_s = *outcome.figures.records_per_s * static_cast<double>(size);
    } else {
      outcome.figures.latency_ns = tools::median_of(percentiles);
    }
    outcome.least = *std::min_element(headlines.begin(), headlines.end());
    outcome.most = *std::max_element(headlines.begin(), headlines.end());
    return outcome;
  }

  const TournamentPlan& plan_;
  tools::StopSignal& stop_;
  Field field_;
  MatchPlan match_plan_;
  DurablePlan durable_plan_;
  std::vector<bool> is_playing_;
  std::vector<Sample> samples_;
  TournamentResult result_;
};

}  // namespace

std::vector<std::string> known_keys() {
  const Field field = all_rivals();
  std::vector<std::string> keys;
  const auto add = [&](const Rival& rival) {
    if (std::find(keys.begin(), keys.end(), rival.label().key) == keys.end())
      keys.push_back(rival.label().key);
  };
  for (const auto& rival : field.transports) add(*rival);
  for (const auto& rival : field.logs) add(*rival);
  return keys;
}

TournamentResult play(const TournamentPlan& plan, tools::StopSignal& stop) {
  return Tournament(plan, stop).play();
}

}  // namespace ringmain::bench
