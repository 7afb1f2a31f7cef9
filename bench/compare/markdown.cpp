// The tables, as Markdown.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/parse.hpp"
#include "compare/results.hpp"
#include "perf/placement.hpp"

namespace ringmain::bench {
namespace {

constexpr const char* no_figure = "–";
constexpr uint64_t records_for_p9999 = 10'000;  // with fewer, p99.99 is the slowest one's name

std::string time_text(double ns) {
  if (ns < 999.5) return fmt::format("{:.0f} ns", ns);
  if (ns < 99'950) return fmt::format("{:.1f} us", ns / 1e3);
  if (ns < 999'500) return fmt::format("{:.0f} us", ns / 1e3);
  return fmt::format("{:.1f} ms", ns / 1e6);
}

std::string records_text(double per_s) {
  if (per_s >= 99.5e6) return fmt::format("{:.0f} M", per_s / 1e6);
  if (per_s >= 999'500) return fmt::format("{:.1f} M", per_s / 1e6);
  if (per_s >= 99'950) return fmt::format("{:.0f} k", per_s / 1e3);
  if (per_s >= 9'995) return fmt::format("{:.1f} k", per_s / 1e3);
  return fmt::format("{:.0f}", per_s);
}

std::string bytes_text(double per_s) {
  constexpr double mib = 1 << 20, gib = 1 << 30;
  return per_s >= 0.995 * gib ? fmt::format("{:.1f} GiB/s", per_s / gib)
                              : fmt::format("{:.0f} MiB/s", per_s / mib);
}

// " ±3 %"; nothing to say of one run.
std::string spread_text(const Comparison& comparison, const Outcome& outcome) {
  return comparison.runs < 2 ? std::string{} : fmt::format(" ±{:.0f} %", 100 * outcome.spread());
}

std::string row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) text += " " + cell + " |";
  return text + "\n";
}

std::string head(const std::vector<std::string>& cells) {
  std::string text = row(cells) + "|---|";
  for (size_t i = 1; i < cells.size(); ++i) text += "---:|";
  return text + "\n";
}

// A figure of an outcome, and how it reads; nullopt: there is none.
struct Cell {
  double value = 0;
  std::string text;
};
enum class Better { less, more };

// A row for each name, a column for each size; the best of a column that is no limit is bold.
template <class CellOf>
std::string table_by_size(const Comparison& comparison, Measure measure, Better better,
                          const CellOf& cell_of) {
  const std::vector<uint64_t> sizes = sizes_of(comparison, measure);
  const std::vector<std::string> names = names_of(comparison, measure);
  const auto cell_at = [&](const std::string& name, uint64_t size) {
    const Outcome* outcome = best_of(comparison, measure, name, size);
    return outcome == nullptr ? std::nullopt : std::optional<Cell>(cell_of(*outcome));
  };
  const auto is_limit = [&](const std::string& name, uint64_t size) {
    return comparison.of(*best_of(comparison, measure, name, size)).label.role == Role::limit;
  };
  std::vector<std::string> titles{""};
  std::vector<double> best;
  for (const uint64_t size : sizes) {
    titles.push_back(format_bytes(size));
    best.push_back(better == Better::less ? HUGE_VAL : 0);
    for (const std::string& name : names) {
      const auto cell = cell_at(name, size);
      if (cell && cell->text != no_figure && !is_limit(name, size))
        best.back() = better == Better::less ? std::min(best.back(), cell->value)
                                             : std::max(best.back(), cell->value);
    }
  }
  std::string text = head(titles);
  for (const std::string& name : names) {
    std::vector<std::string> cells{name};
    for (size_t i = 0; i < sizes.size(); ++i) {
      const auto cell = cell_at(name, sizes[i]);
      if (!cell) {
        cells.emplace_back(no_figure);
      } else {
        const bool is_bold =
            cell->value == best[i] && cell->text != no_figure && !is_limit(name, sizes[i]);
        cells.push_back(is_bold ? "**" + cell->text + "**" : cell->text);
      }
    }
    text += row(cells);
  }
  return text + "\n";
}

std::string latency_tables(const Comparison& comparison) {
  const auto percentile = [](size_t index) {
    return [index](const Outcome& outcome) {
      const bool is_rare = std::string_view(tools::Percentiles::names[index]) == "p9999";
      const double ns = outcome.figures.latency_ns->values[index];
      return Cell{ns, is_rare && outcome.count < records_for_p9999 ? no_figure : time_text(ns)};
    };
  };
  std::string text =
      "## Latency, one way\n\n"
      "Ping-pong between two processes, half a round trip: the message is written, handed over, "
      "and every byte of it read. "
      "The best of each column that is no limit is bold.\n\n"
      "p50, with half of the spread between the runs:\n\n";
  text += table_by_size(comparison, Measure::latency, Better::less, [&](const Outcome& outcome) {
    Cell cell = percentile(1)(outcome);
    cell.text += spread_text(comparison, outcome);
    return cell;
  });
  for (const size_t index : {size_t{3}, size_t{4}, size_t{5}}) {
    std::string title = tools::Percentiles::titles[index];
    title[0] = 'p';
    text += title + ":\n\n" +
            table_by_size(comparison, Measure::latency, Better::less, percentile(index));
  }
  return text;
}

// A row for each name, a column for each percentile.
std::string schedule_table(const Comparison& comparison) {
  std::string text = fmt::format(
      "## Latency on a schedule\n\n"
      "One way, {} at {} records/s, counted from the time at which each was due, whatever became "
      "of the one "
      "before.\n\n",
      format_bytes(comparison.rate_size), records_text(comparison.rate_per_s));
  std::vector<std::string> titles{""};
  for (size_t i = 1; i < tools::Percentiles::count; ++i) {
    titles.emplace_back(tools::Percentiles::titles[i]);
    titles.back()[0] = titles.back() == "MAX" ? 'M' : 'p';
  }
  titles.back() = "max";
  text += head(titles);
  for (const std::string& name : names_of(comparison, Measure::scheduled)) {
    const Outcome* outcome = best_of(comparison, Measure::scheduled, name, comparison.rate_size);
    if (outcome == nullptr) continue;
    std::vector<std::string> cells{name};
    for (size_t i = 1; i < tools::Percentiles::count; ++i)
      cells.push_back(time_text(outcome->figures.latency_ns->values[i]));
    text += row(cells);
  }
  return text + "\n";
}

std::string throughput_tables(const Comparison& comparison) {
  return "## Throughput, one producer, one consumer\n\n"
         "From the first message until the last has arrived; each is handed over by itself, "
         "written in full, and a word of "
         "each of its cache lines is checked.\n\n"
         "Records a second, with half of the spread between the runs:\n\n" +
         table_by_size(comparison, Measure::throughput, Better::more,
                       [&](const Outcome& outcome) {
                         return Cell{outcome.headline(), records_text(outcome.headline()) +
                                                             spread_text(comparison, outcome)};
                       }) +
         "Bytes a second:\n\n" +
         table_by_size(comparison, Measure::throughput, Better::more, [](const Outcome& outcome) {
           return Cell{*outcome.figures.bytes_per_s, bytes_text(*outcome.figures.bytes_per_s)};
         });
}

std::string durable_table(const Comparison& comparison) {
  std::string text =
      "## Durable logs\n\n"
      "Latency: one record at a time, until it is acknowledged. Throughput: up to 4,000 records, "
      "or 16 MiB, on their way. Only "
      "rows whose acknowledgement means the same can be compared.\n\n";
  text += head({"", "acknowledged means", "record", "p50", "p99", "p99.9", "records/s", "bytes/s"});
  for (const uint64_t size : sizes_of(comparison, Measure::durable_latency)) {
    for (const std::string& name : names_of(comparison, Measure::durable_latency)) {
      const Outcome* latency = best_of(comparison, Measure::durable_latency, name, size);
      const Outcome* rate = best_of(comparison, Measure::durable_throughput, name, size);
      if (latency == nullptr || rate == nullptr) continue;
      const auto& ns = latency->figures.latency_ns->values;
      text +=
          row({name, comparison.of(*latency).acknowledgement, format_bytes(size),
               time_text(ns[1]) + spread_text(comparison, *latency), time_text(ns[3]),
               time_text(ns[4]), records_text(rate->headline()) + spread_text(comparison, *rate),
               bytes_text(*rate->figures.bytes_per_s)});
    }
  }
  return text + "\n";
}

std::string percent_behind(double factor) {
  return factor < 2 ? fmt::format("{:.0f} %", 100 * (factor - 1))
                    : fmt::format("{:.1f} times", factor);
}

std::string defeats_text(const Comparison& comparison) {
  std::string text = "## Where a rival is ahead of Ringmain\n\n";
  const std::vector<Defeat> defeats = defeats_of(comparison);
  if (defeats.empty())
    return text + "Nowhere in these tables, at p50, at p99, and in records/s.\n\n";
  text += head({"what", "size", "rival", "figure", "ahead by"});
  for (const Defeat& defeat : defeats) {
    text += row({name_of(defeat.rival->measure), format_bytes(defeat.rival->size_bytes),
                 comparison.of(*defeat.rival).label.name, defeat.figure,
                 percent_behind(defeat.factor)});
  }
  return text + "\n";
}

// "spinning: latency, throughput; blocking: throughput at 64 KiB" of a name that has variants.
std::string variants_shown(const Comparison& comparison, const std::string& name) {
  std::vector<std::pair<std::string, std::string>> shown;  // variant, where
  for (const Measure measure : all_measures) {
    const std::vector<uint64_t> sizes = sizes_of(comparison, measure);
    for (const Contestant& contestant : comparison.contestants) {
      if (contestant.label.name != name || contestant.label.variant.empty()) continue;
      std::string at;
      size_t count = 0;
      for (const uint64_t size : sizes) {
        const Outcome* best = best_of(comparison, measure, name, size);
        if (best == nullptr || comparison.of(*best).label.variant != contestant.label.variant)
          continue;
        at += (count++ == 0 ? "" : ", ") + format_bytes(size);
      }
      if (count == 0) continue;
      const std::string where =
          name_of(measure) + (count == sizes.size() ? std::string{} : " at " + at);
      const auto same = std::find_if(shown.begin(), shown.end(), [&](const auto& entry) {
        return entry.first == contestant.label.variant;
      });
      if (same == shown.end()) {
        shown.emplace_back(contestant.label.variant, where);
      } else {
        same->second += "; " + where;
      }
    }
  }
  std::string text;
  for (const auto& [variant, where] : shown)
    text += fmt::format("{}{} for {}", text.empty() ? "" : ". ", variant, where);
  return text.empty() ? text : ". The faster is shown: " + text;
}

std::string contestants_table(const Comparison& comparison) {
  std::string text =
      "## Who took part, and how\n\n" + row({"", "version", "settings"}) + "|---|---|---|\n";
  std::vector<std::pair<std::string, bool>> told;
  for (const Contestant& contestant : comparison.contestants) {
    const std::pair<std::string, bool> entry{contestant.label.name, contestant.is_log};
    if (std::find(told.begin(), told.end(), entry) != told.end()) continue;
    told.push_back(entry);
    const bool is_here = contestant.absence.empty();
    text += row(
        {contestant.label.name + (contestant.is_log ? " (log)" : ""),
         is_here ? contestant.version : contestant.absence,
         is_here ? contestant.label.settings +
                       (contestant.is_log ? "" : variants_shown(comparison, contestant.label.name))
                 : ""});
  }
  return text + "\n";
}

std::string machine_text(const Comparison& comparison) {
  const Machine& machine = comparison.machine;
  std::string text = fmt::format(
      "{}, {} cores, kernel {}, {}; {}; Ringmain {}. Processes on cores {}. Medians of {} runs in "
      "which all took turns, about "
      "{:.2g} s for each figure of a run. Durable: on {}.\n\n",
      machine.cpu, machine.core_count, machine.kernel, machine.system, machine.compiler,
      machine.commit, tools::to_text(comparison.cores), comparison.runs, comparison.measure_s,
      machine.disk);
  if (comparison.is_quick)
    text +=
        "A quick run: it shows that everything works and the order of magnitude. For figures that "
        "last, run `tools/compare` "
        "on a quiet machine.\n\n";
  return text;
}

}  // namespace

std::string to_markdown(const Comparison& comparison) {
  std::string text = "# Ringmain and others\n\n" + machine_text(comparison);
  if (!sizes_of(comparison, Measure::latency).empty()) text += latency_tables(comparison);
  if (!sizes_of(comparison, Measure::scheduled).empty()) text += schedule_table(comparison);
  if (!sizes_of(comparison, Measure::throughput).empty()) text += throughput_tables(comparison);
  if (!sizes_of(comparison, Measure::durable_latency).empty()) text += durable_table(comparison);
  text += defeats_text(comparison);
  return text + contestants_table(comparison);
}

}  // namespace ringmain::bench
