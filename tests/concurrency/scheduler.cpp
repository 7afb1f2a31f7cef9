#include "concurrency/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace ringmain {

// In this program a broken invariant of the log is a finding of the scheduler, with its trace.
void assertion_failed(const char* expression, const char* file, int line) noexcept {
  if (auto* scheduler = sim::Scheduler::current())
    scheduler->fail(fmt::format("{}:{}: assertion failed: {}", file, line, expression));
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace ringmain

namespace ringmain::sim {
namespace {

constexpr std::size_t kStackBytes = 128 * 1024;
// The steps that a failure prints; RINGMAIN_TRACE=N asks for more.
std::size_t trace_steps() {
  static const std::size_t steps = [] {
    const char* text = std::getenv("RINGMAIN_TRACE");
    return text == nullptr ? std::size_t{64}
                           : static_cast<std::size_t>(std::strtoull(text, nullptr, 10));
  }();
  return steps;
}
constexpr std::size_t kBufferMost = 24;

Scheduler* g_current = nullptr;

// Stacks are used again: a schedule lasts about a millisecond.
std::vector<std::unique_ptr<char[]>>& spare_stacks() {
  static std::vector<std::unique_ptr<char[]>> stacks;
  return stacks;
}

}  // namespace

Scheduler* Scheduler::current() noexcept {
  return g_current != nullptr && g_current->running_ >= 0 ? g_current : nullptr;
}

Scheduler::Scheduler(Options options, Observer& observer)
    : options_(std::move(options)), observer_(observer), random_(options_.seed) {
  trace_.reserve(trace_steps());
  for (int i = 0; i + 1 < options_.pct_depth; ++i)
    demotions_.push_back(random_.below(options_.pct_length));
}

Scheduler::~Scheduler() {
  for (auto& thread : threads_) spare_stacks().push_back(std::move(thread->stack));
}

int Scheduler::spawn(std::string name, std::function<void()> body) {
  auto thread = std::make_unique<Thread>();
  thread->name = std::move(name);
  thread->body = std::move(body);
  if (spare_stacks().empty()) {
    thread->stack = std::make_unique<char[]>(kStackBytes);
  } else {
    thread->stack = std::move(spare_stacks().back());
    spare_stacks().pop_back();
  }
  thread->priority = 1000 + static_cast<std::int64_t>(random_.below(1000));
  getcontext(&thread->context);
  thread->context.uc_stack.ss_sp = thread->stack.get();
  thread->context.uc_stack.ss_size = kStackBytes;
  thread->context.uc_link = nullptr;
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&thread->context, reinterpret_cast<void (*)()>(&Scheduler::enter), 2,
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  threads_.push_back(std::move(thread));
  return static_cast<int>(threads_.size()) - 1;
}

void Scheduler::enter(unsigned high, unsigned low) {
  auto* self = reinterpret_cast<Scheduler*>(std::uintptr_t{high} << 32 | low);
  auto& thread = *self->threads_[index(self->running_)];
  thread.body();
  thread.state = State::finished;
  self->reschedule();  // does not return
}

void Scheduler::run() {
  g_current = this;
  apply_plans();
  const int first = choose();
  if (first >= 0) {
    running_ = first;
    swapcontext(&main_, &threads_[index(first)]->context);
  }
  running_ = -1;
  g_current = nullptr;
}

void Scheduler::leave() {
  const int from = running_;
  swapcontext(&threads_[index(from)]->context, &main_);
}

void Scheduler::fail(const std::string& what) {
  if (failure_.empty())
    failure_ =
        fmt::format("{}: {}", running_ >= 0 ? threads_[index(running_)]->name : "scheduler", what);
  if (running_ < 0) return;
  for (;;) leave();  // nobody comes back here
}

bool Scheduler::is_live(int thread) const noexcept {
  const State state = threads_[index(thread)]->state;
  return state != State::killed && state != State::finished;
}

// ---- choosing ---------------------------------------------------------------------------------

void Scheduler::point(const char* what, const void* address, std::uint64_t value) {
  auto& thread = *threads_[index(running_)];
  ++thread.steps;
  ++steps_;
  ++idle_steps_;
  maybe_drain();
  if (!options_.plans.empty()) apply_plans();
  if (idle_steps_ > options_.max_idle_steps && !thaw_one())
    fail("nobody gets on any more (livelock)");
  reschedule();
  Step step{running_, what, address, value, 0};
  trace_at_ = steps_ % trace_steps();
  if (trace_at_ >= trace_.size()) trace_.resize(trace_at_ + 1);
  trace_[trace_at_] = step;
}

void Scheduler::note_value(std::uint64_t value, std::uint64_t result) noexcept {
  if (trace_.empty()) return;
  trace_[trace_at_].value = value;
  trace_[trace_at_].result = result;
}

void Scheduler::apply_plans() {
  for (auto it = options_.plans.begin(); it != options_.plans.end();) {
    auto& thread = *threads_[index(it->thread)];
    if (it->what == Plan::What::kill_at_claim || thread.steps < it->at || !is_live(it->thread)) {
      ++it;
      continue;
    }
    if (it->what == Plan::What::kill) {
      kill(it->thread);
    } else if (thread.state == State::ready) {
      thread.state = State::frozen;
      ++freezes_;
    } else {
      ++it;
      continue;
    }
    it = options_.plans.erase(it);
  }
}

// A process that dies: its stores reach memory, and it never runs again.
void Scheduler::kill(int thread) {
  if (!is_live(thread)) return;
  drain_all(thread);
  threads_[index(thread)]->state = State::killed;
  ++kills_;
  ++version_;
  progress();
}

void Scheduler::made_claim(int thread) {
  const std::uint64_t number = threads_[index(thread)]->claims++;
  for (const Plan& plan : options_.plans)
    if (plan.what == Plan::What::kill_at_claim && plan.thread == thread && plan.at == number)
      return kill(thread);
}

bool Scheduler::thaw_one() {
  for (auto& thread : threads_) {
    if (thread->state != State::frozen) continue;
    thread->state = State::ready;
    idle_steps_ = 0;
    return true;
  }
  return false;
}

bool Scheduler::end_idle_wait() {
  for (auto& thread : threads_) {
    if (thread->state != State::waiting || !thread->waits_for_idle) continue;
    thread->waits_for_idle = false;
    return true;
  }
  return false;
}

void Scheduler::check_idle() {
  if (!idle_check_) return;
  for (auto& thread : threads_)
    if (thread->state == State::frozen) return;
  g_current = nullptr;  // the check looks at memory as it is
  const std::string wrong = idle_check_();
  g_current = this;
  if (!wrong.empty()) fail(wrong);
}

bool Scheduler::time_out_one() {
  for (auto& thread : threads_) {
    if (thread->state != State::waiting || thread->futex == nullptr) continue;
    thread->timed_out = thread->woken = true;
    return true;
  }
  return false;
}

int Scheduler::choose() {
  for (;;) {  // each turn drains, thaws or times out something, or returns
    int ready[32];
    int count = 0;
    bool alive = false;
    for (int i = 0; i < static_cast<int>(threads_.size()); ++i) {
      auto& thread = *threads_[index(i)];
      alive |= is_live(i);
      if (thread.state == State::waiting && thread.condition()) {
        thread.state = State::ready;
        thread.condition = nullptr;
      }
      if (thread.state == State::ready) ready[count++] = i;
    }
    if (!alive) {
      for (int i = 0; i < static_cast<int>(threads_.size()); ++i) drain_all(i);
      return -1;
    }
    if (count > 0) {
      if (options_.strategy == Strategy::random) {
        const bool stays = running_ >= 0 && threads_[index(running_)]->state == State::ready &&
                           random_.below(options_.switch_one_in) != 0;
        return stays ? running_ : ready[random_.below(static_cast<std::uint64_t>(count))];
      }
      return *std::max_element(ready, ready + count, [this](int a, int b) {
        return threads_[index(a)]->priority < threads_[index(b)]->priority;
      });
    }
    bool drained = false;
    for (int i = 0; i < static_cast<int>(threads_.size()); ++i) drained |= drain_one(i, true);
    if (drained) continue;
    check_idle();
    if (end_idle_wait() || thaw_one() || time_out_one()) continue;
    std::string who;
    for (int i = 0; i < static_cast<int>(threads_.size()); ++i)
      if (is_live(i)) who += " " + threads_[index(i)]->name;
    const int running = std::exchange(running_, -1);
    fail("everybody waits for ever (deadlock):" + who);
    running_ = running;
    return -1;
  }
}

void Scheduler::reschedule() {
  if (options_.strategy == Strategy::pct &&
      std::find(demotions_.begin(), demotions_.end(), steps_) != demotions_.end())
    threads_[index(running_)]->priority = --lowest_;
  const int next = choose();
  if (next < 0) {
    for (;;) leave();
  }
  switch_to(next);
}

void Scheduler::switch_to(int next) {
  if (next == running_) return;
  const int from = running_;
  running_ = next;
  swapcontext(&threads_[index(from)]->context, &threads_[index(next)]->context);
}

void Scheduler::wait_until(std::function<bool()> condition) {
  auto& thread = *threads_[index(running_)];
  ++thread.steps;
  ++steps_;
  if (!options_.plans.empty()) apply_plans();
  if (thread.state == State::ready) {
    thread.condition = std::move(condition);
    thread.state = State::waiting;
  } else if (thread.state == State::frozen) {
    // it waits when it thaws
    reschedule();
    return wait_until(std::move(condition));
  }
  reschedule();
}

void Scheduler::note_look() noexcept {
  threads_[index(running_)]->looked_at = changes_by_others(running_);
}

void Scheduler::wait_for_change() {
  auto& thread = *threads_[index(running_)];
  const int self = running_;
  wait_until([this, &thread, self] { return changes_by_others(self) != thread.looked_at; });
}

void Scheduler::yield() {
  if (options_.strategy == Strategy::pct) threads_[index(running_)]->priority = --lowest_;
  point("yields", nullptr, 0);
}

void Scheduler::wait_for_idle() {
  auto& thread = *threads_[index(running_)];
  thread.waits_for_idle = true;
  wait_until([&thread] { return !thread.waits_for_idle; });
}

// ---- memory -----------------------------------------------------------------------------------

std::uint64_t Scheduler::peek(const void* address, int size) noexcept {
  if (size == 4) {
    std::uint32_t value;
    std::memcpy(&value, address, 4);
    return value;
  }
  std::uint64_t value;
  std::memcpy(&value, address, 8);
  return value;
}

void Scheduler::poke(void* address, int size, std::uint64_t value) noexcept {
  std::memcpy(address, &value, static_cast<std::size_t>(size));
}

std::uint64_t Scheduler::load(const void* address, int size) {
  if (observer_.is_quiet(address)) return peek(address, size);
  point("loads", address, 0);
  const auto& buffer = threads_[index(running_)]->buffer;
  for (auto it = buffer.rbegin(); it != buffer.rend(); ++it)
    if (it->address == address) {
      note_value(it->value, it->value);
      return it->value;
    }
  const std::uint64_t value = peek(address, size);
  note_value(value, value);
  return value;
}

void Scheduler::store(void* address, int size, std::uint64_t value, std::memory_order order) {
  point(order == std::memory_order_relaxed ? "stores" : "stores (release)", address, value);
  note_value(value, value);
  bool release = order != std::memory_order_relaxed;
  if (options_.commit_stores_are_relaxed && observer_.is_frame_memory(address)) release = false;
  observer_.on_issue(running_, address, value);
  auto& buffer = threads_[index(running_)]->buffer;
  buffer.push_back({address, value, size, release});
  while (buffer.size() > kBufferMost) drain_one(running_, true);
}

// Lets one store of a thread become visible: the oldest, or any that may overtake.
bool Scheduler::drain_one(int thread, bool in_order) {
  auto& buffer = threads_[index(thread)]->buffer;
  if (buffer.empty()) return false;
  std::size_t pick = in_order ? 0 : random_.below(buffer.size());
  if (buffer[pick].release) pick = 0;
  for (std::size_t i = 0; i < pick; ++i)
    if (buffer[i].address == buffer[pick].address) {
      pick = i;  // stores to one address stay in order
      break;
    }
  if (buffer[pick].release && pick != 0) pick = 0;
  const Buffered entry = buffer[pick];
  buffer.erase(buffer.begin() + static_cast<std::ptrdiff_t>(pick));
  if (peek(entry.address, entry.size) != entry.value) note_change(thread);
  poke(entry.address, entry.size, entry.value);
  observer_.on_visible(thread, entry.address, entry.value);
  return true;
}

void Scheduler::drain_all(int thread) {
  while (drain_one(thread, true)) {
  }
}

void Scheduler::maybe_drain() {
  if (random_.below(options_.drain_one_in) != 0) return;
  drain_one(static_cast<int>(random_.below(threads_.size())), false);
}

void Scheduler::heavy_barrier() {
  point("issues the heavy barrier", nullptr, 0);
  if (options_.heavy_barrier_does_nothing) return;
  for (int i = 0; i < static_cast<int>(threads_.size()); ++i) drain_all(i);
}

void Scheduler::fence() {
  point("fences", nullptr, 0);
  drain_all(running_);
}

bool Scheduler::futex_wait(const void* address, std::uint32_t expected, bool& timed_out) {
  point("sleeps on", address, expected);
  drain_all(running_);
  timed_out = false;
  if (peek(address, 4) != expected) return false;
  auto& thread = *threads_[index(running_)];
  thread.futex = address;
  thread.woken = thread.timed_out = false;
  wait_until([&thread] { return thread.woken; });
  thread.futex = nullptr;
  timed_out = thread.timed_out;
  return true;
}

void Scheduler::futex_wake(const void* address) {
  point("wakes", address, 0);
  drain_all(running_);
  for (auto& thread : threads_)
    if (thread->futex == address) thread->woken = true;
}

std::string Scheduler::trace() const {
  std::string text;
  for (std::size_t i = 0; i < trace_.size(); ++i) {
    const Step& step = trace_[(trace_at_ + 1 + i) % trace_.size()];
    if (step.what == nullptr) continue;
    text += fmt::format("  {:<10} {} {}", threads_[index(step.thread)]->name, step.what,
                        step.address == nullptr ? "" : observer_.name_of(step.address));
    if (step.value != step.result)
      text += fmt::format(" {:#x} -> {:#x}", step.value, step.result);
    else if (step.address != nullptr)
      text += fmt::format(" {:#x}", step.value);
    text += "\n";
  }
  for (const auto& thread : threads_) {
    static constexpr const char* kNames[] = {"ready", "waiting", "finished", "killed", "frozen"};
    text +=
        fmt::format("  = {}: {}, {} steps, {} buffered stores\n", thread->name,
                    kNames[static_cast<int>(thread->state)], thread->steps, thread->buffer.size());
  }
  return text;
}

}  // namespace ringmain::sim
