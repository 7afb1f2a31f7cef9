#include "plan.hpp"

#include <algorithm>
#include <array>

#include "cast.hpp"

namespace ringmain::crash {

const char* action_name(Action action) {
  switch (action) {
    case Action::kill_one: return "kill one";
    case Action::kill_several: return "kill several";
    case Action::kill_broker: return "kill the broker";
    case Action::kill_over_unburied: return "kill the broker over unburied dead";
    case Action::kill_all: return "kill all";
    case Action::broker_away: return "broker away";
    case Action::die_at_point: return "die at a point";
    case Action::stop_at_point: return "stop at a point";
    case Action::broker_dies_at_point: return "broker dies at a point";
    case Action::hold_views: return "hold views";
    case Action::stop_some: return "stop some";
    case Action::leave_child: return "leave a child";
    case Action::full_memory: return "full memory";
  }
  return "?";
}

std::span<const Point> points() {
  static const std::vector<std::uint32_t> shared = {0, 1, 3};
  static const std::vector<std::uint32_t> appenders = {0, 1, 3, 4};
  static const std::vector<std::uint32_t> blocked = {2, 3, 4};
  static const std::vector<std::uint32_t> consumers = {5, 6, 7, 8, 9};
  static const std::vector<std::uint32_t> on_disk = {10, 11, 12};
  static const std::vector<std::uint32_t> waiting = {10, 11};  // until their records are on disk
  static const std::vector<std::uint32_t> from_disk = {13, 14, 15};
  static const std::vector<Point> list = {
      {"log.announced", shared, 1000, true},
      {"log.added", shared, 1000, true},
      {"log.claimed", shared, 1000, true},
      {"log.full", shared, 10, true},
      {"log.based", appenders, 5, true},
      {"append.written", appenders, 500, true},
      {"append.published", appenders, 1000, false},
      {"append.waiting", blocked, 1, false},
      {"sleep.marked", consumers, 20, false},
      {"reader.left", consumers, 20, false},
      {"log.claimed", on_disk, 200, false},
      {"log.based", on_disk, 2, false},
      {"append.written", on_disk, 200, false},
      {"durable.counted", waiting, 3, false},
      {"sleep.marked", from_disk, 20, false},
      {"reader.left", from_disk, 3, false},
      {"catalogue.put", {}, 1, false},
      {"catalogue.was_put", {}, 1, false},
      {"partition.create", {}, 1, false},
      {"partition.retire", {}, 20, false},
      {"partition.freed", {}, 20, false},
      {"partition.prepare", {}, 20, false},
      {"partition.repaired", {}, 1, false},
      {"broker.admitted", {}, 1, false},
      {"broker.attached", {}, 1, false},
      {"broker.detached", {}, 1, false},
      {"broker.buried", {}, 1, false},
      {"storage.group_submitted", {}, 20, false},
      {"storage.file_made", {}, 3, false},
      {"persister.marked", {}, 20, false},
      {"retention.announced", {}, 3, false},
      {"retention.indexes_gone", {}, 3, false},
      {"retention.log_gone", {}, 3, false},
  };
  return list;
}

Plan::Plan(std::uint64_t seed) : random_(seed) {
  for (const Point& point : points()) {
    musts_.push_back(at_point(point, point.actors.empty() ? Action::broker_dies_at_point : Action::die_at_point));
    if (point.stop) musts_.push_back(at_point(point, Action::stop_at_point));
  }
  // The points of the roll and of publishing are different code where there is one producer.
  for (const char* name : {"log.based", "append.written", "append.published"})
    musts_.push_back({Action::die_at_point, 4, name, 1 + random_.below(5), random_()});
  // Both kinds of broker's end at an attachment.
  for (const Action action : {Action::kill_one, Action::kill_several, Action::kill_broker, Action::kill_over_unburied,
                              Action::kill_all, Action::kill_all, Action::broker_away, Action::hold_views,
                              Action::hold_views, Action::stop_some, Action::leave_child, Action::full_memory})
    musts_.push_back({action, static_cast<std::uint32_t>(random_.below(kCast.size())), "", 1, random_()});
  for (std::size_t i = musts_.size(); i > 1; --i) std::swap(musts_[i - 1], musts_[random_.below(i)]);
}

Move Plan::next() {
  // Between two that must be made, some that are drawn.
  if (next_must_ < musts_.size() && random_.below(3) != 0) return musts_[next_must_++];
  return random_move();
}

Move Plan::at_point(const Point& point, Action action) {
  const std::uint32_t actor =
      point.actors.empty() ? 0 : point.actors[random_.below(point.actors.size())];
  return {action, actor, point.name, 1 + random_.below(point.often), random_()};
}

Move Plan::random_move() {
  static constexpr std::array<std::pair<Action, std::uint64_t>, 11> weights = {{
      {Action::kill_one, 30},
      {Action::kill_several, 15},
      {Action::kill_broker, 12},
      {Action::kill_over_unburied, 6},
      {Action::kill_all, 3},
      {Action::broker_away, 3},
      {Action::die_at_point, 15},
      {Action::stop_at_point, 5},
      {Action::broker_dies_at_point, 8},
      {Action::hold_views, 3},
      {Action::stop_some, 6},
  }};
  std::uint64_t sum = 0;
  for (const auto& [action, weight] : weights) sum += weight;
  std::uint64_t dice = random_.below(sum);
  Action chosen = Action::kill_one;
  for (const auto& [action, weight] : weights) {
    chosen = action;
    if (dice < weight) break;
    dice -= weight;
  }
  const bool by_point = chosen == Action::die_at_point || chosen == Action::stop_at_point ||
                        chosen == Action::broker_dies_at_point;
  if (!by_point) return {chosen, static_cast<std::uint32_t>(random_.below(kCast.size())), "", 1, random_()};
  std::vector<const Point*> fitting;
  for (const Point& point : points())
    if (point.actors.empty() == (chosen == Action::broker_dies_at_point) &&
        (chosen != Action::stop_at_point || point.stop))
      fitting.push_back(&point);
  return at_point(*fitting[random_.below(fitting.size())], chosen);
}

}  // namespace ringmain::crash
