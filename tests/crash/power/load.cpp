#include "load.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "../content.hpp"
#include "base/random.hpp"
#include "ringmain/ringmain.hpp"

namespace ringmain::crash {
namespace {

using namespace std::chrono_literals;

constexpr useconds_t kPauseUs = 200;
constexpr std::uint64_t kLargestWindow = 64;  // records between two waits

template <std::size_t Size>
void write_words(char (&into)[Size], const char* words) {
  std::snprintf(into, Size, "%s", words);
}

// A disk or a memory that is full or fails, or a broker that is away: it will pass.
bool will_pass(ErrorCode code) {
  return code == ErrorCode::no_space || code == ErrorCode::kafka_storage_error ||
         code == ErrorCode::request_timed_out || code == ErrorCode::broker_unavailable;
}

// Memory is used up: by what is not on disk yet, as a rule.
void note_no_room(Load& load) {
  load.out_of_memory.fetch_add(1);
}

void note_refusal(Load& load, ErrorCode code, const char* words) {
  write_words(load.refused, words);
  load.refused_as.store(static_cast<std::int32_t>(code));
  load.refusals.fetch_add(1);
}

struct Stopped {};

// The broker may be killed before we have got anywhere.
template <class Open>
auto once_there_is_a_broker(const PowerStage& stage, const Open& open) -> decltype(open()) {
  while (stage.stop.load() == 0) {
    try {
      return open();
    } catch (const Exception& error) {
      if (!will_pass(error.code())) throw;
      ::usleep(kPauseUs);
    }
  }
  throw Stopped{};
}

class Sender {
 public:
  Sender(PowerStage& stage, Load& load) : stage_(stage), load_(load), random_(load.orders.seed) {}

  bool goes_on() const { return stage_.stop.load() == 0; }
  // The next record; empty while it has sent its budget.
  std::string_view next_value() {
    if (load_.bytes.load() >= load_.orders.budget_bytes || next_ >= kMaxRecords) return {};
    value_ = load_value(load_.orders.log, load_.orders.producer, next_, load_.orders.seed,
                        load_.orders.largest_bytes);
    load_.sent.store(next_ + 1);
    return value_;
  }
  std::uint64_t take_number() {
    load_.bytes.fetch_add(value_.size());
    return next_++;
  }
  // A record that finds no room is told of before those that were sent earlier and wait for the disk.
  void settled(std::uint64_t number, std::int64_t offset) {
    load_.offsets[number].store(offset + kKnown, std::memory_order_relaxed);
    while (published_ < next_ && load_.offsets[published_].load(std::memory_order_relaxed) != 0) ++published_;
    load_.published.store(published_, std::memory_order_release);
  }
  void durable(std::int64_t end_offset) {
    const auto end = static_cast<std::uint64_t>(end_offset);
    if (end > load_.durable_end.load()) load_.durable_end.store(end);
  }

  void run_appender(Bus& bus);
  void run_producer(Bus& bus);

 private:
  void wait_for(Appender& appender, std::int64_t offset);

