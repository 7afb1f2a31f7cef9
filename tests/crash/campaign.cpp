#include "campaign.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/clock.hpp"
#include "content.hpp"
#include "ringmain/appender.hpp"
#include "ringmain/bus.hpp"
#include "ringmain/consumer.hpp"
#include "ringmain/reader.hpp"

namespace ringmain::crash {
namespace {

namespace json = boost::json;

const auto everybody = [](Role) { return true; };
const auto producers = [](Role role) { return is_producer(role); };
const auto consumers = [](Role role) { return is_consumer(role); };

// Several times the memory of the topic `drop`: whatever is not held is used again by then.
constexpr std::uint64_t kRoundsBytes = 3 << 20;
constexpr std::int64_t kLongestLeadUs = 20'000;  // between two moves

Bus open_as_client(const Stage& stage, bool autostart) {
  BusOptions options;
  options.directory = stage.bus;
  options.shm_directory = stage.shm;
  options.autostart = autostart;
  options.client_id = "crash-campaign";
  return Bus::open(options);
}

std::uint64_t start_of(std::uint32_t log, Bus bus) {
  const TopicPartition partition{topic_of(log).name, static_cast<std::int32_t>(log % kMaxPartitions)};
  return static_cast<std::uint64_t>(Consumer(bus).beginning_offsets({partition}).at(partition));
}

}  // namespace

void Campaign::run(std::uint64_t kills) {
  set_the_scene();
  while (company_.tally().all_kills() < kills || !plan_.covered_everything()) make(plan_.next());
  finish();
}

void Campaign::set_the_scene() {
  company_.brokers().start();
  company_.brokers().await();
  {
    Bus bus = open_as_client(company_.stage(), false);
    for (const Topic& topic : kTopics) bus.admin().create_topic(new_topic(topic));
  }
  company_.start_all(everybody);
  await_everybody("the start");
}

void Campaign::make(const Move& move) {
  std::string text = fmt::format("{:5} kills, {}: actor {}", company_.tally().all_kills(), action_name(move.action), move.actor);
  if (!move.point.empty()) text += fmt::format(", {} at passage {}", move.point, move.nth);
  trail_.push_back(text);
  Random random(move.seed);
  company_.run_for_us(static_cast<std::int64_t>(random.below(kLongestLeadUs)));
  switch (move.action) {
    case Action::kill_one: kill_one(move.actor); break;
    case Action::kill_several: kill_several(random); break;
    case Action::kill_broker: kill_broker(random); break;
    case Action::kill_over_unburied: kill_over_unburied(random); break;
    case Action::kill_all: kill_all(random); break;
    case Action::broker_away: broker_away(random); break;
    case Action::die_at_point: die_at_point(move); break;
    case Action::stop_at_point: stop_at_point(move, random); break;
    case Action::broker_dies_at_point: broker_dies_at_point(move, random); break;
    case Action::hold_views: hold_views(5 + move.actor % 3, random); break;
    case Action::stop_some: stop_some(random); break;
    case Action::leave_child: leave_child(random); break;
    case Action::full_memory: full_memory(random); break;
  }
  await_everybody(text);
}

void Campaign::finish() {
  trail_.push_back("the end");
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    if (is_producer(kCast[actor].role)) company_.slot(actor).stop.store(1);
  company_.wait_until(
      [&] {
        for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
          if (is_producer(kCast[actor].role) && company_.is_alive(actor)) return false;
        return true;
      },
      "the producers to end");
  company_.wait_until([&] { return company_.oracle().all_caught_up(); }, "the consumers to read everything");
  company_.oracle().conclude();
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor) company_.slot(actor).stop.store(1);
  company_.wait_until(
      [&] {
        for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
          if (company_.is_alive(actor)) return false;
        return true;
      },
      "the consumers to end");
}

void Campaign::await_everybody(const std::string& after) { company_.await_progress(everybody, after); }

