// The producers: bursts of records in all the ways that there are, each written down before it
// is sent and when it is acknowledged.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "actors.hpp"
#include "base/random.hpp"
#include "content.hpp"
#include "ringmain/appender.hpp"
#include "ringmain/producer.hpp"
#include "topics.hpp"

namespace ringmain::crash {
namespace {

constexpr std::size_t kMostValueBytes = 16352;  // a quarter of a slot, without the frame's header
constexpr std::size_t kMostBatch = 20;

// Mostly small, now and then the largest there can be.
std::size_t value_bytes(Random& random) {
  const std::uint64_t dice = random.below(1000);
  if (dice < 900) return kLeastValueBytes + random.below(200);
  if (dice < 995) return kLeastValueBytes + random.below(3000);
  return kMostValueBytes - random.below(40);
}

class Sender {
 public:
  Sender(Stage& stage, ActorSlot& slot, std::uint32_t topic)
      : slot_(slot), journal_(slot), random_(slot.seed), bus_(open_bus(stage, slot)), topic_(topic),
        buffer_(kMostBatch * kMostValueBytes) {}

 protected:
  std::span<const std::byte> write(std::size_t at, std::size_t bytes, std::uint64_t sequence) {
    const std::span value(buffer_.data() + at, bytes);
    write_value(value, {topic_, slot_.life, sequence});
    return value;
  }
  void intend(std::uint32_t count) { journal_.intend(topic_, sequence_, count); }
  void acknowledge(std::uint32_t log, std::int64_t offset, std::uint32_t count, std::size_t bytes) {
    journal_.settle(Progress::acknowledged, log, static_cast<std::uint64_t>(offset));
    sequence_ += count;
    slot_.bytes.fetch_add(bytes, std::memory_order_relaxed);
    slot_.done.fetch_add(count, std::memory_order_release);
  }
  // Leaves processors to others: the campaign is about order, not speed.
  void rest() { ::usleep(static_cast<useconds_t>(200 + random_.below(1500))); }
  bool stopped() const { return slot_.stop.load(std::memory_order_acquire) != 0; }

  ActorSlot& slot_;
  Journal journal_;
  Random random_;
  Bus bus_;
  const std::uint32_t topic_;
  std::vector<std::byte> buffer_;
  std::uint64_t sequence_ = 0;
};

class AppenderActor : public Sender {
 public:
  AppenderActor(Stage& stage, ActorSlot& slot, std::uint32_t topic)
      : Sender(stage, slot, topic), log_(log_of(topic, 0)), shared_(topic != kSingle),
        appender_(until_it_works(slot, "attach a producer", [&] {
          return Appender(bus_, {kTopics[topic].name, 0});
        })) {}

  void run() {
    while (!stopped()) {
      for (std::uint64_t left = 1 + random_.below(topic_ == kDisk ? 10 : 40); left > 0; --left) one();
      if (topic_ == kDisk) look_to_disk();
      if (topic_ == kShort && random_.below(20) == 0) trim();
      rest();
    }
  }

 private:
  void acknowledge(std::uint32_t log, std::int64_t offset, std::uint32_t count, std::size_t bytes) {
    Sender::acknowledge(log, offset, count, bytes);
    newest_ = offset + count - 1;
  }

