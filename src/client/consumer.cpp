// Consumer: reads partitions in turn, in place.
#include "ringmain/consumer.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <set>
#include <utility>

#include "client/bus_impl.hpp"
#include "client/config.hpp"
#include "client/partition_reader.hpp"
#include "client/sleeper.hpp"
#include "client/time_seek.hpp"
#include "client/topic_partitions.hpp"

namespace ringmain {
namespace {

using client::PartitionReader;

enum class Reset { earliest, latest, none };

WaitStrategy wait_strategy(const std::string& name) {
  return name == "spin"    ? WaitStrategy::spin
         : name == "yield" ? WaitStrategy::yield
                           : WaitStrategy::sleep;
}

}  // namespace

class Consumer::Impl {
 public:
  Impl(Bus& bus, const Config& config)
      : own_bus_(Bus::Impl::share(bus.impl(), client::client_id_of(config))),
        bus_(own_bus_.impl()),
        settings_(config, "consumer",
                  {"auto.offset.reset", "max.poll.records", "wait.strategy", "metadata.max.age.ms",
                   "client.id"}),
        sleeper_(
            wait_strategy(settings_.choice("wait.strategy", "sleep", {"spin", "yield", "sleep"}))),
        max_records_(
            static_cast<std::size_t>(settings_.number("max.poll.records", 500, 1, INT32_MAX))),
        max_age_ns_(settings_.number("metadata.max.age.ms", 300'000, 0, INT64_MAX / 2'000'000) *
                    1'000'000) {
    const std::string reset =
        settings_.choice("auto.offset.reset", "latest", {"earliest", "latest", "none"});
    reset_ = reset == "earliest" ? Reset::earliest
             : reset == "latest" ? Reset::latest
                                 : Reset::none;
  }

  void subscribe(const std::vector<std::string>& topics) {
    std::vector<Entry> entries_before = std::exchange(entries_, {});
    std::vector<std::string> topics_before = std::exchange(topics_, topics);
    try {
      refresh_subscription();
    } catch (const Exception&) {  // what was read before is still read
      entries_ = std::move(entries_before);
      topics_ = std::move(topics_before);
      throw;
    }
  }

  void assign(const std::vector<TopicPartition>& partitions) {
    const std::set<TopicPartition> wanted(partitions.begin(), partitions.end());
    std::vector<Entry> opened;
    for (const auto& partition : wanted)
      if (find(partition) == entries_.end()) opened.push_back(open(partition));
    // Nothing is refused from here on: until now, all is as it was.
    topics_.clear();
    std::erase_if(entries_,
                  [&](const Entry& entry) { return !wanted.contains(entry.reader->partition()); });
    std::move(opened.begin(), opened.end(), std::back_inserter(entries_));
  }

  std::vector<TopicPartition> partitions(bool only_paused) const {
    std::vector<TopicPartition> list;
    for (const Entry& entry : entries_)
      if (!only_paused || entry.paused) list.push_back(entry.reader->partition());
    return list;
  }

  std::uint64_t poll(std::vector<ConsumerRecord>& records, std::chrono::nanoseconds timeout) {
    records.clear();
    const std::int64_t now_ns = now_steady_ns();
    const std::int64_t give_up_ns =
        timeout.count() > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout.count();
    if (!topics_.empty() && now_ns >= refresh_ns_) refresh_subscription();
    const std::uint64_t lost_before = lost();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    for (;;) {  // until there are records, a wake-up, or time is up
      if (woken_.exchange(false, std::memory_order_acq_rel)) break;
      gather_or_fail_later(records);
      if (!records.empty() || lost() != lost_before || timeout.count() <= 0) break;
      if (!wait(give_up_ns)) {
        gather_or_fail_later(records);
        break;
      }
    }
    return lost() - lost_before;
  }

  void wakeup() noexcept {
    woken_.store(true, std::memory_order_release);
    auto& bell = bus_.connection->doorbell().rings;
    bell.fetch_add(1, std::memory_order_release);
    log::SharedMemory::wake_all(bell);
  }

  void seek(const TopicPartition& partition, std::int64_t offset) {
    if (offset < 0)
      throw Exception({ErrorCode::invalid_argument, fmt::format("offset {} is negative", offset)});
    Entry& entry = assigned(partition);
    entry.positioned = true;
    if (!entry.reader->seek(offset)) reset(entry, fmt::format("offset {}", offset));
  }
  void seek_to_start(const std::vector<TopicPartition>& partitions) {
    for (const auto& partition : partitions) positioned(partition).seek_start();
  }
  void seek_to_end(const std::vector<TopicPartition>& partitions) {
    for (const auto& partition : partitions) positioned(partition).seek_end();
  }
  std::int64_t position(const TopicPartition& partition) {
    return assigned(partition).reader->position();
  }
  PartitionReader& reader(const TopicPartition& partition) { return *assigned(partition).reader; }
  void set_paused(const std::vector<TopicPartition>& partitions, bool paused) {
    for (const auto& partition : partitions) assigned(partition).paused = paused;
  }

  std::optional<OffsetAndTimestamp> offset_for_time(const TopicPartition& partition,
                                                    std::int64_t timestamp_ms) {
    PartitionReader reader(bus_.connection, partition, client::Role::observer);
    const client::TimeOnDisk on_disk = client::find_time_on_disk(reader, timestamp_ms);
    if (on_disk.found)
      return OffsetAndTimestamp{static_cast<std::int64_t>(on_disk.found->offset),
                                on_disk.found->timestamp_ns};
    client::seek_before_time(reader, timestamp_ms, on_disk.searched_to);
    ConsumerRecord record;
    while (reader.next()) {  // ends at the newest record
      reader.fill(record);
      if (record.timestamp_ns / 1'000'000 >= timestamp_ms)
        return OffsetAndTimestamp{record.offset, record.timestamp_ns};
    }
    return std::nullopt;
  }
  std::int64_t start_offset(const TopicPartition& partition) {
    PartitionReader reader(bus_.connection, partition, client::Role::observer);
    reader.seek_start();
    return reader.position();
  }
  std::int64_t end_offset(const TopicPartition& partition) {
    PartitionReader reader(bus_.connection, partition, client::Role::observer);
    reader.seek_end();
    return reader.position();
  }

 private:
  struct Entry {
    std::unique_ptr<PartitionReader> reader;
    bool paused = false;
    bool positioned = true;  // false: auto.offset.reset=none, and no seek yet
  };

  std::vector<Entry>::iterator find(const TopicPartition& partition) {
    return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.reader && entry.reader->partition() == partition;
    });
  }
  Entry& assigned(const TopicPartition& partition) {
    const auto found = find(partition);
    if (found == entries_.end())
      throw Exception(
          {ErrorCode::invalid_state, fmt::format("partition {}-{} is not assigned to this consumer",
                                                 partition.topic, partition.partition)});
    return *found;
  }