void Campaign::await_other_producers(std::uint32_t except, const std::string& after) {
  const Role stopped = kCast[except].role;
  // On its own topic only those of `drop` get on for ever.
  company_.await_progress(
      [&](Role role) {
        const bool blocked = stopped != Role::appender_on_drop &&
                             (role == stopped || role == Role::producer_on_block || role == Role::appender_on_block);
        return is_producer(role) && !blocked;
      },
      after);
}

void Campaign::await_sent_on_drop(std::uint64_t bytes, const std::string& after) {
  const std::uint64_t before = company_.bytes_sent(Role::appender_on_drop);
  company_.wait_until([&] { return company_.bytes_sent(Role::appender_on_drop) >= before + bytes; },
                      "producers on drop to go on while there is " + after);
}

void Campaign::next_broker(Random& random) {
  bool others_will = false;
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    others_will |= kCast[actor].autostart && company_.is_alive(actor) && !company_.is_stopped(actor);
  if (random.below(2) == 0 || !others_will) company_.brokers().start();
  company_.brokers().await();
}

void Campaign::kill_one(std::uint32_t actor) {
  company_.kill(actor);
  company_.await_death(actor);
  company_.start(actor);
}

void Campaign::kill_several(Random& random) {
  std::vector<std::uint32_t> dead;
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    if (random.below(3) == 0) dead.push_back(actor);
  const bool broker_too = random.below(3) == 0;
  for (const std::uint32_t actor : dead) company_.kill(actor);
  if (broker_too) company_.brokers().kill();
  for (const std::uint32_t actor : dead) company_.await_death(actor);
  if (broker_too && random.below(2) == 0) company_.brokers().start();
  for (const std::uint32_t actor : dead) company_.start(actor);
  if (broker_too) company_.brokers().await();
}

void Campaign::kill_broker(Random& random) {
  company_.brokers().kill();
  next_broker(random);
}

void Campaign::kill_over_unburied(Random& random) {
  company_.brokers().stop();
  std::vector<std::uint32_t> dead;
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    if (random.below(4) == 0) dead.push_back(actor);
  for (const std::uint32_t actor : dead) company_.kill(actor);
  for (const std::uint32_t actor : dead) company_.await_death(actor);
  const bool replaced_before = random.below(2) == 0;
  if (replaced_before)
    for (const std::uint32_t actor : dead) company_.start(actor);
  company_.brokers().kill();
  next_broker(random);
  if (!replaced_before)
    for (const std::uint32_t actor : dead) company_.start(actor);
}

