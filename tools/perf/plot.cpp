// Drawing by hand: axes, grid, two curves, a legend.
#include "perf/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "base/parse.hpp"
#include "perf/svg.hpp"

namespace ringmain::tools {
namespace {

constexpr double width = 960, height = 560;
constexpr double left = 90, right = 930, top = 98, bottom = 490;

struct Point {
  double nines = 0;  // 1 at 90 %, 2 at 99 %
  double ns = 0;
};

// One point for each bucket that is not empty, at the share of records that it completes. The
// last one stands half a record before 100 %, which lies infinitely far to the right.
std::vector<Point> points_of(const metrics::Histogram& histogram) {
  std::vector<Point> points;
  const auto total = static_cast<double>(histogram.count());
  double seen = 0;
  for (size_t i = 0; i < metrics::Histogram::buckets; ++i) {
    const auto bucket = histogram.bucket(i);
    if (bucket.count == 0) continue;
    const auto ns = static_cast<double>(
        std::clamp<uint64_t>(bucket.largest, 1, std::max<uint64_t>(histogram.max(), 1)));
    points.push_back({-std::log10(1 - seen / total), ns});
    seen += static_cast<double>(bucket.count);
    points.push_back({-std::log10(std::max(1 - seen / total, 0.5 / total)), ns});
  }
  return points;
}

struct Axes {
  double most_nines = 1;
  int least_decade = 0, most_decade = 1;

  double x(double nines) const { return left + (right - left) * nines / most_nines; }
  double y(double ns) const {
    const double share = (std::log10(ns) - least_decade) / (most_decade - least_decade);
    return bottom - (bottom - top) * share;
  }
};

Axes axes_for(const std::vector<Point>& a, const std::vector<Point>& b) {
  Axes axes;
  double least = 1e12, most = 1;
  for (const auto* points : {&a, &b}) {
    for (const Point& point : *points) {
      axes.most_nines = std::max(axes.most_nines, point.nines);
      least = std::min(least, point.ns);
      most = std::max(most, point.ns);
    }
  }
  axes.least_decade = static_cast<int>(std::floor(std::log10(std::min(least, most))));
  axes.most_decade = std::max(static_cast<int>(std::ceil(std::log10(most))), axes.least_decade + 1);
  return axes;
}

// "90 %", "99.9 %"
std::string percent_of(int nines) {
  if (nines == 0) return "0 %";
  if (nines == 1) return "90 %";
  return nines == 2 ? "99 %" : "99." + std::string(static_cast<size_t>(nines - 2), '9') + " %";
}

void draw_axes(Svg& svg, const Axes& axes) {
  for (int decade = axes.least_decade; decade <= axes.most_decade; ++decade) {
    const double ns = std::pow(10, decade);
    svg.line(left, axes.y(ns), right, axes.y(ns), "#ccc");
    svg.label(left - 8, axes.y(ns) + 4, "end", format_duration_ns(std::llround(ns)));
    for (int i = 2; i < 10 && decade < axes.most_decade; ++i) {
      svg.line(left, axes.y(ns * i), right, axes.y(ns * i), "#eee");
    }
  }
  for (int nines = 0; nines <= static_cast<int>(axes.most_nines); ++nines) {
    svg.line(axes.x(nines), top, axes.x(nines), bottom, "#ccc");
    svg.label(axes.x(nines), bottom + 20, "middle", percent_of(nines));
  }
  svg.line(left, bottom, right, bottom, "#333");
  svg.line(left, top, left, bottom, "#333");
  svg.label((left + right) / 2, bottom + 46, "middle",
            "share of records that took at most so long");
  svg.add(
      R"svg(<text transform="translate(22 {:.1f}) rotate(-90)" text-anchor="middle">one-way latency (log scale)</text>)svg",
      (top + bottom) / 2);
}

void draw_curve(Svg& svg, const Axes& axes, const std::vector<Point>& points, const char* color) {
  std::string path;
  for (const Point& point : points) {
    fmt::format_to(std::back_inserter(path), "{:.1f},{:.1f} ", axes.x(point.nines),
                   axes.y(point.ns));
  }
  svg.add(
      R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-linejoin="round"/>)",
      path, color);
}

void draw_legend(Svg& svg, double y, const std::string& name, const char* color) {
  svg.add(
      R"(<line x1="{0:.1f}" y1="{1:.1f}" x2="{2:.1f}" y2="{1:.1f}" stroke="{3}" stroke-width="3"/>)",
      left + 16, y, left + 46, color);
  svg.label(left + 54, y + 4, "start", name);
}

}  // namespace

std::string plot_latency(const PlotText& text, const Curve& measured, const Curve& limit) {
  constexpr const char* measured_color = "#0b62a4";
  constexpr const char* limit_color = "#d1622b";
  const auto measured_points = points_of(measured.histogram),
             limit_points = points_of(limit.histogram);
  const Axes axes = axes_for(measured_points, limit_points);
  Svg svg;
  svg.add(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}")"
      R"( font-family="sans-serif" font-size="13" fill="#222">)",
      width, height);
  svg.add(R"(<rect width="{}" height="{}" fill="#fff"/>)", width, height);
  svg.add(R"(<text x="{:.1f}" y="34" font-size="18">{}</text>)", left, escape(text.title));
  svg.add(R"(<text x="{:.1f}" y="56" fill="#666">{}</text>)", left, escape(text.what));
  svg.add(R"(<text x="{:.1f}" y="75" fill="#666">{}</text>)", left, escape(text.machine));
  draw_axes(svg, axes);
  draw_curve(svg, axes, limit_points, limit_color);
  draw_curve(svg, axes, measured_points, measured_color);
  draw_legend(svg, top + 20, measured.name, measured_color);
  draw_legend(svg, top + 42, limit.name, limit_color);
  svg.add("</svg>");
  return svg.take();
}

}  // namespace ringmain::tools
