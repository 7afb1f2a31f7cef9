// Sending and receiving as fast as it goes.
#include "perf/throughput_workers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/clock.hpp"
#include "cli/exit.hpp"
#include "os/host.hpp"
#include "perf/await.hpp"
#include "ringmain/appender.hpp"

namespace ringmain::tools {
namespace {

// Who sent a record, and the how many'th it is.
constexpr int sequence_bits = 48;
constexpr uint64_t stamp_of(uint64_t producer, uint64_t sequence) {
  return producer << sequence_bits | sequence;
}

class Sender {
 public:
  Sender(const ThroughputPlan& plan, uint32_t index, Bus& bus)
      : plan_(plan),
        index_(index),
        appender_(bus, {plan.topic, 0}),
        stride_((plan.size_bytes + 63) / 64 * 64),
        memory_(stride_ * plan.batch, 'r') {
    for (uint32_t i = 0; i < plan.batch; ++i)
      values_.emplace_back(memory_.data() + i * stride_, plan.size_bytes);
  }

  void send(uint64_t total) {
    uint64_t left = plan_.share(index_, total);
    if (plan_.batch == 1) {
      for (; left > 0; --left) {
        stamp(0);
        appender_.append(values_[0]);
      }
      return;
    }
    while (left > 0) {
      const auto batch = static_cast<size_t>(std::min<uint64_t>(left, plan_.batch));
      for (size_t i = 0; i < batch; ++i) stamp(i);
      appender_.append_batch(std::span(values_).first(batch));
      left -= batch;
    }
  }

 private:
  void stamp(size_t i) noexcept {
    const uint64_t stamp = stamp_of(index_, sequence_++);
    std::memcpy(memory_.data() + i * stride_, &stamp, sizeof(stamp));
  }

  const ThroughputPlan& plan_;
  const uint32_t index_;
  Appender appender_;
  size_t stride_;
  std::vector<char> memory_;
  std::vector<Bytes> values_;
  uint64_t sequence_ = 0;
};

class Receiver {
 public:
  Receiver(const ThroughputPlan& plan, Bus& bus)
      : plan_(plan),
        reader_(bus, {plan.topic, 0}, reader_options(plan.waiting)),
        next_(plan.producers) {
    for (uint32_t i = 0; i < plan.producers; ++i) next_[i] = stamp_of(i, 0);
  }

  void receive(uint64_t total) {
    for (uint64_t left = total; left > 0; --left) {
      const Bytes value = await(reader_, plan_.waiting, [] {});
      uint64_t stamp = 0;
      if (value.size() == plan_.size_bytes) [[likely]]
        std::memcpy(&stamp, value.data(), sizeof(stamp));
      const uint64_t producer = stamp >> sequence_bits;
      if (producer >= next_.size() || value.size() != plan_.size_bytes ||
          stamp != next_[producer]++) [[unlikely]] {
        wrong_record(stamp);
      }
    }
  }

 private:
  [[noreturn, gnu::cold]] void wrong_record(uint64_t stamp) const {
    throw Failure(fmt::format(
        "topic '{}': record {} of producer {} arrived damaged or out of order: this is a bug in "
        "Ringmain, please report it",
        plan_.topic, stamp & ((uint64_t{1} << sequence_bits) - 1), stamp >> sequence_bits));
  }

  const ThroughputPlan& plan_;
  Reader reader_;
  std::vector<uint64_t> next_;  // the stamp that is due, by producer
};

}  // namespace

void take_part(const ThroughputPlan& plan, ThroughputBoard& board, uint32_t index,
               const BusOptions& bus_options) {
  const auto meet = [&] { board.rendezvous.meet(plan.parties()); };
  meet();  // the topic is there
  Bus bus = Bus::open(bus_options);
  std::optional<Sender> sender;
  std::optional<Receiver> receiver;
  if (index < plan.producers) {
    sender.emplace(plan, index, bus);
  } else {
    receiver.emplace(plan, bus);
  }
  value_or_throw(os::pin_to_core(plan.cores[index]));
  const auto transfer = [&](uint64_t total) {
    sender ? sender->send(total) : receiver->receive(total);
  };
  const auto measure_memcpy = [&] {
    meet();
    if (index == 0) board.memcpy_speed = measure_memcpy_speed();
    meet();
  };
  meet();  // everybody is attached
  transfer(plan.warm_up);
  for (uint32_t run = 0; run < plan.runs; ++run) {
    measure_memcpy();
    board.laps[index].begin_ns = now_steady_ns();
    transfer(plan.count);
    board.laps[index].end_ns = now_steady_ns();
    meet();
  }
  measure_memcpy();
  meet();  // nobody lets the topic go before
}

}  // namespace ringmain::tools