  // All of `disk` stays for good: so it grows slowly. What was told to be on disk stays so, whatever broker comes.
  void look_to_disk() {
    ::usleep(static_cast<useconds_t>(random_.below(12'000)));
    if (newest_ >= 0 && random_.below(8) == 0) {
      until_it_works(slot_, "see a record on disk", [&] { return appender_.wait_durable(newest_, std::chrono::hours(1)); });
      on_disk_ = std::max(on_disk_, newest_ + 1);
    }
    if (const std::int64_t now = appender_.durable_offset(); now < on_disk_)
      throw Finding{fmt::format("records below offset {} were on disk, and now those below {}", on_disk_, now)};
  }

  // Never the newest record, so that all who read come to know where the log ends.
  void trim() {
    const std::int64_t wanted = newest_ - static_cast<std::int64_t>(random_.below(3000));
    if (wanted <= 0) return;
    const std::int64_t start = until_it_works(slot_, "trim", [&] {
      return bus_.admin().delete_records(kTopics[topic_].name, 0, wanted);
    });
    trimmed_to_ = std::max(trimmed_to_, wanted);
    if (start < trimmed_to_)
      throw Finding{fmt::format("the log was trimmed to offset {}, and now starts at {}", trimmed_to_, start)};
  }

  void one() {
    switch (random_.below(10)) {
      case 0: return batch();
      case 1: return whole_claim();
      case 2: return part_of_claim();
      case 3: return aborted_claim();
      case 4: return tried();
      case 5: return with_extras();
      default: return plain();
    }
  }

  void plain() {
    const auto value = write(0, value_bytes(random_), sequence_);
    intend(1);
    const std::int64_t offset = appender_.append(bytes_of(value));
    acknowledge(log_, offset, 1, value.size());
  }

  void with_extras() {
    const std::size_t bytes = std::min(value_bytes(random_), kMostValueBytes - 200);
    const auto value = write(0, bytes, sequence_);
    const Extras extras({topic_, slot_.life, sequence_});
    ProducerRecord record;
    record.key = extras.key;
    record.value = bytes_of(value);
    record.headers = extras.headers;
    intend(1);
    const std::int64_t offset = appender_.append(record);
    acknowledge(log_, offset, 1, value.size());
  }

  void tried() {
    const auto value = write(0, value_bytes(random_), sequence_);
    intend(1);
    const auto offset = appender_.try_append(bytes_of(value));
    if (offset)
      acknowledge(log_, *offset, 1, value.size());
    else
      journal_.settle(Progress::refused, log_, 0);
  }

  void batch() {
    std::array<Bytes, kMostBatch> values;
    const std::size_t count = 1 + random_.below(kMostBatch);
    std::size_t at = 0, framed = 0, used = 0;
    for (; used < count; ++used) {
      const std::size_t bytes = value_bytes(random_);
      const std::size_t frame = (bytes + 32 + 31) / 32 * 32;
      if (framed + frame > appender_.max_batch_bytes()) break;
      values[used] = bytes_of(write(at, bytes, sequence_ + used));
      at += bytes;
      framed += frame;
    }
    if (used == 0) return;
    intend(static_cast<std::uint32_t>(used));
    const std::int64_t offset = appender_.append_batch(std::span(values.data(), used));
    acknowledge(log_, offset, static_cast<std::uint32_t>(used), at);
  }

  void whole_claim() {
    const std::size_t bytes = value_bytes(random_);
    intend(1);
    Claim claim = appender_.claim(bytes);
    write_value(claim.value(), {topic_, slot_.life, sequence_});
    const auto value = claim.value();
    claim.commit();
    if (slot_.corrupt.exchange(0) != 0) value[value.size() / 2] ^= std::byte{1};
    acknowledge(log_, claim.offset(), 1, bytes);
  }

  void part_of_claim() {
    const std::size_t claimed = value_bytes(random_);
    const std::size_t bytes = kLeastValueBytes + random_.below(claimed - kLeastValueBytes + 1);
    intend(1);
    Claim claim = appender_.claim(claimed);
    std::fill(claim.value().begin(), claim.value().end(), std::byte{0xee});
    write_value(claim.value().first(bytes), {topic_, slot_.life, sequence_});
    claim.commit(bytes);
    acknowledge(log_, claim.offset(), 1, bytes);
  }

  void aborted_claim() {
    const std::size_t bytes = value_bytes(random_);
    intend(1);
    auto claim = appender_.try_claim(bytes);
    if (!claim) return journal_.settle(Progress::refused, log_, 0);
    write_value(claim->value(), {topic_, slot_.life, sequence_});
    const auto offset = static_cast<std::uint64_t>(claim->offset());
    claim->abort();
    journal_.settle(shared_ ? Progress::aborted : Progress::aborted_here, log_, offset);
  }

  const std::uint32_t log_;
  const bool shared_;
  Appender appender_;
  std::int64_t newest_ = -1;  // acknowledged
  std::int64_t on_disk_ = 0;  // records below it were told to be
  std::int64_t trimmed_to_ = 0;
};

class ProducerActor : public Sender {
 public:
  ProducerActor(Stage& stage, ActorSlot& slot)
      : Sender(stage, slot, kBlock), producer_(bus_, {{"partitioner", "murmur2"}}) {}

  void run() {
    while (!stopped()) {
      for (std::uint64_t left = 1 + random_.below(30); left > 0; --left) one();
      rest();
    }
  }

 private:
  void one() {
    const auto value = write(0, std::min(value_bytes(random_), kMostValueBytes - 200), sequence_);
    const Extras extras({topic_, slot_.life, sequence_});
    ProducerRecord record;
    record.topic = kTopics[topic_].name;
    record.key = extras.key;
    record.value = bytes_of(value);
    record.headers = extras.headers;
    intend(1);
    // The first record of each partition attaches, and may meet a broker that is away.
    const RecordMetadata sent = until_it_works(slot_, "send", [&] { return producer_.send_sync(record); });
    acknowledge(log_of(topic_, sent.partition), sent.offset, 1, value.size());
  }

  Producer producer_;
};

}  // namespace

void produce(Stage& stage, ActorSlot& slot) {
  switch (slot.role) {
    case Role::appender_on_drop: return AppenderActor(stage, slot, kDrop).run();
    case Role::appender_on_block: return AppenderActor(stage, slot, kBlock).run();
    case Role::appender_on_disk: return AppenderActor(stage, slot, kDisk).run();
    case Role::appender_on_short: return AppenderActor(stage, slot, kShort).run();
    case Role::appender_on_single: return AppenderActor(stage, slot, kSingle).run();
    default: return ProducerActor(stage, slot).run();
  }
}

// Holds an open claim and a child that has inherited everything, until it is killed.
void fork_and_wait(Stage& stage, ActorSlot& slot) {
  Bus bus = open_bus(stage, slot);
  Appender appender = until_it_works(slot, "attach a producer", [&] {
    return Appender(bus, {kTopics[kDrop].name, 0});
  });
  Claim claim = appender.claim(1000);
  const pid_t campaign = stage.campaign_pid;  // the child does not inherit mappings of shared files
  const pid_t child = ::fork();
  if (child == 0) {
    while (::kill(campaign, 0) == 0) ::usleep(100'000);  // the campaign kills it, or is gone
    ::_exit(0);
  }
  slot.child.store(child);
  slot.done.store(static_cast<std::uint64_t>(claim.offset()) + 1, std::memory_order_release);
  for (;;) ::pause();  // ends when the campaign kills us
}

}  // namespace ringmain::crash
