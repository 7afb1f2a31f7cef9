#include "company.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <numeric>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "child.hpp"
#include "os/file.hpp"
#include "ringmain/bus.hpp"

namespace ringmain::crash {
namespace {

// Far more than a death, a restart and a roll take, also on a loaded machine: only what hangs
// takes longer.
constexpr std::int64_t kPatienceNs = 60'000'000'000;
constexpr useconds_t kPauseUs = 200;
volatile sig_atomic_t interrupted = 0;
void interrupt(int signal) { interrupted = signal; }

}  // namespace

std::uint64_t Tally::all_kills() const {
  return std::accumulate(kills.begin(), kills.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& entry) { return sum + entry.second; });
}

Company::Company(const std::string& folder, std::uint64_t seed)
    : folder_(folder), seed_(seed), stage_(open_stage_file(folder + "/stage", true)),
      brokers_(stage(), folder, tally_,
               [this](const std::function<bool()>& condition, const std::string& what) { wait_until(condition, what); }) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGINT, interrupt);
  ::signal(SIGTERM, interrupt);
  Stage& stage = this->stage();
  stage.campaign_pid = ::getpid();
  std::snprintf(stage.bus, sizeof(stage.bus), "%s/bus", folder.c_str());
  std::snprintf(stage.shm, sizeof(stage.shm), "%s/shm", folder.c_str());
  ::setenv(kStageVariable, (folder + "/stage").c_str(), 1);
  char self[4096];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof(self) - 1);
  ::setenv("RINGMAIN_PROGRAM", std::string(self, length > 0 ? static_cast<std::size_t>(length) : 0).c_str(), 1);
  // Before actors run: the broker's log and folders lie in the bus directory.
  if (!os::make_directories(stage.bus, 0700)) throw Failure{"cannot make the bus directory"};
}

Company::~Company() {
  stage().gate_closed.store(1);
  for (;;) {  // until there are no children: each turn kills those that there are
    for (const pid_t pid : children()) ::kill(pid, SIGKILL);
    if (::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) return;
    ::usleep(kPauseUs);
  }
}

std::vector<pid_t> Company::children() const {
  std::vector<pid_t> pids;
  std::ifstream list(fmt::format("/proc/{}/task/{}/children", ::getpid(), ::getpid()));
  for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  return pids;
}

void Company::start(std::uint32_t actor, const std::string& fault) {
  ActorSlot& slot = this->slot(actor);
  const Part part = actor < kCast.size()      ? kCast[actor]
                    : actor == kForkerPlace ? Part{Role::forker, false}
                                            : Part{Role::prober, true};
  slot.role = part.role;
  slot.life = ++lives_;
  slot.seed = SplitMix64(seed_ + lives_)();
  slot.autostart = part.autostart ? 1 : 0;
  slot.sleeps = fault.empty() ? 0 : 1;
  slot.stop.store(0);
  slot.hold.store(0);
  slot.corrupt.store(0);
  slot.holding.store(0);
  slot.verified.store(0);
  slot.child.store(0);
  slot.done.store(0);
  slot.bytes.store(0);
  slot.failed.store(0);
  slot.failure[0] = slot.doing[0] = '\0';
  slot.head.store(0);
  slot.tail.store(0);
  told_[actor] = 0;
  if (is_consumer(part.role)) {
    if (part.role == Role::reader_on_drop || part.role == Role::consumer_on_all) oracle_.starts(slot.life, log_of(kDrop, 0));
    if (part.role == Role::reader_on_block || part.role == Role::consumer_on_all) oracle_.starts(slot.life, log_of(kBlock, 0));
    if (part.role == Role::consumer_on_all) oracle_.starts(slot.life, log_of(kBlock, 1));
    if (part.role == Role::reader_on_single) oracle_.starts(slot.life, log_of(kSingle, 0));
    if (part.role == Role::reader_on_disk || part.role == Role::rereader_on_disk) oracle_.starts(slot.life, log_of(kDisk, 0));
    if (part.role == Role::reader_on_short) oracle_.starts(slot.life, log_of(kShort, 0));
  }
  pids_[actor] = start_self({"crash_campaign", "actor", std::to_string(actor)}, fault, folder_ + "/actors.log");
  if (pids_[actor] < 0) throw Failure{"cannot fork"};
}

void Company::start_all(const std::function<bool(Role)>& chosen) {
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    if (!is_alive(actor) && chosen(kCast[actor].role)) start(actor);
}

void Company::kill(std::uint32_t actor) {
  if (!is_alive(actor)) return;
  expected_.insert(pids_[actor]);
  ::kill(pids_[actor], SIGKILL);
  ++tally_.kills[role_name(slot(actor).role)];
}

void Company::await_death(std::uint32_t actor) {
  wait_until([&] { return !is_alive(actor); }, fmt::format("the death of actor {}", actor));
}

bool Company::is_stopped(std::uint32_t actor) const {
  return is_alive(actor) && state_of(pids_[actor]) == 'T';
}