  PartitionReader& positioned(const TopicPartition& partition) {
    Entry& entry = assigned(partition);
    entry.positioned = true;
    return *entry.reader;
  }

  Entry open(const TopicPartition& partition) {
    Entry entry{std::make_unique<PartitionReader>(bus_.connection, partition)};
    if (reset_ == Reset::none) {
      entry.positioned = false;
      entry.reader->seek_start();
    } else {
      reset(entry, "");
    }
    return entry;
  }

  void reset(Entry& entry, const std::string& wanted) {
    if (reset_ == Reset::none)
      throw Exception(
          {ErrorCode::offset_out_of_range,
           fmt::format("{} of {}-{} is not in the log, and auto.offset.reset is none", wanted,
                       entry.reader->partition().topic, entry.reader->partition().partition)});
    if (reset_ == Reset::earliest)
      entry.reader->seek_start();
    else
      entry.reader->seek_end();
  }

  // New partitions are read from their start: nothing of them was missed.
  void refresh_subscription() {
    const bool first = entries_.empty();
    if (!first && !bus_.connection->is_online()) {  // reading goes on without a broker
      refresh_ns_ = now_steady_ns() + kAwayLookNs;
      return;
    }
    for (const std::string& topic : topics_) {
      const std::int32_t count = bus_.admin.describe_topic(topic).partitions;
      for (std::int32_t index = 0; index < count; ++index) {
        const TopicPartition partition{topic, index};
        if (find(partition) != entries_.end()) continue;
        entries_.push_back(open(partition));
        if (!first) entries_.back().reader->seek_start();
      }
    }
    refresh_ns_ = now_steady_ns() + max_age_ns_;
  }

  static constexpr std::int64_t kAwayLookNs = 1'000'000'000;

  // One partition that fails takes nothing from the others: what they gave is returned first.
  void gather_or_fail_later(std::vector<ConsumerRecord>& records) {
    const std::size_t first = turn_;
    if (!entries_.empty()) turn_ = (turn_ + 1) % entries_.size();
    try {
      gather(records, first);
    } catch (const Exception&) {
      if (!records.empty() && records.back().topic.empty())
        records.pop_back();  // the one that fill() refused
      if (records.empty()) throw;
      failure_ = std::current_exception();
    }
  }

