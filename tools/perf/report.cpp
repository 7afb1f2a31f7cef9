// Reports of benchmarks.
#include "perf/report.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/assert.hpp"
#include "base/parse.hpp"
#include "cli/build_info.hpp"
#include "cli/exit.hpp"
#include "cli/table.hpp"
#include "os/file.hpp"
#include "os/host.hpp"
#include "perf/placement.hpp"

namespace ringmain::tools {
namespace {

json::value to_json(const std::optional<double>& figure) {
  return figure ? number(*figure) : json::value(nullptr);
}

json::value to_json(const std::optional<Percentiles>& percentiles) {
  if (!percentiles) return nullptr;
  json::object object;
  for (size_t i = 0; i < Percentiles::count; ++i)
    object[Percentiles::names[i]] = number(percentiles->values[i]);
  return object;
}

// Only what applies.
json::object to_json(const Figures& figures) {
  json::object object;
  if (figures.latency_ns) object["latency_ns"] = to_json(figures.latency_ns);
  if (figures.records_per_s) object["records_per_s"] = number(*figures.records_per_s);
  if (figures.bytes_per_s) object["bytes_per_s"] = number(*figures.bytes_per_s);
  return object;
}

std::optional<double> ratio_of(const std::optional<double>& measured,
                               const std::optional<double>& limit) {
  if (!measured || !limit || *limit == 0) return std::nullopt;
  return *measured / *limit;
}

// Without quotes and exponents.
std::string plain_text(const json::value& value) {
  if (value.is_string()) return std::string(value.as_string());
  if (value.is_double()) return fmt::format("{:.4g}", value.as_double());
  return json::serialize(value);
}

std::string rate_text(double per_s) {
  if (per_s >= 1e6) return fmt::format("{:.2f} million/s", per_s / 1e6);
  return fmt::format("{:.0f}/s", per_s);
}

std::string latency_table(const PerfReport& report) {
  using enum Table::Align;
  std::vector<Table::Column> columns{{report.latency_title}};
  for (const char* title : Percentiles::titles) columns.push_back({title, right});
  Table table(std::move(columns));
  const auto add = [&](const std::string& name, const Percentiles& percentiles,
                       const char* format) {
    std::vector<std::string> row{name};
    for (const double value : percentiles.values)
      row.push_back(fmt::format(fmt::runtime(format), value));
    table.add(std::move(row));
  };
  add("ringmain", *report.measured.latency_ns, "{:.0f}");
  add("limit: " + report.limit_name, *report.limit.latency_ns, "{:.0f}");
  add("ratio", ratio_of(*report.measured.latency_ns, *report.limit.latency_ns), "{:.2f}");
  for (const auto& [name, figures] : report.other_limits)
    if (figures.latency_ns) add(name, *figures.latency_ns, "{:.0f}");
  return table.text();
}

std::string rates_table(const PerfReport& report) {
  using enum Table::Align;
  Table table({{""}, {"RECORDS", right}, {"BYTES", right}});
  const auto add = [&](const std::string& name, const Figures& figures) {
    table.add({name, rate_text(*figures.records_per_s),
               format_bytes(static_cast<uint64_t>(*figures.bytes_per_s)) + "/s"});
  };
  add("ringmain", report.measured);
  add("limit: " + (report.rates_limit_name.empty() ? report.limit_name : report.rates_limit_name),
      report.limit);
  const Figures ratio = ratio_of(report.measured, report.limit);
  table.add({"ratio", fmt::format("{:.3f}", *ratio.records_per_s),
             fmt::format("{:.3f}", *ratio.bytes_per_s)});
  for (const auto& [name, figures] : report.other_limits)
    if (figures.records_per_s) add(name, figures);
  return table.text();
}

}  // namespace

Percentiles percentiles_of(const metrics::Histogram& histogram) {
  Percentiles percentiles;
  for (size_t i = 0; i < Percentiles::count; ++i) {
    percentiles.values[i] = static_cast<double>(histogram.percentile(Percentiles::percents[i]));
  }
  return percentiles;
}

double median_of(std::vector<double> values) {
  RINGMAIN_ASSERT(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Percentiles median_of(const std::vector<Percentiles>& runs) {
  Percentiles median;
  for (size_t i = 0; i < Percentiles::count; ++i) {
    std::vector<double> values;
    for (const Percentiles& run : runs) values.push_back(run.values[i]);
    median.values[i] = median_of(std::move(values));
  }
  return median;
}

Percentiles ratio_of(const Percentiles& measured, const Percentiles& limit) {
  Percentiles ratio;
  for (size_t i = 0; i < Percentiles::count; ++i) {
    ratio.values[i] = limit.values[i] == 0 ? 0 : measured.values[i] / limit.values[i];
  }
  return ratio;
}

Figures ratio_of(const Figures& measured, const Figures& limit) {
  Figures ratio;
  if (measured.latency_ns && limit.latency_ns)
    ratio.latency_ns = ratio_of(*measured.latency_ns, *limit.latency_ns);
  ratio.records_per_s = ratio_of(measured.records_per_s, limit.records_per_s);
  ratio.bytes_per_s = ratio_of(measured.bytes_per_s, limit.bytes_per_s);
  return ratio;
}

json::object to_json(const PerfReport& report) {
  json::object limit{{"name", report.limit_name}};
  if (!report.rates_limit_name.empty()) limit["rates_name"] = report.rates_limit_name;
  for (const auto& [key, value] : to_json(report.limit)) limit[key] = value;
  json::object object{{"name", report.name},
                      {"size", report.size_bytes},
                      {"count", report.count},
                      {"cores", json::array(report.cores.begin(), report.cores.end())},
                      {"commit", commit()},
                      {"cpu", os::cpu_model()},
                      {"kernel", os::kernel_release()},
                      {"latency_ns", to_json(report.measured.latency_ns)},
                      {"records_per_s", to_json(report.measured.records_per_s)},
                      {"bytes_per_s", to_json(report.measured.bytes_per_s)},
                      {"limit", std::move(limit)},
                      {"ratio", to_json(ratio_of(report.measured, report.limit))}};
  if (!report.other_limits.empty()) {
    json::object others;
    for (const auto& [name, figures] : report.other_limits) others[name] = to_json(figures);
    object["other_limits"] = std::move(others);
  }
  for (const auto& [key, value] : report.details) object[key] = value;
  return object;
}

std::string heading(const PerfReport& report) {
  std::string text = fmt::format("{}: {} records of {}", report.name, report.count,
                                 format_bytes(report.size_bytes));
  if (!report.cores.empty()) text += ", cores " + to_text(report.cores);
  for (const auto& [key, value] : report.details) {
    text += fmt::format(", {} {}", std::string_view(key), plain_text(value));
  }
  text += fmt::format("\ncommit {}, {}, kernel {}\n\n", commit(), os::cpu_model(),
                      os::kernel_release());
  return text;
}

std::string to_text(const PerfReport& report) {
  std::string text = heading(report);
  if (report.measured.latency_ns) text += latency_table(report);
  if (report.measured.latency_ns && report.measured.records_per_s && report.limit.records_per_s)
    text += "\n";
  if (report.measured.records_per_s && report.limit.records_per_s) text += rates_table(report);
  return text;
}

void write_file(const std::string& path, std::string_view content) {
  const os::UniqueFd fd = value_or_throw(os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  value_or_throw(os::write_fully(fd.get(), std::as_bytes(std::span(content))));
}

Progress::Progress() noexcept : is_terminal_(::isatty(STDERR_FILENO) != 0) {}

void Progress::show(const std::string& text) noexcept {
  if (!is_terminal_) return;
  const std::string line = "\r\x1b[K" + text;
  is_dirty_ = ::write(STDERR_FILENO, line.data(), line.size()) > 0;
}

void Progress::clear() noexcept {
  if (!is_dirty_) return;
  show("");
  is_dirty_ = false;
}

}  // namespace ringmain::tools