void Company::stop(std::uint32_t actor) {
  ++tally_.stops[role_name(slot(actor).role)];
  const pid_t pid = pids_[actor];
  ::kill(pid, SIGSTOP);
  wait_until([&] { return state_of(pid) == 'T' || state_of(pid) == '-' || state_of(pid) == 'Z'; }, "a stop");
}

void Company::go_on(std::uint32_t actor) { ::kill(pids_[actor], SIGCONT); }

void Company::kill_child(pid_t pid) {
  expected_.insert(pid);
  ::kill(pid, SIGKILL);
}

void Company::reap() {
  for (;;) {  // a dead child a turn
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    on_death(pid, status);
  }
}

void Company::on_death(pid_t pid, int status) {
  for (std::uint32_t actor = 0; actor < kMaxActors; ++actor)
    if (pids_[actor] == pid) return on_actor_death(actor, pid, status);
  brokers_.on_death(pid, status, expected_.erase(pid) != 0);
}

void Company::on_actor_death(std::uint32_t actor, pid_t pid, int status) {
  carry(actor);
  ActorSlot& slot = this->slot(actor);
  pids_[actor] = 0;
  if (is_consumer(slot.role)) {
    if (forget_at_death_)
      oracle_.ends(slot.life);
    else
      dead_readers_.insert(slot.life);
  }
  const bool may_die = expected_.erase(pid) != 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (may_die || (WIFEXITED(status) && WEXITSTATUS(status) == 0 && slot.stop.load() != 0)) return;
  throw Failure{fmt::format("actor {} ({}, life {}) ended by itself: {}: {}\n{}", actor, role_name(slot.role),
                            slot.life, describe_end(status), slot.failed.load() != 0 ? slot.failure : "it said nothing",
                            tail_of(folder_ + "/actors.log", 5))};
}

void Company::forget_dead_readers(bool now) {
  forget_at_death_ = now;
  if (!now) return;
  for (const std::uint32_t life : dead_readers_) oracle_.ends(life);
  dead_readers_.clear();
}

// Whoever read something read it after it was intended: so first what readers had written by
// now, as a mark; then all intentions; then what readers saw up to the mark.
void Company::tick() {
  if (interrupted != 0) throw Failure{fmt::format("interrupted by signal {}", static_cast<int>(interrupted))};
  reap();
  std::array<std::uint64_t, kMaxActors> marks{};
  for (std::uint32_t actor = 0; actor < kMaxActors; ++actor)
    if (is_alive(actor) && is_consumer(slot(actor).role)) marks[actor] = slot(actor).head.load(std::memory_order_acquire);
  for (std::uint32_t actor = 0; actor < kMaxActors; ++actor)
    if (is_alive(actor) && is_producer(slot(actor).role))
      carry_intentions(actor, slot(actor).head.load(std::memory_order_acquire));
  for (std::uint32_t actor = 0; actor < kMaxActors; ++actor)
    if (is_alive(actor) && is_consumer(slot(actor).role)) carry_sights(actor, marks[actor]);
  for (std::uint32_t actor = 0; actor < kMaxActors; ++actor)
    if (is_alive(actor) && slot(actor).failed.load(std::memory_order_acquire) != 0)
      throw Failure{fmt::format("actor {} ({}): {}", actor, role_name(slot(actor).role), slot(actor).failure)};
  if (!oracle_.complaints().empty()) {
    std::string text;
    for (const std::string& complaint : oracle_.complaints()) text += (text.empty() ? "" : "\n") + complaint;
    throw Failure{text};
  }
}

// All that an actor has left, when it is dead.
void Company::carry(std::uint32_t actor) {
  ActorSlot& slot = this->slot(actor);
  const std::uint64_t head = slot.head.load(std::memory_order_acquire);
  if (is_producer(slot.role)) return carry_intentions(actor, head);
  for (std::uint32_t other = 0; other < kMaxActors; ++other)
    if (is_alive(other) && is_producer(this->slot(other).role))
      carry_intentions(other, this->slot(other).head.load(std::memory_order_acquire));
  if (is_consumer(slot.role)) carry_sights(actor, head);
}

void Company::carry_intentions(std::uint32_t actor, std::uint64_t until) {
  ActorSlot& slot = this->slot(actor);
  std::uint64_t tail = slot.tail.load(std::memory_order_relaxed);
  while (tail != until) {
    Entry& entry = slot.entry(tail);
    if (told_[actor] == tail) {
      oracle_.intends(slot.life, entry.log, entry.sequence, entry.count);
      ++told_[actor];
    }
    const Progress progress = entry.progress.load(std::memory_order_acquire);
    if (progress == Progress::intended) break;  // it is at it, or died over it
    settle(actor, entry, progress);
    ++tail;
  }
  slot.tail.store(tail, std::memory_order_release);
}

