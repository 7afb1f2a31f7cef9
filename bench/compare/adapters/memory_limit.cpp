// What the machine can do, with nobody's software between. Latency: a number and the message behind
// it in one piece of shared memory for each direction; the first store of the number hands all
// over, and there is neither a queue nor a free list. Throughput: memcpy, as `ringmain perf
// throughput` measures it. On a schedule: a cache line, as `ringmain perf latency --rate` measures
// it.
#include <algorithm>
#include <atomic>

#include "adapters/list.hpp"
#include "compare/match.hpp"
#include "os/cpu.hpp"
#include "os/host.hpp"
#include "perf/limit.hpp"
#include "perf/memcpy_limit.hpp"

namespace ringmain::bench {
namespace {

constexpr size_t message_most = size_t{1} << 20;

struct Mailbox {
  alignas(4096) std::atomic<uint64_t> number{0};
  char message[message_most];
};
static_assert(offsetof(Mailbox, message) == 8, "a small message shares the number's line");

struct Mailboxes {
  Mailbox there, back;
  tools::PingPongLines lines;
};

class Mail {
 public:
  Mail(Mailbox& in, Mailbox& out, size_t message_bytes)
      : in_(in),
        out_(out),
        message_bytes_(message_bytes),
        sent_(out.number),
        received_(in.number) {}

  // All lines but the first, which the reader polls, are asked for at once: a store waits for each
  // alone.
  char* claim() noexcept {
    for (size_t at = line_bytes; at < touched_bytes(); at += line_bytes)
      os::prefetch_write(first_byte() + at);
    return out_.message;
  }
  //   Order: release; partner: the acquire in receive(), in the other process. The message before
  //   this one was answered, so nobody reads the memory that claim() gave.
  void publish() noexcept {
    out_.number.store(++sent_, std::memory_order_release);  // SYNC(number)
    for (size_t at = 0; at < touched_bytes(); at += line_bytes) os::demote(first_byte() + at);
  }
  const char* receive() noexcept {
    while (in_.number.load(std::memory_order_acquire) == received_) {  // SYNC(number)
    }
    ++received_;
    return in_.message;
  }
  void release() noexcept {}

 private:
  static constexpr size_t line_bytes = 64;
  static constexpr size_t hinted_most = 4096;  // more hints at once only wait for each other

  const char* first_byte() const noexcept { return reinterpret_cast<const char*>(&out_.number); }
  size_t touched_bytes() const noexcept {
    return std::min(message_bytes_ + sizeof(out_.number), hinted_most);
  }

  Mailbox& in_;
  Mailbox& out_;
  const size_t message_bytes_;
  uint64_t sent_, received_;
};

class MemoryLimit final : public Transport {
 public:
  MemoryLimit()
      : Transport({"limits", "limit: raw shared memory", "",
                   "latency: one mailbox of shared memory, neither queue nor free list; on a "
                   "schedule: one cache line; "
                   "throughput: memcpy between two buffers of 64 MiB, the best of all rounds",
                   bench::Role::limit}) {}

  std::string version() override { return os::cpu_model(); }

  void start(const Site&) override { boxes_ = std::make_unique<tools::Shared<Mailboxes>>(); }
  void stop() override { boxes_.reset(); }

  void play(Match& match, const Site&) override {
    Mailboxes& boxes = **boxes_;
    match.play_latency_only([&](size_t bytes) {
      return match.is_first() ? std::make_unique<Mail>(boxes.back, boxes.there, bytes)
                              : std::make_unique<Mail>(boxes.there, boxes.back, bytes);
    });
    match.pin();
    play_schedule(match, boxes);
    if (match.is_first())
      match.board().memcpy_bytes_per_s = tools::measure_memcpy_speed().best_bytes_per_s;
    match.meet();
  }

 private:
  static constexpr uint32_t warm_up = 1000;

  static void play_schedule(Match& match, Mailboxes& boxes) {
    const MatchPlan& plan = match.plan();
    const auto size = std::find(plan.sizes.begin(), plan.sizes.end(), plan.rate_size);
    if (size == plan.sizes.end()) return;
    const auto count = static_cast<uint32_t>(plan.rate_per_s * plan.measure_ns / 1e9) + warm_up;
    tools::PingPong limit(boxes.lines, tools::Waiting::spin, plan.one_core);
    match.meet();
    if (match.is_first()) {
      limit.send(tools::Schedule(1e9 / plan.rate_per_s), count, [] {});
    } else {
      const auto index = static_cast<size_t>(size - plan.sizes.begin());
      limit.receive(count, warm_up, match.board().results[index].scheduled_ns);
    }
    match.meet();
  }

  std::unique_ptr<tools::Shared<Mailboxes>> boxes_;
};

}  // namespace

std::unique_ptr<Transport> make_memory_limit() {
  return std::make_unique<MemoryLimit>();
}

}  // namespace ringmain::bench
