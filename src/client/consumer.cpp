// Consumer: reads partitions in turn. What it reads: assigned_partitions.hpp, from shared memory or
// over TCP as its Bus was opened; how members of a group share it: consumer_group.hpp.
#include "ringmain/consumer.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <iterator>
#include <set>
#include <utility>

#include "client/assigned_partitions.hpp"
#include "client/bus_impl.hpp"
#include "client/config.hpp"
#include "client/consumer_group.hpp"
#include "client/group_settings.hpp"
#include "client/local_partitions.hpp"
#include "client/remote_partitions.hpp"
#include "client/remote_peers.hpp"

namespace ringmain {
namespace {

using client::AssignedPartition;
using client::PartitionSource;
using client::Reset;

constexpr std::int64_t kDestructorNs = 5'000'000'000;
constexpr std::int64_t kAwayLookNs = 1'000'000'000;
constexpr std::int64_t kSettleNs =
    30'000'000'000;  // until a broker has said where partitions stand
// Of a consumer's own connections over TCP, which are made again when that was not enough.
constexpr client::RemoteTimes kRemoteTimes{.connect_ns = 3'000'000'000, .answer_ns = 5'000'000'000};

// What other threads tell the one that polls.
constexpr std::uint32_t kWoken = 1;
constexpr std::uint32_t kGroupNews = 2;

WaitStrategy wait_strategy(const std::string& name) {
  return name == "spin"    ? WaitStrategy::spin
         : name == "yield" ? WaitStrategy::yield
                           : WaitStrategy::sleep;
}

Reset reset_named(const std::string& name) {
  return name == "earliest" ? Reset::earliest : name == "latest" ? Reset::latest : Reset::none;
}

}  // namespace

class Consumer::Impl {
 public:
  Impl(Bus& bus, const Config& config)
      : own_bus_(Bus::Impl::share(bus.impl(), client::client_id_of(config))),
        bus_(own_bus_.impl()),
        settings_(config, "consumer",
                  {"auto.offset.reset", "max.poll.records", "wait.strategy", "metadata.max.age.ms",
                   "client.id", "group.id", "group.instance.id", "session.timeout.ms",
                   "heartbeat.interval.ms", "max.poll.interval.ms", "partition.assignment.strategy",
                   "enable.auto.commit", "auto.commit.interval.ms", "fetch.min.bytes",
                   "fetch.max.wait.ms", "fetch.max.bytes", "max.partition.fetch.bytes"}),
        client_id_(client::client_id_of(config).empty() ? bus_.client_id()
                                                        : client::client_id_of(config)),
        max_age_ns_(settings_.number("metadata.max.age.ms", 300'000, 0, INT64_MAX / 2'000'000) *
                    1'000'000),
        remote_(bus_.remote ? bus_.remote->twin(client_id_, kRemoteTimes) : nullptr),
        partitions_(make_partitions(config)) {
    auto group = client::GroupSettings::read(config, settings_);
    if (group.group.empty()) return;
    std::shared_ptr<client::LinkPeer> coordinator;
    if (remote_)
      coordinator = std::make_shared<client::RemoteCoordinator>(remote_, group.group);
    else
      coordinator = std::make_shared<client::BusPeer>(bus_.connection->directory());
    group_ = std::make_unique<client::ConsumerGroup>(bus_, std::move(coordinator), client_id_,
                                                     std::move(group), max_age_ns_, *partitions_,
                                                     [this] { tell(kGroupNews); });
  }

  ~Impl() {
    try {
      if (!closed_ && group_)
        group_->leave(os::Deadline::after_ns(kDestructorNs), client::ConsumerGroup::Tell::nobody);
    } catch (...) {  // callbacks of commits: nobody is left to tell
    }
  }

  void subscribe(const std::vector<std::string>& topics,
                 std::shared_ptr<RebalanceListener> listener) {
    check_usable();
    if (group_ && topics.empty()) return leave_group();
    if (group_) {
      topics_.clear();
      group_->subscribe(topics, std::move(listener));
      attention_ns_ = 0;
      return;
    }
    std::vector<AssignedPartition> before = partitions_->take_all();
    std::vector<std::string> topics_before = std::exchange(topics_, topics);
    try {
      refresh_subscription();
    } catch (const Exception&) {  // what was read before is still read
      partitions_->take_all();
      for (AssignedPartition& one : before) partitions_->add(std::move(one));
      topics_ = std::move(topics_before);
      throw;
    }
  }

  void assign(const std::vector<TopicPartition>& partitions) {
    check_usable();
    if (group_ && group_->is_subscribed()) leave_group();
    const std::set<TopicPartition> wanted(partitions.begin(), partitions.end());
    std::vector<AssignedPartition> opened;
    for (const auto& partition : wanted)
      if (partitions_->find(partition) == nullptr) opened.push_back(partitions_->open(partition));
    if (group_)
      group_->place(opened);
    else
      for (AssignedPartition& one : opened) partitions_->place_at_reset(one);
    // Nothing is refused from here on: until now, all is as it was.
    topics_.clear();
    partitions_->keep_only(wanted);
    for (AssignedPartition& one : opened) partitions_->add(std::move(one));
    attention_ns_ = group_ ? 0 : INT64_MAX;
    settle();
  }

  void close(std::chrono::nanoseconds timeout) {
    if (closed_) return;
    check_usable();
    std::exception_ptr problem;
    try {
      if (group_)
        group_->leave(os::Deadline::after_ns(timeout.count()),
                      client::ConsumerGroup::Tell::listener);
    } catch (...) {  // the listener's, or a callback's: it is closed all the same
      problem = std::current_exception();
    }
    closed_ = true;
    attention_ns_ = 0;
    partitions_->take_all();
    if (problem) std::rethrow_exception(problem);
  }

  client::AssignedPartitions& partitions() { return *partitions_; }

  std::uint64_t poll(std::vector<ConsumerRecord>& records, std::chrono::nanoseconds timeout) {
    records.clear();
    const std::int64_t now_ns = now_steady_ns();
    const std::int64_t give_up_ns =
        timeout.count() > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout.count();
    if (now_ns >= attention_ns_) attend(now_ns);
    for (;;) {  // until there are records, a wake-up, or time is up
      if (signals_.load(std::memory_order_acquire) != 0 && take_signals()) break;
      gather(records);
      if (!records.empty() || partitions_->lost() != lost_told_ || timeout.count() <= 0) break;
      if (!wait(give_up_ns)) {
        gather(records);
        break;
      }
    }
    const std::uint64_t lost = partitions_->lost();
    return lost - std::exchange(lost_told_, lost);
  }

  void wakeup() noexcept { tell(kWoken); }

  void seek(const TopicPartition& partition, std::int64_t offset) {
    if (offset < 0)
      throw Exception({ErrorCode::invalid_argument, fmt::format("offset {} is negative", offset)});
    partitions_->seek(partitions_->at(partition), offset);
  }
  void seek_to_start(const std::vector<TopicPartition>& partitions) {
    for (const auto& partition : partitions) positioned(partition).seek_start();
  }
  void seek_to_end(const std::vector<TopicPartition>& partitions) {
    for (const auto& partition : partitions) positioned(partition).seek_end();
  }
  const PartitionSource& source(const TopicPartition& partition) {
    return *partitions_->at(partition).source;
  }
  std::int64_t position(const TopicPartition& partition) {
    const AssignedPartition& one = partitions_->at(partition);
    if (one.source->position() < 0) settle();
    if (const std::int64_t position = one.source->position(); position >= 0) return position;
    throw Exception({ErrorCode::request_timed_out,
                     fmt::format("no broker says where {}-{} stands; poll() goes on asking",
                                 partition.topic, partition.partition)});
  }
  void set_paused(const std::vector<TopicPartition>& partitions, bool paused) {
    for (const auto& partition : partitions) partitions_->at(partition).paused = paused;
  }

  // Throws Exception(invalid_state) without group.id.
  client::ConsumerGroup& group() {
    check_open();
    if (!group_)
      throw Exception({ErrorCode::invalid_state,
                       "this consumer has no group: commits need the setting group.id"});
    return *group_;
  }
  GroupMetadata group_metadata() const { return group_ ? group_->metadata() : GroupMetadata{}; }

  // After commits that are under way, whose answers are looked for.
  void look_soon() { attention_ns_ = std::min(attention_ns_, group_->attention_ns()); }

 private:
  void check_open() const {
    if (closed_) throw Exception({ErrorCode::closed, "this consumer is closed"});
  }
  void check_usable() const {
    check_open();
    if (group_ && group_->is_telling())
      throw Exception({ErrorCode::invalid_state,
                       "a rebalance listener may not poll, subscribe, assign or close"});
  }

  void leave_group() {
    group_->leave(os::Deadline::after_ns(kDestructorNs), client::ConsumerGroup::Tell::listener);
    attention_ns_ = group_->attention_ns();
  }

  PartitionSource& positioned(const TopicPartition& partition) {
    AssignedPartition& one = partitions_->at(partition);
    one.positioned = true;
    return *one.source;
  }

  void settle() { partitions_->settle(signals_, kWoken, os::Deadline::after_ns(kSettleNs)); }

  std::unique_ptr<client::AssignedPartitions> make_partitions(const Config& config) const {
    const Reset reset = reset_named(
        settings_.choice("auto.offset.reset", "latest", {"earliest", "latest", "none"}));
    const auto max_records =
        static_cast<std::size_t>(settings_.number("max.poll.records", 500, 1, INT32_MAX));
    const WaitStrategy wait =
        wait_strategy(settings_.choice("wait.strategy", "sleep", {"spin", "yield", "sleep"}));
    if (remote_)
      return std::make_unique<client::RemotePartitions>(
          remote_, client_id_, client::FetchSettings::read(config, settings_), reset, max_records);
    client::FetchSettings::refuse(config);
    return std::make_unique<client::LocalPartitions>(bus_.connection, reset, max_records, wait);
  }

  // Any thread.
  void tell(std::uint32_t what) noexcept {
    signals_.fetch_or(what, std::memory_order_release);
    partitions_->ring();
  }

  // Whether poll() was woken.
  bool take_signals() {
    const std::uint32_t signals = signals_.exchange(0, std::memory_order_acq_rel);
    if ((signals & kGroupNews) != 0 && group_) {
      if ((signals & kWoken) != 0) signals_.fetch_or(kWoken, std::memory_order_relaxed);
      attend(now_steady_ns());
      return (signals_.fetch_and(~kWoken, std::memory_order_acq_rel) & kWoken) != 0;
    }
    return (signals & kWoken) != 0;
  }

  // What is due now and then.
  void attend(std::int64_t now_ns) {
    check_usable();
    if (!topics_.empty()) refresh_subscription();
    if (!group_) return;
    attention_ns_ = 0;  // while listeners are told: a poll() of theirs comes here, and is refused
    try {
      group_->attend(now_ns);
    } catch (...) {
      attention_ns_ = group_->attention_ns();
      throw;
    }
    attention_ns_ = group_->attention_ns();
  }

  // New partitions are read from their start: nothing of them was missed.
  void refresh_subscription() {
    const bool first = partitions_->is_empty();
    if (!first && !bus_.is_online()) {  // reading goes on without a broker
      attention_ns_ = now_steady_ns() + kAwayLookNs;
      return;
    }
    for (const std::string& topic : topics_) {
      const std::optional<std::int32_t> count = partition_count(topic, first);
      if (!count) return;
      for (std::int32_t index = 0; index < *count; ++index) {
        const TopicPartition partition{topic, index};
        if (partitions_->find(partition) != nullptr) continue;
        AssignedPartition opened = partitions_->open(partition);
        first ? partitions_->place_at_reset(opened) : partitions_->place_at_start(opened);
        partitions_->add(std::move(opened));
      }
    }
    attention_ns_ = now_steady_ns() + max_age_ns_;
    if (first) settle();
  }

  // No value: the broker cannot be asked now, and reading goes on with what is known.
  std::optional<std::int32_t> partition_count(const std::string& topic, bool must_know) {
    try {
      return bus_.admin.describe_topic(topic).partitions;
    } catch (const Exception& thrown) {
      if (must_know || !bus_.remote || thrown.code() == ErrorCode::unknown_topic_or_partition)
        throw;
      attention_ns_ = now_steady_ns() + kAwayLookNs;
      return std::nullopt;
    }
  }

  void gather(std::vector<ConsumerRecord>& records) {
    partitions_->gather(records,
                        group_ && group_->is_subscribed() ? drop_deleted_ : fail_on_deleted_);
  }

  bool wait(std::int64_t give_up_ns) {
    const std::int64_t until = std::min(give_up_ns, attention_ns_);
    const bool ready = partitions_->wait(signals_, until);
    if (!ready && until < give_up_ns) {
      attend(now_steady_ns());
      return true;
    }
    return ready;
  }

  Bus own_bus_;  // the user's may move or go
  Bus::Impl& bus_;
  client::ConfigReader settings_;
  const std::string client_id_;
  const std::int64_t max_age_ns_;
  const std::shared_ptr<client::RemoteCluster> remote_;  // over TCP: this consumer's own way
  const std::unique_ptr<client::AssignedPartitions> partitions_;
  std::vector<std::string> topics_;        // subscribed to without a group; empty: assigned by hand
  std::int64_t attention_ns_ = INT64_MAX;  // when attend() is due
  std::uint64_t lost_told_ = 0;            // by polls
  std::atomic<std::uint32_t> signals_{0};
  bool closed_ = false;
  const std::function<void(const TopicPartition&)> fail_on_deleted_;
  const std::function<void(const TopicPartition&)> drop_deleted_ =
      [this](const TopicPartition& gone) {
        group_->was_deleted(gone);
        attention_ns_ = group_->attention_ns();
      };
  std::unique_ptr<client::ConsumerGroup> group_;  // with group.id; its thread ends first
};

Consumer::Consumer(Bus& bus, const Config& config) : impl_(std::make_unique<Impl>(bus, config)) {}
Consumer::Consumer(Consumer&&) noexcept = default;
Consumer::~Consumer() = default;

void Consumer::subscribe(const std::vector<std::string>& topics,
                         std::shared_ptr<RebalanceListener> listener) {
  impl_->subscribe(topics, std::move(listener));
}
void Consumer::assign(const std::vector<TopicPartition>& partitions) {
  impl_->assign(partitions);
}
std::vector<TopicPartition> Consumer::assignment() const {
  return impl_->partitions().list();
}
std::vector<TopicPartition> Consumer::paused() const {
  return impl_->partitions().paused();
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
  return impl_->partitions().durable_offset(impl_->source(partition));
}
std::int64_t Consumer::log_start_offset(const TopicPartition& partition) {
  return impl_->partitions().log_start_offset(impl_->source(partition));
}
void Consumer::pause(const std::vector<TopicPartition>& partitions) {
  impl_->set_paused(partitions, true);
}
void Consumer::resume(const std::vector<TopicPartition>& partitions) {
  impl_->set_paused(partitions, false);
}

void Consumer::commit_sync() {
  client::ConsumerGroup& group = impl_->group();
  group.commit(group.positions());
}
void Consumer::commit_sync(const CommittedOffsets& offsets) {
  impl_->group().commit(offsets);
}
void Consumer::commit_async(CommitCallback callback) {
  commit_async(impl_->group().positions(), std::move(callback));
}
void Consumer::commit_async(const CommittedOffsets& offsets, CommitCallback callback) {
  impl_->group().commit_later(offsets, std::move(callback));
  impl_->look_soon();
}
CommittedOffsets Consumer::committed(const std::vector<TopicPartition>& partitions) {
  return impl_->group().committed(partitions);
}
GroupMetadata Consumer::group_metadata() const {
  return impl_->group_metadata();
}
void Consumer::close(std::chrono::nanoseconds timeout) {
  impl_->close(timeout);
}

std::map<TopicPartition, std::optional<OffsetAndTimestamp>> Consumer::offsets_for_times(
    const std::map<TopicPartition, std::int64_t>& timestamps_ms) {
  std::map<TopicPartition, std::optional<OffsetAndTimestamp>> offsets;
  for (const auto& [partition, timestamp_ms] : timestamps_ms)
    offsets[partition] = impl_->partitions().offset_for_time(partition, timestamp_ms);
  return offsets;
}

std::map<TopicPartition, std::int64_t> Consumer::beginning_offsets(
    const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, std::int64_t> offsets;
  for (const auto& partition : partitions)
    offsets[partition] = impl_->partitions().start_offset(partition);
  return offsets;
}

std::map<TopicPartition, std::int64_t> Consumer::end_offsets(
    const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, std::int64_t> offsets;
  for (const auto& partition : partitions)
    offsets[partition] = impl_->partitions().end_offset(partition);
  return offsets;
}

}  // namespace ringmain