void Company::settle(std::uint32_t actor, Entry& entry, Progress progress) {
  const std::uint64_t packed = entry.offset.load(std::memory_order_relaxed);
  const auto log = static_cast<std::uint32_t>(packed >> 56);
  const std::uint64_t offset = packed & ((1ull << 56) - 1);
  const std::uint32_t life = slot(actor).life;
  switch (progress) {
    case Progress::acknowledged: return oracle_.acknowledged(life, log, offset);
    case Progress::aborted: return oracle_.aborted(life, log, offset);
    case Progress::aborted_here: return oracle_.aborted(life, log, std::nullopt);
    default: return oracle_.refused(life);
  }
}

void Company::carry_sights(std::uint32_t actor, std::uint64_t until) {
  ActorSlot& slot = this->slot(actor);
  std::uint64_t tail = slot.tail.load(std::memory_order_relaxed);
  for (; tail != until; ++tail) {
    const Entry& entry = slot.entry(tail);
    const std::uint64_t offset = entry.offset.load(std::memory_order_relaxed);
    if (entry.progress.load(std::memory_order_relaxed) == Progress::began_anew) {
      oracle_.starts(slot.life, entry.log);
      continue;
    }
    if (entry.progress.load(std::memory_order_relaxed) == Progress::lost) {
      oracle_.loses(slot.life, entry.log, offset);
      continue;
    }
    const bool spoilt = spoil_ != Spoil::nothing && oracle_.first_read(slot.life, entry.log).has_value();
    const Spoil how = spoilt ? std::exchange(spoil_, Spoil::nothing) : Spoil::nothing;
    if (how == Spoil::drop_a_record) continue;
    const Origin origin{entry.log / kMaxPartitions, entry.producer, entry.sequence};
    oracle_.reads(slot.life, entry.log, offset, origin);
    if (how == Spoil::repeat_a_record) oracle_.reads(slot.life, entry.log, offset, origin);
  }
  slot.tail.store(tail, std::memory_order_release);
}

void Company::run_for_us(std::int64_t us) {
  const std::int64_t until = now_steady_ns() + us * 1000;
  while (now_steady_ns() < until) {
    tick();
    ::usleep(kPauseUs);
  }
}

void Company::wait_until(const std::function<bool()>& condition, const std::string& what) {
  const std::int64_t give_up_ns = now_steady_ns() + kPatienceNs;
  for (;;) {  // until it holds, or patience is at its end
    tick();
    if (condition()) return;
    if (now_steady_ns() > give_up_ns) throw Failure{"the watchdog waited in vain for " + what};
    ::usleep(kPauseUs);
  }
}

void Company::await_progress(const std::function<bool(Role)>& chosen, const std::string& after) {
  std::array<std::uint64_t, kMaxActors> before{};
  std::array<pid_t, kMaxActors> who{};
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor) {
    if (!is_alive(actor) || !chosen(slot(actor).role) || is_stopped(actor)) continue;
    who[actor] = pids_[actor];
    before[actor] = slot(actor).done.load();
  }
  std::string stuck;
  const auto moved = [&] {
    stuck.clear();
    for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
      if (who[actor] != 0 && who[actor] == pids_[actor] && slot(actor).done.load() <= before[actor])
        stuck += fmt::format(" {} ({})", actor, role_name(slot(actor).role));
    return stuck.empty();
  };
  try {
    wait_until(moved, "progress");
  } catch (const Failure& failure) {
    if (stuck.empty() || !failure.text.starts_with("the watchdog")) throw;
    throw Failure{fmt::format("after \"{}\" these actors are stuck:{}", after, stuck)};
  }
}

std::uint64_t Company::bytes_sent(Role role) const {
  std::uint64_t sum = 0;
  for (std::uint32_t actor = 0; actor < kCast.size(); ++actor)
    if (kCast[actor].role == role) sum += slot(actor).bytes.load();
  return sum;
}

std::string Company::locks(const std::string& topic) const {
  BusOptions options;
  options.directory = stage().bus;
  options.autostart = false;
  options.client_id = "crash-campaign";
  return Bus::open(options).admin().describe_locks(topic);
}

void Company::print_everything() const {
  std::fprintf(stderr, "\n--- processes\n");
  for (std::uint32_t actor = 0; actor < kMaxActors; ++actor) {
    if (!is_alive(actor)) continue;
    const ActorSlot& slot = this->slot(actor);
    std::fprintf(stderr, "actor %u %-28s life %u pid %d state %c done %lu unread journal %lu %s%s\n", actor,
                 role_name(slot.role), slot.life, pids_[actor], state_of(pids_[actor]), slot.done.load(),
                 slot.head.load() - slot.tail.load(), slot.doing[0] != '\0' ? "waits to " : "", slot.doing);
  }
  std::fprintf(stderr, "broker %d state %c\n--- its log\n%s--- locks\n", brokers_.serving(), state_of(brokers_.serving()),
               tail_of(folder_ + "/bus/broker.log", 25).c_str());
  try {
    std::fprintf(stderr, "%s\n", locks("").c_str());
  } catch (const Exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

}  // namespace ringmain::crash
