// The figures as text and as JSON.
#include <fmt/format.h>

#include "base/parse.hpp"
#include "cli/build_info.hpp"
#include "cli/table.hpp"
#include "kafka/figures.hpp"
#include "kafka/rdkafka.hpp"
#include "os/host.hpp"

namespace ringmain::bench {
namespace {

using Align = tools::Table::Align;
namespace json = tools::json;

std::vector<std::string> row_of(const char* name, const CpuShare& share) {
  return {name, fmt::format("{:.0f}", share.records_per_s), fmt::format("{:.0f} ns", share.broker_ns),
          fmt::format("{:.0f} ns", share.client_ns), fmt::format("{:.2f}", share.broker_ns / share.client_ns)};
}

std::vector<std::string> row_of(const char* name, const tools::Percentiles& ns) {
  std::vector<std::string> row{name};
  for (const double value : ns.values) row.push_back(fmt::format("{:.1f}", value / 1000));
  return row;
}

std::vector<std::string> ratio_row(const char* name, const tools::Percentiles& ratio) {
  std::vector<std::string> row{name};
  for (const double value : ratio.values) row.push_back(fmt::format("{:.2f}", value));
  return row;
}

json::object to_json(const CpuShare& share) {
  return {{"records_per_s", share.records_per_s},
          {"broker_cpu_ns_per_record", share.broker_ns},
          {"client_cpu_ns_per_record", share.client_ns},
          {"ratio", share.broker_ns / share.client_ns}};
}

json::object to_json(const tools::Percentiles& values) {
  json::object object;
  for (std::size_t i = 0; i < tools::Percentiles::count; ++i)
    object[tools::Percentiles::names[i]] = values.values[i];
  return object;
}

}  // namespace

std::string to_text(const KafkaPlan& plan, const KafkaFigures& figures) {
  std::string text = fmt::format("librdkafka {} against one broker on loopback, medians of {} runs\ncommit {}, {}, kernel {}\n",
                                 rd_version(), plan.runs, tools::commit(), os::cpu_model(), os::kernel_release());
  if (figures.produce || figures.fetch) {
    tools::Table table({{"1 KIB RECORDS"}, {"RECORDS/S", Align::right}, {"BROKER'S CPU EACH", Align::right},
                        {"CLIENT'S CPU EACH", Align::right}, {"RATIO", Align::right}});
    if (figures.produce) table.add(row_of("produce, acks=1", *figures.produce));
    if (figures.fetch) table.add(row_of("fetch", *figures.fetch));
    text += "\n" + table.text();
  }
  if (figures.round_trips) {
    const RoundTrips& trips = *figures.round_trips;
    std::vector<tools::Table::Column> columns{{"64 B, ROUND TRIP, US"}};
    for (const char* title : tools::Percentiles::titles) columns.push_back({title, Align::right});
    tools::Table table(columns);
    table.add(row_of("librdkafka, produce to delivery report", trips.library));
    table.add(row_of("bare Produce request", trips.bare));
    table.add(row_of("limit: TCP ping-pong, bytes as many", trips.limit));
    table.add(ratio_row("bare over the limit", tools::ratio_of(trips.bare, trips.limit)));
    text += "\n" + table.text();
  }
  if (figures.idle)
    text += fmt::format("\n{} idle connections: {:.1f} ms of the broker's CPU in 10 s, {} each\n", plan.connections,
                        figures.idle->cpu_ns_per_s / 1e5, format_bytes(static_cast<uint64_t>(figures.idle->bytes_each)));
  return text;
}

json::object to_json(const KafkaPlan& plan, const KafkaFigures& figures) {
  json::object object{{"bench", "kafka"}, {"commit", tools::commit()}, {"cpu", os::cpu_model()},
                      {"kernel", os::kernel_release()}, {"librdkafka", rd_version()}, {"runs", plan.runs}};
  if (figures.produce) object["produce"] = to_json(*figures.produce);
  if (figures.fetch) object["fetch"] = to_json(*figures.fetch);
  if (figures.round_trips)
    object["round_trip_ns"] = {{"librdkafka", to_json(figures.round_trips->library)},
                               {"bare", to_json(figures.round_trips->bare)},
                               {"limit", to_json(figures.round_trips->limit)}};
  if (figures.idle)
    object["idle"] = {{"connections", plan.connections},
                      {"broker_cpu_ns_per_s", figures.idle->cpu_ns_per_s},
                      {"bytes_each", figures.idle->bytes_each}};
  return object;
}

}  // namespace ringmain::bench
