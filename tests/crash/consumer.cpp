// The consumers: verify each record in place, write down what they saw, and keep views for as
// long as the campaign wants.
#include <unistd.h>

#include <chrono>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "actors.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "content.hpp"
#include "ringmain/consumer.hpp"
#include "ringmain/reader.hpp"
#include "topics.hpp"

namespace ringmain::crash {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookForCommands = 20ms;  // how soon a consumer without records sees a command

class Listener {
 protected:
  Listener(Stage& stage, ActorSlot& slot)
      : slot_(slot), journal_(slot), random_(slot.seed), bus_(open_bus(stage, slot)) {}

  bool stopped() const { return slot_.stop.load(std::memory_order_acquire) != 0; }

  Origin verify(const ConsumerRecord& record, const char* when) const {
    const auto origin = record.value ? read_value(*record.value) : std::nullopt;
    if (!origin)
      throw Finding{fmt::format("{}-{} offset {}: torn or foreign bytes {}: value of {} bytes that begins {}",
                                record.topic, record.partition, record.offset, when,
                                record.value ? record.value->size() : 0, first_bytes(record))};
    if (record.key && !extras_match(record, *origin))
      throw Finding{fmt::format("{}-{} offset {}: key or headers are not the sender's {}", record.topic,
                                record.partition, record.offset, when)};
    return *origin;
  }

  // Writes records down, and keeps them for as long as it is told to: what they show must stay.
  void take(const std::vector<ConsumerRecord>& records) {
    for (const ConsumerRecord& record : records) {
      const Origin origin = verify(record, "at first sight");
      journal_.read(log_of(topic_index(record.topic), record.partition), static_cast<std::uint64_t>(record.offset),
                    origin.producer, origin.sequence);
      slot_.bytes.fetch_add(record.value->size(), std::memory_order_relaxed);
      slot_.done.fetch_add(1, std::memory_order_release);
    }
    if (slot_.hold.load(std::memory_order_acquire) != 0) [[unlikely]] hold(records);
  }

  ActorSlot& slot_;
  Journal journal_;
  Random random_;
  Bus bus_;

 private:
  static std::string first_bytes(const ConsumerRecord& record) {
    std::string text;
    for (std::size_t i = 0; record.value && i < 32 && i < record.value->size(); ++i)
      text += fmt::format("{:02x}", static_cast<unsigned char>((*record.value)[i]));
    return text;
  }

  void hold(const std::vector<ConsumerRecord>& records) {
    slot_.holding.store(static_cast<std::uint32_t>(records.size()), std::memory_order_release);
    while (slot_.hold.load(std::memory_order_acquire) != 0 && !stopped()) ::usleep(300);
    for (const ConsumerRecord& record : records) verify(record, "after it was held");
    slot_.verified.fetch_add(1, std::memory_order_release);
    slot_.holding.store(0, std::memory_order_release);
  }
};

// How a reader goes about it.
enum class Habit {
  steady,
  rereads,  // once it has caught up it begins anew at the log's start, now and then
  naps,     // so long that what it has not read is gone
};

class ReaderActor : public Listener {
 public:
  ReaderActor(Stage& stage, ActorSlot& slot, std::uint32_t topic, Habit habit = Habit::steady)
      : Listener(stage, slot), topic_(topic), log_(log_of(topic, 0)), habit_(habit) {}

  void run() {
    begin();
    std::vector<ConsumerRecord> records(1);
    while (!stopped()) {
      const Bytes value = next();
      if (const std::uint64_t lost = reader_->lost(); lost != lost_) {
        journal_.lost(log_, lost - lost_);
        lost_ = lost;
      }
      if (value.data() == nullptr) continue;
      records[0] = reader_->record();
      take(records);
      if (habit_ == Habit::naps && random_.below(20'000) == 0) ::usleep(static_cast<useconds_t>(random_.below(400'000)));
      if (habit_ == Habit::rereads && random_.below(1000) == 0 && is_young(records[0])) {
        journal_.began_anew(log_);
        begin();
      }
    }
  }

 private:
  void begin() {
    reader_.reset();
    lost_ = 0;
    reader_.emplace(until_it_works(slot_, "attach a reader", [&] {
      ReaderOptions options;
      options.wait = slot_.sleeps != 0 ? WaitStrategy::sleep : strategy(random_);
      return Reader(bus_, {kTopics[topic_].name, 0}, options);
    }));
  }
  // What is on disk only it asks a broker for, and gives up when three of them have died over that.
  Bytes next() {
    while (!stopped()) {
      try {
        return reader_->next(kLookForCommands);
      } catch (const Exception& error) {
        if (!will_pass(error.code())) throw;
      }
    }
    return {};
  }
  static bool is_young(const ConsumerRecord& record) { return now_real_ms() - record.timestamp_ns / 1'000'000 < 50; }

  static WaitStrategy strategy(Random& random) {
    switch (random.below(6)) {
      case 0: return WaitStrategy::spin;
      case 1: return WaitStrategy::yield;
      default: return WaitStrategy::sleep;
    }
  }

  const std::uint32_t topic_;
  const std::uint32_t log_;
  const Habit habit_;
  std::optional<Reader> reader_;
  std::uint64_t lost_ = 0;  // told so far
};

class ConsumerActor : public Listener {
 public:
  ConsumerActor(Stage& stage, ActorSlot& slot)
      : Listener(stage, slot), consumer_(until_it_works(slot, "subscribe", [&] {
          Consumer consumer(bus_, {{"auto.offset.reset", "earliest"},
                                   {"wait.strategy", slot.sleeps == 0 && random_.below(4) == 0 ? "yield" : "sleep"},
                                   {"max.poll.records", std::to_string(1 + random_.below(300))}});
          consumer.subscribe({kTopics[kBlock].name, kTopics[kDrop].name});
          return consumer;
        })) {}

  void run() {
    std::vector<ConsumerRecord> records;
    while (!stopped()) {
      const ConsumerRecords& polled = consumer_.poll(kLookForCommands);
      if (polled.lost() != 0) journal_.lost(log_of(kDrop, 0), polled.lost());  // no other topic drops
      records.assign(polled.begin(), polled.end());
      if (!records.empty()) take(records);
    }
  }

 private:
  Consumer consumer_;
};

}  // namespace

void consume(Stage& stage, ActorSlot& slot) {
  switch (slot.role) {
    case Role::reader_on_drop: return ReaderActor(stage, slot, kDrop).run();
    case Role::reader_on_block: return ReaderActor(stage, slot, kBlock).run();
    case Role::reader_on_single: return ReaderActor(stage, slot, kSingle).run();
    case Role::reader_on_disk: return ReaderActor(stage, slot, kDisk).run();
    case Role::rereader_on_disk: return ReaderActor(stage, slot, kDisk, Habit::rereads).run();
    case Role::reader_on_short: return ReaderActor(stage, slot, kShort, Habit::naps).run();
    default: return ConsumerActor(stage, slot).run();
  }
}

}  // namespace ringmain::crash
