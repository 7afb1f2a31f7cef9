#include "client/remote_partitions.hpp"

#include <fmt/format.h>

#include <thread>
#include <utility>

namespace ringmain::client {
namespace {

constexpr std::int64_t kLookUpNs = 60'000'000'000;  // Kafka's default.api.timeout.ms
constexpr auto kLookUpPause = std::chrono::milliseconds(100);
constexpr std::int64_t kNsPerMs = 1'000'000;

RemotePartition& remote(const AssignedPartition& one) {
  return static_cast<RemotePartition&>(*one.source);
}

bool is_wanted(const AssignedPartition& one) {
  return one.positioned && (!one.paused || one.source->position() < 0);
}

}  // namespace

// Only that it exists must be known now: reading waits for a broker that is away.
std::unique_ptr<PartitionSource> RemotePartitions::open_source(const TopicPartition& partition) {
  if (const auto leader = fetcher_.leader(partition);
      !leader && leader.error().code == ErrorCode::unknown_topic_or_partition)
    throw Exception(leader.error());
  return std::make_unique<RemotePartition>(partition, tickets_);
}

// ---- reading

void RemotePartitions::gather_from(std::vector<ConsumerRecord>& records, std::size_t first) {
  for (const AssignedPartition& one : all_) remote(one).let_passed_go();
  take_parcels();
  struct Finally {  // also after an error: the others go on
    RemotePartitions& self;
    ~Finally() { self.send_orders(); }
  } const finally{*this};
  for (std::size_t i = 0; i < all_.size() && !is_full(records); ++i) {
    at_ = (first + i) % all_.size();
    AssignedPartition& one = all_[at_];
    if (one.paused) continue;
    if (!one.began) begin(one);
    take_from(one, records, share(records, i));
  }
}

void RemotePartitions::take_from(AssignedPartition& one, std::vector<ConsumerRecord>& records,
                                 std::size_t most) {
  RemotePartition& source = remote(one);
  for (std::size_t taken = 0; taken < most && source.next(); ++taken)
    source.fill(records.emplace_back());
  if (source.is_out_of_range() && !source.follow_start())
    reset(one, fmt::format("offset {}", source.position()));
}

void RemotePartitions::take_parcels() {
  for (Parcel& parcel : fetcher_.take())
    if (AssignedPartition* one = find(parcel.partition)) remote(*one).take(std::move(parcel));
}

// Tells the fetcher what is wanted, if that is not what it was.
void RemotePartitions::send_orders() {
  std::size_t wanted = 0;
  bool is_news = false, others_are_full = false;
  for (const AssignedPartition& one : all_) {
    if (!is_wanted(one)) continue;
    RemotePartition& source = remote(one);
    const auto order = source.order();
    if (!order) {
      others_are_full = true;
      continue;
    }
    ++wanted;
    // Whoever stood in no list for a while has perhaps missed a parcel.
    if (source.listed_in != list_) source.order_anew();
    is_news |= source.listed_in != list_ || source.listed_ticket != order->ticket;
  }
  if (!is_news && wanted == listed_ && others_are_full == others_were_full_) return;
  ++list_;
  std::vector<FetchOrder> orders;
  for (const AssignedPartition& one : all_) {
    if (!is_wanted(one)) continue;
    RemotePartition& source = remote(one);
    source.listed_in = list_;
    if (const auto order = source.order()) {
      source.listed_ticket = order->ticket;
      orders.push_back(*order);
    }
  }
  listed_ = wanted;
  others_were_full_ = others_are_full;
  fetcher_.order(std::move(orders), others_are_full);
}

void RemotePartitions::settle(const std::atomic<std::uint32_t>& signals, std::uint32_t ending,
                              os::Deadline deadline) {
  const auto is_settled = [](const AssignedPartition& one) {
    return !one.positioned || one.source->position() >= 0 || !remote(one).order();
  };
  for (;;) {  // until all are placed, refused, or time is up
    take_parcels();
    send_orders();
    if (std::ranges::all_of(all_, is_settled) || deadline.poll_timeout_ms() == 0) return;
    if ((signals.load(std::memory_order_acquire) & ending) != 0) return;
    fetcher_.wait(signals, ending, now_steady_ns() + std::int64_t{deadline.poll_timeout_ms()} * kNsPerMs);
  }
}

// ---- questions

FoundOffset RemotePartitions::look_up(const TopicPartition& partition, std::int64_t time) {
  const os::Deadline deadline = os::Deadline::after_ns(kLookUpNs);
  for (;;) {  // until the deadline
    const auto found = [&]() -> Result<FoundOffset> {
      RINGMAIN_TRY_ASSIGN(leader, fetcher_.leader(partition));
      RINGMAIN_TRY_ASSIGN(told, list_offsets(*cluster_, leader, {{partition, time}}));
      const auto one = told.find(partition);
      if (one == told.end())
        return fail(ErrorCode::invalid_state,
                    fmt::format("the broker said nothing about partition {}-{}", partition.topic,
                                partition.partition));
      if (one->second.error != 0)
        return tl::make_unexpected(
            partition_error(one->second.error, partition, "look up offsets of"));
      return one->second;
    }();
    if (found) return *found;
    fetcher_.forget_leader(partition);
    if (found.error().code != ErrorCode::leader_not_available || deadline.poll_timeout_ms() == 0)
      throw Exception(found.error());
    std::this_thread::sleep_for(kLookUpPause);
  }
}

std::int64_t RemotePartitions::start_offset(const TopicPartition& partition) {
  return look_up(partition, kFromStart).offset;
}

std::int64_t RemotePartitions::end_offset(const TopicPartition& partition) {
  return look_up(partition, kFromEnd).offset;
}

std::optional<OffsetAndTimestamp> RemotePartitions::offset_for_time(const TopicPartition& partition,
                                                                    std::int64_t timestamp_ms) {
  const FoundOffset found = look_up(partition, std::max<std::int64_t>(timestamp_ms, 0));
  if (found.offset < 0) return std::nullopt;
  return OffsetAndTimestamp{found.offset, found.timestamp_ms * kNsPerMs};
}

std::int64_t RemotePartitions::durable_offset(const PartitionSource& source) {
  throw Exception(
      {ErrorCode::unsupported_version,
       fmt::format("how far {}-{} is on disk is not told over TCP: it is in the shared memory of "
                   "the broker's host",
                   source.partition().topic, source.partition().partition)});
}

std::int64_t RemotePartitions::log_start_offset(const PartitionSource& source) {
  const std::int64_t told = static_cast<const RemotePartition&>(source).log_start_offset();
  return told >= 0 ? told : start_offset(source.partition());
}

}  // namespace ringmain::client