  PowerStage& stage_;
  Load& load_;
  Random random_;
  std::string value_;
  std::uint64_t next_ = 0;
  std::uint64_t published_ = 0;  // all below are settled
};

void Sender::run_appender(Bus& bus) {
  const bool as_if_durable = load_.orders.how == How::as_if_durable;
  const bool waits = load_.orders.how == How::appender;
  AppenderOptions options;
  options.max_block = 1s;  // then it says so, and tries again
  Appender appender = once_there_is_a_broker(stage_, [&] { return Appender(bus, {load_.orders.topic, load_.orders.partition}, options); });
  std::uint64_t window = 1, since_wait = 0;
  while (goes_on()) {
    const std::string_view value = next_value();
    if (value.empty()) {
      if (since_wait != 0 && waits) wait_for(appender, load_.offsets[next_ - 1].load() - kKnown);
      since_wait = 0;
      if (!as_if_durable) durable(appender.durable_offset());
      ::usleep(kPauseUs);
      continue;
    }
    std::int64_t offset = -1;
    try {
      offset = appender.append(value);
    } catch (const Exception& error) {
      if (!will_pass(error.code())) throw;
      note_no_room(load_);
      continue;
    }
    settled(take_number(), offset);
    if (as_if_durable) {
      durable(offset + 1);
      continue;
    }
    if (!waits || random_.below(8) == 0) durable(appender.durable_offset());
    if (!waits) continue;
    if (++since_wait < window) continue;
    // For one somewhere in the window: the rest stays in flight.
    wait_for(appender, load_.offsets[next_ - 1 - random_.below(since_wait)].load() - kKnown);
    since_wait = 0;
    window = 1 + random_.below(kLargestWindow);
  }
}

void Sender::wait_for(Appender& appender, std::int64_t offset) {
  while (goes_on()) {  // until it is durable: an error does not make it so
    try {
      if (!appender.wait_durable(offset, 1s)) continue;
      durable(offset + 1);
      load_.waits.fetch_add(1);
      return;
    } catch (const Exception& error) {
      if (!will_pass(error.code())) throw;
      note_refusal(load_, error.code(), error.what());
      ::usleep(kPauseUs);
    }
  }
}

void Sender::run_producer(Bus& bus) {
  Producer producer(bus,
                    {{"acks", "all"}, {"delivery.timeout.ms", "1000"}, {"max.block.ms", "1000"}});
  std::uint64_t outstanding = 0, window = 1;
  while (goes_on()) {
    const std::string_view value = next_value();
    if (value.empty()) {
      producer.poll();
      ::usleep(kPauseUs);
      continue;
    }
    ProducerRecord record;
    record.topic = load_.orders.topic;
    record.partition = load_.orders.partition;
    record.value = value;
    const std::uint64_t number = take_number();
    ++outstanding;
    producer.send(record,
                  [this, number, &outstanding](const RecordMetadata& sent, const Error* error) {
                    --outstanding;
                    if (error != nullptr) {
                      if (!will_pass(error->code)) throw Exception(*error);
                      if (sent.offset >= 0)
                        note_refusal(load_, error->code, error->message.c_str());
                      else
                        note_no_room(load_);
                    }
                    settled(number, sent.offset >= 0 ? sent.offset : kRefused);
                    if (error != nullptr) return;
                    durable(sent.offset + 1);
                    load_.waits.fetch_add(1);
                  });
    if (outstanding < window) continue;
    producer.flush();
    window = 1 + random_.below(kLargestWindow);
  }
}

}  // namespace

std::string load_value(std::uint32_t log, std::uint32_t producer, std::uint64_t sequence,
                       std::uint64_t seed, std::uint32_t largest_bytes) {
  Random random(seed ^ (sequence + 1) * 0x9e3779b97f4a7c15);
  const std::uint64_t dice = random.below(100);
  const std::uint64_t limit = dice < 75 ? 1000 : dice < 96 ? 8000 : largest_bytes;
  std::string value(64 + random.below(std::min<std::uint64_t>(limit, largest_bytes) - 63), '\0');
  write_value(std::as_writable_bytes(std::span(value.data(), value.size())),
              {log, producer, sequence});
  return value;
}

int produce_load(PowerStage& stage, Load& load) {
  try {
    Sender sender(stage, load);
    BusOptions options;
    options.directory = stage.bus;
    options.autostart = false;
    Bus bus = once_there_is_a_broker(stage, [&] { return Bus::open(options); });
    if (load.orders.how == How::producer)
      sender.run_producer(bus);
    else
      sender.run_appender(bus);
    return 0;
  } catch (const Stopped&) {
    return 0;
  } catch (const std::exception& error) {
    write_words(load.failure, error.what());
    load.failed.store(1);
    return 1;
  }
}

PowerStage& make_power_stage() {
  void* memory = ::mmap(nullptr, sizeof(PowerStage), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return *static_cast<PowerStage*>(memory);  // all zeros: a stage on which nothing has happened
}

}  // namespace ringmain::crash