// Shared memory outlives all processes: what was acknowledged, or seen, is there for new readers.
void Campaign::kill_all(Random& random) {
  if (random.below(2) == 0) {  // producers of `block` and `single` come to wait for memory
    for (const std::uint32_t reader : {7u, 8u, 9u}) company_.stop(reader);
    company_.run_for_us(100'000);
  }
  company_.forget_dead_readers(false);
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor) company_.kill(actor);
  company_.run_for_us(static_cast<std::int64_t>(random.below(20'000)));  // to bury some, and to give away what they held
  company_.brokers().kill();
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor) company_.await_death(actor);
  Oracle& oracle = company_.oracle();
  const std::array<std::uint32_t, 4> kept = {log_of(kBlock, 0), log_of(kBlock, 1), log_of(kSingle, 0), log_of(kDisk, 0)};
  // Once the slower of two readers is dead and buried, what the other has passed may go.
  std::map<std::uint32_t, std::optional<std::uint64_t>> unread;
  for (const std::uint32_t log : kept) unread[log] = oracle.furthest(log);
  company_.forget_dead_readers(true);

  company_.start_all(consumers);
  next_broker(random);
  // One may have read everything before the next is attached, which then finds less, or nothing. And a log whose readers
  // had all come to its newest segment, in which there was no record yet, holds none.
  const std::int64_t ask_ns = now_steady_ns() + 5'000'000'000;
  const auto is_read = [&](std::uint32_t log) {
    return !oracle.furthest(log) && now_steady_ns() > ask_ns &&
           start_of(log, open_as_client(company_.stage(), false)) >= oracle.known_end(log);
  };
  company_.wait_until([&] { return std::ranges::all_of(oracle.unread(), is_read); },
                      "new readers to find what was published before");
  for (const std::uint32_t log : kept) {
    const std::uint64_t first = oracle.first_read(log).value_or(oracle.known_end(log));
    if (!unread[log] || first <= *unread[log]) continue;
    if (const std::uint64_t gone = oracle.records_between(log, *unread[log], first); gone != 0)
      throw Failure{fmt::format("after all were killed {} records of log {} from offset {} on are gone: nobody had read "
                                "them, and the topic drops none",
                                gone, log, *unread[log])};
  }
  company_.start_all(producers);
}

void Campaign::broker_away(Random& random) {
  company_.brokers().await();
  company_.brokers().close_gate();
  std::uint64_t before = 0, after = 0;
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    if (is_producer(kCast[actor].role)) before += company_.slot(actor).done.load();
  company_.run_for_us(static_cast<std::int64_t>(50'000 + random.below(150'000)));
  if (company_.brokers().serving() != 0) throw Failure{"a broker serves although the gate is closed"};
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    if (is_producer(kCast[actor].role)) after += company_.slot(actor).done.load();
  company_.tally().published_without_broker += after - before;
  if (random.below(2) == 0) {
    const auto actor = static_cast<std::uint32_t>(random.below(kCast.size()));
    company_.kill(actor);
    company_.await_death(actor);
    company_.start(actor);
  }
  company_.brokers().open_gate();
  next_broker(random);
}

void Campaign::die_at_point(const Move& move) {
  company_.kill(move.actor);
  company_.await_death(move.actor);
  company_.start(move.actor, fmt::format("{}:kill:{}", move.point, move.nth));
  company_.expect_fault(move.actor);
  if (move.point == "append.waiting") {
    // Producers of `block` and `single` wait for memory while nobody reads on.
    std::vector<std::uint32_t> slow = {7, 8};
    if (move.actor == 4) slow = {9};
    for (const std::uint32_t reader : slow) company_.stop(reader);
    company_.await_death(move.actor);
    for (const std::uint32_t reader : slow) company_.go_on(reader);
  }
  company_.wait_until([&] { return !company_.is_alive(move.actor); },
                      fmt::format("actor {} to die at {}", move.actor, move.point));
  ++company_.tally().kills[role_name(kCast[move.actor].role)];
  ++company_.tally().points[move.point + ":kill"];
  company_.start(move.actor);
}

void Campaign::stop_at_point(const Move& move, Random& random) {
  company_.kill(move.actor);
  company_.await_death(move.actor);
  company_.start(move.actor, fmt::format("{}:stop:{}", move.point, move.nth));
  company_.wait_until([&] { return company_.is_stopped(move.actor); },
                      fmt::format("actor {} to stop at {}", move.actor, move.point));
  ++company_.tally().points[move.point + ":stop"];
  ++company_.tally().stops[role_name(kCast[move.actor].role)];
  demand_in_locks(move.actor, move.point);
  const std::string after = fmt::format("a producer stopped at {}", move.point);
  await_sent_on_drop(kRoundsBytes, after);
  await_other_producers(move.actor, after);
  if (random.below(3) == 0) {
    if (random.below(2) == 0) company_.brokers().kill();
    company_.brokers().await();
    await_other_producers(move.actor, after);
  }
  if (random.below(3) == 0) return kill_one(move.actor);  // the operator evicts it
  company_.go_on(move.actor);
}

// The operator finds out who holds things up.
void Campaign::demand_in_locks(std::uint32_t actor, const std::string& point) {
  const char* topic = kCast[actor].role == Role::appender_on_drop ? "drop"
                      : kCast[actor].role == Role::appender_on_block ? "block"
                                                                     : "single";
  const bool shared = kCast[actor].role != Role::appender_on_single;
  const bool claimed = point == "log.claimed" || point == "append.written";
  const std::string text = company_.locks(topic);
  const json::value locks = json::parse(text);
  for (const auto& partition : locks.at("partitions").as_array())
    for (const auto& producer : partition.at("producers").as_array()) {
      if (producer.at("pid") != company_.pid(actor)) continue;
      const std::string intent = shared ? (claimed ? "claimed" : "about") : "idle";
      if (producer.at("process_state").as_string() == "stopped" && producer.at("intent").as_string() == intent) return;
    }
  throw Failure{fmt::format("actor {} (pid {}) is stopped at {}, and describe_locks does not say so: {}", actor,
                            company_.pid(actor), point, text)};
}

void Campaign::broker_dies_at_point(const Move& move, Random& random) {
  company_.brokers().arm(fmt::format("{}:kill:{}", move.point, move.nth));
  if (random.below(2) == 0) company_.brokers().start();
  // What makes a broker pass its points: topics, deaths, attachments.
  company_.start(kProberPlace);
  std::int64_t pause_us = 20'000;
  company_.wait_until(
      [&] {
        if (company_.brokers().hit_fault()) return true;
        kill_one(static_cast<std::uint32_t>(random.below(kCast.size())));
        company_.run_for_us(pause_us);
        // Less and less often: who is killed before it gets anywhere fills no segment.
        pause_us = std::min<std::int64_t>(pause_us + pause_us / 16, 1'000'000);
        return false;
      },
      "a broker to come to " + move.point);
  ++company_.tally().points[move.point + ":kill"];
  company_.slot(kProberPlace).stop.store(1);
  company_.await_death(kProberPlace);
  company_.brokers().disarm();
  next_broker(random);
}

void Campaign::hold_views(std::uint32_t actor, Random& random) {
  ActorSlot& slot = company_.slot(actor);
  const std::uint32_t verified = slot.verified.load();
  slot.hold.store(1);
  company_.wait_until([&] { return slot.holding.load() != 0; }, "a consumer to hold views");
  company_.tally().views_held += slot.holding.load();
  company_.stop(actor);
  await_sent_on_drop(kRoundsBytes, "a stopped consumer with views");
  if (random.below(2) == 0) {
    kill_broker(random);
    await_sent_on_drop(kRoundsBytes, "a stopped consumer with views, and a new broker");
  }
  company_.go_on(actor);
  slot.hold.store(0);
  company_.wait_until([&] { return slot.verified.load() > verified; }, "a consumer to verify what it held");
}

void Campaign::stop_some(Random& random) {
  std::vector<std::uint32_t> stopped;
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    if (random.below(4) == 0) stopped.push_back(actor);
  const bool broker_too = random.below(3) == 0;
  for (const std::uint32_t actor : stopped) company_.stop(actor);
  if (broker_too) company_.brokers().stop();
  company_.run_for_us(static_cast<std::int64_t>(random.below(60'000)));
  if (broker_too) company_.brokers().go_on();
  for (const std::uint32_t actor : stopped) company_.go_on(actor);
}

// The dead parent's descriptors, locks and mappings live on in its child; its claim must not.
void Campaign::leave_child(Random& random) {
  company_.start(kForkerPlace);
  const ActorSlot& slot = company_.slot(kForkerPlace);
  company_.wait_until([&] { return slot.done.load() != 0; }, "a producer with a child");
  const std::string parent = fmt::format("\"pid\":{},", company_.pid(kForkerPlace));
  const pid_t child = slot.child.load();
  company_.kill(kForkerPlace);
  company_.await_death(kForkerPlace);
  if (random.below(2) == 0) kill_broker(random);
  company_.wait_until([&] { return company_.locks("drop").find(parent) == std::string::npos; },
                      "the broker to bury a producer whose child lives");
  company_.await_progress(consumers, "a producer died over its claim, and its child lives");
  if (::kill(child, 0) != 0) throw Failure{"the child was to live, and is dead"};
  company_.kill_child(child);
}

void Campaign::full_memory(Random& random) {
  company_.brokers().arm("os.allocate:enospc:1+");
  next_broker(random);
  const std::string name = fmt::format("space-{}", ++spare_topics_);
  {
    Bus bus = open_as_client(company_.stage(), true);
    NewTopic topic;
    topic.name = name;
    topic.configs = {{"storage", "memory"}};
    bus.admin().create_topic(topic);
    try {
      Appender appender(bus, {name, 0});
      throw Failure{"a partition without memory was attached"};
    } catch (const Exception& error) {
      if (error.code() != ErrorCode::no_space) throw Failure{fmt::format("no memory, and the error is: {}", error.what())};
    }
  }
  // The disk is full, too: who writes there comes to wait.
  company_.await_progress([](Role role) { return !is_on_disk(role); }, "the memory is full");
  ++company_.tally().points["os.allocate:enospc"];
  company_.brokers().disarm();
  next_broker(random);
  Bus bus = open_as_client(company_.stage(), true);
  Appender(bus, {name, 0}).append("room");
  if (Reader(bus, {name, 0}).next(std::chrono::seconds(10)) != "room")
    throw Failure{"a record of a partition that got its memory late is not there"};
  bus.admin().delete_topic(name);
}

void Campaign::run_canary(Canary canary) {
  set_the_scene();
  if (canary == Canary::flip_a_byte) company_.slot(0).corrupt.store(1);
  if (canary == Canary::drop_a_record) company_.spoil(Spoil::drop_a_record);
  if (canary == Canary::repeat_a_record) company_.spoil(Spoil::repeat_a_record);
  for (int turn = 0; turn < 20; ++turn) await_everybody("a canary");
  finish();
}

std::string Campaign::trail() const {
  std::string text;
  for (std::size_t i = trail_.size() > 12 ? trail_.size() - 12 : 0; i < trail_.size(); ++i) text += trail_[i] + "\n";
  return text;
}

void Campaign::print_summary() const {
  const Tally& tally = company_.tally();
  const Counts& counts = company_.oracle().counts();
  std::uint64_t stops = 0;
  for (const auto& [role, count] : tally.stops) stops += count;
  fmt::print("kills {}\n", tally.all_kills());
  for (const auto& [role, count] : tally.kills) fmt::print("  {:6}  {}\n", count, role);
  fmt::print("stops {}\n", stops);
  for (const auto& [role, count] : tally.stops) fmt::print("  {:6}  {}\n", count, role);
  fmt::print("fault points hit: {}\n", tally.points.size());
  for (const auto& [point, count] : tally.points) fmt::print("  {:6}  {}\n", count, point);
  fmt::print(
      "records checked\n"
      "  {:10}  intended, before they were sent\n"
      "  {:10}  acknowledged, each found at its offset\n"
      "  {:10}  read, with content, order and place right\n"
      "  {:10}  told as lost (drop-oldest)\n"
      "  {:10}  of them on disk (retention, trims)\n"
      "  {:10}  void offsets: aborts and dead producers' claims\n"
      "  {:10}  in flight at a death and there, whole and once\n"
      "  {:10}  in flight at a death and nowhere\n"
      "  {:10}  published while there was no broker\n"
      "  {:10}  views held over a stop and intact\n"
      "brokers that served: {}\n",
      counts.intended, counts.acknowledged, counts.read, counts.lost, counts.lost_on_disk, counts.void_offsets, counts.in_flight_found,
      counts.in_flight_gone, tally.published_without_broker, tally.views_held, company_.stage().brokers_served.load());
}

}  // namespace ringmain::crash
