// Medians over the runs of `perf durable`.
#include "perf/durable_report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "base/parse.hpp"
#include "cli/build_info.hpp"
#include "metrics/histogram_text.hpp"
#include "os/host.hpp"
#include "perf/plot.hpp"

namespace ringmain::tools {
namespace {

using metrics::Histogram;

PerfReport report_like(const char* name, const DurablePlan& plan, const std::string& folder) {
  PerfReport report;
  report.name = name;
  report.size_bytes = plan.size_bytes;
  report.cores = plan.cores;
  report.details = {
      {"mode", plan.topic_configs.at("single.producer") == "true" ? "exclusive" : "shared"},
      {"runs", plan.runs},
      {"folder", folder}};
  return report;
}

template <class Run, class Get>
Percentiles median_latency(const std::vector<Run>& runs, const Get& histogram_of) {
  std::vector<Percentiles> percentiles;
  for (const Run& run : runs) percentiles.push_back(percentiles_of(histogram_of(run)));
  return median_of(percentiles);
}

template <class Run, class Get>
void merge_into(Histogram& all, const std::vector<Run>& runs, const Get& histogram_of) {
  for (const Run& run : runs) all.merge(histogram_of(run));
}

void write_distribution(const DistributionFiles& files, const PerfReport& report, size_t runs,
                        const std::string& what, const Histogram& measured,
                        const Histogram& limit) {
  if (!files.histogram_path.empty())
    write_file(files.histogram_path, metrics::to_text(measured, "latency_ns"));
  if (files.plot_path.empty()) return;
  PlotText text;
  text.title = fmt::format("Ringmain: {}", what);
  text.what = fmt::format("{} records of {} in {} runs", report.count * runs,
                          format_bytes(report.size_bytes), runs);
  text.machine = fmt::format("{}, kernel {}, commit {}", os::cpu_model(), os::kernel_release(),
                             commit());
  write_file(files.plot_path,
             plot_latency(text, {"ringmain", measured}, {"limit: " + report.limit_name, limit}));
}

Figures rates_of(double bytes_per_s, double bytes_per_record) {
  Figures figures;
  figures.bytes_per_s = std::round(bytes_per_s);
  figures.records_per_s = std::round(bytes_per_s / bytes_per_record);
  return figures;
}

}  // namespace

PerfReport durable_report(const DurablePlan& plan, const std::string& folder) {
  PerfReport report = report_like("durable", plan, folder);
  report.latency_title = "UNTIL ON DISK, NS";
  return report;
}

// The limit is the way that is fastest at p50; the others stand beside it.
void add_latency(PerfReport& report, const DistributionFiles& files,
                 const std::vector<DurableLatencyRun>& runs) {
  const auto measured = [](const DurableLatencyRun& run) -> const Histogram& {
    return *run.measured.ns;
  };
  report.measured.latency_ns = median_latency(runs, measured);
  constexpr size_t p50 = 1;
  static_assert(std::string_view(Percentiles::names[p50]) == "p50");
  size_t fastest = 0;
  for (size_t way = 0; way < runs.front().raw.size(); ++way) {
    Figures figures;
    figures.latency_ns = median_latency(
        runs, [way](const DurableLatencyRun& run) -> const Histogram& { return *run.raw[way].ns; });
    report.other_limits.emplace_back(runs.front().raw[way].name, figures);
    if (figures.latency_ns->values[p50] <
        report.other_limits[fastest].second.latency_ns->values[p50])
      fastest = way;
  }
  report.limit_name = report.other_limits[fastest].first;
  report.limit.latency_ns = report.other_limits[fastest].second.latency_ns;
  report.other_limits.erase(report.other_limits.begin() + static_cast<std::ptrdiff_t>(fastest));

  const auto all = std::make_unique<Histogram>(), all_raw = std::make_unique<Histogram>();
  merge_into(*all, runs, measured);
  merge_into(*all_raw, runs, [fastest](const DurableLatencyRun& run) -> const Histogram& {
    return *run.raw[fastest].ns;
  });
  write_distribution(files, report, runs.size(), "time until a record is on disk", *all, *all_raw);
}

// Of both sides the bytes of the records' values count: what the log adds is Ringmain's price.
void add_throughput(PerfReport& report, const DurablePlan& plan,
                    const std::vector<DurableThroughputRun>& runs) {
  const auto size = static_cast<double>(plan.size_bytes);
  const auto limit_of = [&](double DurableThroughputRun::*figure) {
    return rates_of(median_over(runs, figure), size);
  };
  report.measured.records_per_s =
      std::round(median_over(runs, &DurableThroughputRun::records_per_s));
  report.measured.bytes_per_s = *report.measured.records_per_s * size;
  const std::string group =
      fmt::format("{} raw, {} at a time", format_bytes(plan.group.bytes), plan.group.depth);
  const std::string limit_name = group + ", synced, overwriting";
  (report.limit_name.empty() ? report.limit_name : report.rates_limit_name) = limit_name;
  const Figures limit = limit_of(&DurableThroughputRun::overwriting);
  report.limit.records_per_s = limit.records_per_s;
  report.limit.bytes_per_s = limit.bytes_per_s;
  report.other_limits.emplace_back(group + ", synced, fresh blocks",
                                   limit_of(&DurableThroughputRun::fresh));
  report.other_limits.emplace_back(group + ", not synced",
                                   limit_of(&DurableThroughputRun::unsynced));
  report.details["window"] = plan.window_bytes;
  report.details["throughput_count"] = plan.throughput_count;
  report.details["log_bytes_per_s"] =
      number(std::round(*report.measured.records_per_s * static_cast<double>(plan.frame_bytes())));
}

PerfReport publish_report(const DurablePlan& plan, const std::string& folder,
                          const DistributionFiles& files, const std::vector<PublishRun>& runs) {
  PerfReport report = report_like("publish", plan, folder);
  report.count = plan.publish_count;
  report.latency_title = "PUBLISH, NS";
  report.limit_name = "the same in memory";
  const auto disk = [](const PublishRun& run) -> const Histogram& { return *run.disk_ns; };
  const auto memory = [](const PublishRun& run) -> const Histogram& { return *run.memory_ns; };
  report.measured.latency_ns = median_latency(runs, disk);
  report.limit.latency_ns = median_latency(runs, memory);
  report.details["rate"] = plan.publish_per_s;
  const auto share = [&](double PublishRun::*figure) {
    return std::round(1000 * median_over(runs, figure)) / 1000;
  };
  report.details["broker_cpu"] = share(&PublishRun::broker_cpu_disk);
  report.details["broker_cpu_in_memory"] = share(&PublishRun::broker_cpu_memory);
  const auto all = std::make_unique<Histogram>(), all_memory = std::make_unique<Histogram>();
  merge_into(*all, runs, disk);
  merge_into(*all_memory, runs, memory);
  write_distribution(files, report, runs.size(), "publish latency while the topic goes to disk",
                     *all, *all_memory);
  return report;
}

}  // namespace ringmain::tools
