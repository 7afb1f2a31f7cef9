// The drawings: percentiles of a latency, and rates by size; a curve for each name, as SVG.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/parse.hpp"
#include "compare/results.hpp"
#include "perf/svg.hpp"

namespace ringmain::bench {
namespace {

using tools::Svg;

constexpr double width = 960, height = 560;
constexpr double left = 90, right = 690, top = 92, bottom = 490;  // the legend stands on the right

// Told apart also by those who see colours differently.
constexpr const char* ours_colors[] = {"#0b62a4", "#4aa3df"};
constexpr const char* rival_colors[] = {"#d1622b", "#3a923a", "#c03d3e",
                                        "#9372b2", "#845b53", "#d684bd"};
constexpr const char* limit_color = "#777777";

struct Point {
  double x = 0;  // 0 to 1, from left to right
  double value = 0;
};

struct Curve {
  std::string name;
  Role role = Role::rival;
  std::vector<Point> points;
};

struct Axis {
  int least_decade = 0, most_decade = 1;

  double y(double value) const {
    return bottom -
           (bottom - top) * (std::log10(value) - least_decade) / (most_decade - least_decade);
  }
};

Axis axis_for(const std::vector<Curve>& curves) {
  double least = 1e300, most = 0;
  for (const Curve& curve : curves) {
    for (const Point& point : curve.points) {
      least = std::min(least, point.value);
      most = std::max(most, point.value);
    }
  }
  Axis axis;
  axis.least_decade = static_cast<int>(std::floor(std::log10(least)));
  axis.most_decade = std::max(static_cast<int>(std::ceil(std::log10(most))), axis.least_decade + 1);
  return axis;
}

double x_of(double share) {
  return left + (right - left) * share;
}

class Drawing {
 public:
  Drawing(const std::string& title, const std::string& what, const Comparison& comparison) {
    svg_.add(
        R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" )"
        R"(font-family="sans-serif" font-size="13" fill="#222">)",
        width, height);
    svg_.add(R"(<rect width="{}" height="{}" fill="#fff"/>)", width, height);
    svg_.add(R"(<text x="{:.1f}" y="32" font-size="18">{}</text>)", left, tools::escape(title));
    svg_.add(R"(<text x="{:.1f}" y="53" fill="#666">{}</text>)", left, tools::escape(what));
    svg_.add(R"(<text x="{:.1f}" y="72" fill="#666">{}</text>)", left,
             tools::escape(fmt::format("{}, kernel {}, commit {}; medians of {} runs",
                                       comparison.machine.cpu, comparison.machine.kernel,
                                       comparison.machine.commit, comparison.runs)));
  }

  template <class TextOf>
  void draw_axes(const Axis& axis, const std::vector<std::string>& ticks, const TextOf& text_of) {
    for (int decade = axis.least_decade; decade <= axis.most_decade; ++decade) {
      const double value = std::pow(10, decade);
      svg_.line(left, axis.y(value), right, axis.y(value), "#ccc");
      svg_.label(left - 8, axis.y(value) + 4, "end", text_of(value));
      for (int i = 2; i < 10 && decade < axis.most_decade; ++i)
        svg_.line(left, axis.y(value * i), right, axis.y(value * i), "#eee");
    }
    for (size_t i = 0; i < ticks.size(); ++i) {
      const double x = x_of(share_of(i, ticks.size()));
      svg_.line(x, top, x, bottom, "#ccc");
      svg_.label(x, bottom + 20, "middle", ticks[i]);
    }
    svg_.line(left, bottom, right, bottom, "#333");
    svg_.line(left, top, left, bottom, "#333");
  }

  void draw_curves(const Axis& axis, const std::vector<Curve>& curves) {
    size_t ours = 0, rivals = 0;
    double legend_y = top + 8;
    for (const Curve& curve : curves) {
      const char* color = curve.role == Role::ours ? ours_colors[ours++ % std::size(ours_colors)]
                          : curve.role == Role::limit
                              ? limit_color
                              : rival_colors[rivals++ % std::size(rival_colors)];
      const char* dashes = curve.role == Role::limit ? R"( stroke-dasharray="6 4")" : "";
      const double stroke = curve.role == Role::ours ? 3 : 1.8;
      std::string path;
      for (const Point& point : curve.points)
        path += fmt::format("{:.1f},{:.1f} ", x_of(point.x), axis.y(point.value));
      svg_.add(
          R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="{}"{} stroke-linejoin="round"/>)",
          path, color, stroke, dashes);
      for (const Point& point : curve.points)
        svg_.add(R"(<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>)", x_of(point.x),
                 axis.y(point.value), color);
      svg_.add(
          R"(<line x1="{0:.1f}" y1="{1:.1f}" x2="{2:.1f}" y2="{1:.1f}" stroke="{3}" stroke-width="{4}"{5}/>)",
          right + 20, legend_y, right + 48, color, stroke, dashes);
      svg_.label(right + 56, legend_y + 4, "start", curve.name);
      legend_y += 24;
    }
  }

  std::string finish() {
    svg_.add("</svg>");
    return svg_.take();
  }

  static double share_of(size_t index, size_t count) {
    return count < 2 ? 0.5 : static_cast<double>(index) / static_cast<double>(count - 1);
  }

 private:
  Svg svg_;
};

// Those of one measure that `points_of` has something for.
template <class PointsOf>
std::vector<Curve> curves_of(const Comparison& comparison, Measure measure,
                             const PointsOf& points_of) {
  std::vector<Curve> curves;
  for (const std::string& name : names_of(comparison, measure)) {
    Curve curve{name, Role::rival, points_of(name)};
    if (curve.points.empty()) continue;
    for (const Contestant& contestant : comparison.contestants)
      if (contestant.label.name == name) curve.role = contestant.label.role;
    curves.push_back(std::move(curve));
  }
  return curves;
}

}  // namespace

std::string plot_percentiles(const Comparison& comparison, Measure measure, uint64_t size_bytes) {
  constexpr size_t first = 1;                              // p50; the least says little
  constexpr size_t count = tools::Percentiles::count - 2;  // and the most even less
  const std::vector<Curve> curves = curves_of(comparison, measure, [&](const std::string& name) {
    std::vector<Point> points;
    if (const Outcome* outcome = best_of(comparison, measure, name, size_bytes);
        outcome != nullptr) {
      for (size_t i = 0; i < count; ++i)
        points.push_back({Drawing::share_of(i, count),
                          std::max(outcome->figures.latency_ns->values[first + i], 1.0)});
    }
    return points;
  });
  if (curves.empty()) return {};
  std::vector<std::string> ticks;
  for (size_t i = 0; i < count; ++i) {
    ticks.emplace_back(tools::Percentiles::titles[first + i]);
    ticks.back()[0] = 'p';
  }
  std::string title = name_of(measure);
  title[0] = 'L';
  if (measure == Measure::durable_latency) title = "Time until a record is acknowledged";
  Drawing drawing(fmt::format("{}, {}", title, format_bytes(size_bytes)),
                  "percentiles, on a log scale; less is better", comparison);
  const Axis axis = axis_for(curves);
  drawing.draw_axes(axis, ticks, [](double ns) { return format_duration_ns(std::llround(ns)); });
  drawing.draw_curves(axis, curves);
  return drawing.finish();
}

std::string plot_rates(const Comparison& comparison, Measure measure) {
  const std::vector<uint64_t> sizes = sizes_of(comparison, measure);
  const std::vector<Curve> curves = curves_of(comparison, measure, [&](const std::string& name) {
    std::vector<Point> points;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const Outcome* outcome = best_of(comparison, measure, name, sizes[i]);
      if (outcome != nullptr)
        points.push_back(
            {Drawing::share_of(i, sizes.size()), std::max(*outcome->figures.bytes_per_s, 1.0)});
    }
    return points;
  });
  if (curves.empty()) return {};
  std::vector<std::string> ticks;
  for (const uint64_t size : sizes) ticks.push_back(format_bytes(size));
  Drawing drawing(measure == Measure::throughput ? "Throughput, one producer, one consumer"
                                                 : "Durable throughput",
                  "bytes/s by size of the record, on a log scale; more is better", comparison);
  const Axis axis = axis_for(curves);
  drawing.draw_axes(axis, ticks, [](double per_s) {
    return per_s >= 1e9   ? fmt::format("{:.0f} GB/s", per_s / 1e9)
           : per_s >= 1e6 ? fmt::format("{:.0f} MB/s", per_s / 1e6)
                          : fmt::format("{:.0f} kB/s", per_s / 1e3);
  });
  drawing.draw_curves(axis, curves);
  return drawing.finish();
}

}  // namespace ringmain::bench