  // Takes records of each partition in turn. Of one partition only those of one segment, or log
  // file, so that all views stay until the next poll.
  void gather(std::vector<ConsumerRecord>& records, std::size_t first) {
    for (std::size_t i = 0; i < entries_.size() && records.size() < max_records_; ++i) {
      Entry& entry = entries_[(first + i) % entries_.size()];
      if (entry.paused) continue;
      if (!entry.positioned) reset(entry, "a position");
      if (!entry.reader->next()) continue;
      const std::size_t share =
          std::max<std::size_t>(1, (max_records_ - records.size()) / (entries_.size() - i));
      std::size_t taken = 0;
      do {
        entry.reader->fill(records.emplace_back());
        ++taken;
      } while (taken < share && entry.reader->next_in_segment());
      entry.reader->note_progress();
    }
  }

  bool wait(std::int64_t give_up_ns) {
    std::vector<const log::Reader*> readers;
    for (const Entry& entry : entries_)
      if (!entry.paused) readers.push_back(&entry.reader->log());
    const std::int64_t until = topics_.empty() ? give_up_ns : std::min(give_up_ns, refresh_ns_);
    const bool ready = sleeper_.wait(
        bus_.connection->doorbell(), readers,
        [&] {
          if (woken_.load(std::memory_order_acquire)) return true;
          return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
            return !entry.paused && entry.reader->ready();
          });
        },
        until);
    if (!ready && until < give_up_ns) {
      refresh_subscription();
      return true;
    }
    return ready;
  }

  std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const Entry& entry : entries_) sum += entry.reader->lost();
    return sum;
  }

  Bus own_bus_;  // the user's may move or go
  Bus::Impl& bus_;
  client::ConfigReader settings_;
  client::Sleeper sleeper_;
  const std::size_t max_records_;
  const std::int64_t max_age_ns_;
  Reset reset_ = Reset::latest;
  std::vector<std::string> topics_;  // empty: assigned by hand
  std::vector<Entry> entries_;
  std::size_t turn_ = 0;
  std::exception_ptr failure_;  // of the last poll, which returned what it had before
  std::int64_t refresh_ns_ = INT64_MAX;
  std::atomic<bool> woken_{false};
};

Consumer::Consumer(Bus& bus, const Config& config) : impl_(std::make_unique<Impl>(bus, config)) {}
Consumer::Consumer(Consumer&&) noexcept = default;
Consumer::~Consumer() = default;

void Consumer::subscribe(const std::vector<std::string>& topics) {
  impl_->subscribe(topics);
}
void Consumer::assign(const std::vector<TopicPartition>& partitions) {
  impl_->assign(partitions);
}
std::vector<TopicPartition> Consumer::assignment() const {
  return impl_->partitions(false);
}
std::vector<TopicPartition> Consumer::paused() const {
  return impl_->partitions(true);
}

const ConsumerRecords& Consumer::poll(std::chrono::nanoseconds timeout) {
  records_.lost_ = impl_->poll(records_.records_, timeout);
  return records_;
}

void Consumer::wakeup() noexcept {
  impl_->wakeup();
}
void Consumer::seek(const TopicPartition& partition, std::int64_t offset) {
  impl_->seek(partition, offset);
}
void Consumer::seek_to_beginning(const std::vector<TopicPartition>& partitions) {
  impl_->seek_to_start(partitions);
}
void Consumer::seek_to_end(const std::vector<TopicPartition>& partitions) {
  impl_->seek_to_end(partitions);
}
std::int64_t Consumer::position(const TopicPartition& partition) {
  return impl_->position(partition);
}
std::int64_t Consumer::durable_offset(const TopicPartition& partition) {
  return static_cast<std::int64_t>(impl_->reader(partition).durable_offset());
}
std::int64_t Consumer::log_start_offset(const TopicPartition& partition) {
  return static_cast<std::int64_t>(impl_->reader(partition).log_start_offset());
}
void Consumer::pause(const std::vector<TopicPartition>& partitions) {
  impl_->set_paused(partitions, true);
}
void Consumer::resume(const std::vector<TopicPartition>& partitions) {
  impl_->set_paused(partitions, false);
}

std::map<TopicPartition, std::optional<OffsetAndTimestamp>> Consumer::offsets_for_times(
    const std::map<TopicPartition, std::int64_t>& timestamps_ms) {
  std::map<TopicPartition, std::optional<OffsetAndTimestamp>> offsets;
  for (const auto& [partition, timestamp_ms] : timestamps_ms)
    offsets[partition] = impl_->offset_for_time(partition, timestamp_ms);
  return offsets;
}

std::map<TopicPartition, std::int64_t> Consumer::beginning_offsets(
    const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, std::int64_t> offsets;
  for (const auto& partition : partitions) offsets[partition] = impl_->start_offset(partition);
  return offsets;
}

std::map<TopicPartition, std::int64_t> Consumer::end_offsets(
    const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, std::int64_t> offsets;
  for (const auto& partition : partitions) offsets[partition] = impl_->end_offset(partition);
  return offsets;
}

}  // namespace ringmain
