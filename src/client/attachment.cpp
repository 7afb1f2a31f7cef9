#include "client/attachment.hpp"

#include <fmt/format.h>

#include "kafka/generated/detach.hpp"
#include "log/geometry.hpp"

namespace ringmain::client {
namespace {

constexpr std::int32_t kProtocolVersion = 1;

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw Exception(result.error());
  return std::move(*result);
}

std::string text(const TopicPartition& partition) { return fmt::format("{}-{}", partition.topic, partition.partition); }

}  // namespace

Attachment::Attachment(std::shared_ptr<BusConnection> bus, TopicPartition partition, Role role)
    : bus_(std::move(bus)), partition_(std::move(partition)), role_(role) {
  while (!attach()) {  // again only if the broker has died meanwhile
  }
}

bool Attachment::attach() {
  kafka::AttachRequest request;
  request.topic = partition_.topic;
  request.partition = partition_.partition;
  request.role = static_cast<std::int8_t>(role_);
  request.protocol_version = kProtocolVersion;
  incarnation_ = bus_->incarnation();
  auto answer = value_or_throw(bus_->call<kafka::AttachResponse>(request, 0));
  const auto& response = answer.response;
  if (response.error_code != 0)
    throw Exception({static_cast<ErrorCode>(response.error_code), response.error_message.value_or("refused")});
  const std::uint32_t lines = role_ != Role::producer ? format::kMaxReaders : format::kMaxProducers;
  if (answer.fds.size() != 2 || response.entry_index < 0 || static_cast<std::uint32_t>(response.entry_index) >= lines)
    throw Exception({ErrorCode::version_mismatch,
                     fmt::format("the broker's answer for {} makes no sense; is it of the same version?", text(partition_))});
  topic_id_ = response.topic_id;
  line_ = static_cast<std::uint32_t>(response.entry_index);

  try {
    map(answer);
  } catch (const Exception&) {
    give_back();
    throw;
  }
  return confirm();
}

// Says that the answer has come. A broker that dies over its answer leaves a line of ours that we
// know nothing of; so the next one takes back what is not confirmed when we greet it. False: it did,
// between the answer and here.
//   Order: acq_rel; partner: the exchange in Partition::take_back_unconfirmed().
bool Attachment::confirm() noexcept {
  auto& word = role_ != Role::producer ? view_.readers().lines[line_].next_offset : view_.intent(line_).offset;
  std::uint64_t unconfirmed = format::kNoOffset;
  return word.compare_exchange_strong(unconfirmed, 0, std::memory_order_acq_rel, std::memory_order_acquire);
}

void Attachment::map(const Answer<kafka::AttachResponse>& answer) {
  const auto& response = answer.response;
  const std::string what = "the shared memory of " + text(partition_);
  const auto access = role_ != Role::producer ? os::Access::read_only : os::Access::read_write;
  log_ = value_or_throw(os::Mapping::map(answer.fds[0].get(), 0, static_cast<std::uint64_t>(response.log_bytes), access));
  readers_ = value_or_throw(os::Mapping::map(answer.fds[1].get(), 0, static_cast<std::uint64_t>(response.readers_bytes),
                                             os::Access::read_write));
  const log::Geometry geometry = value_or_throw(log::read_geometry(log_.bytes(), what));
  if (const Status checked = log::check_readers(readers_.bytes(), what); !checked) throw Exception(checked.error());
  log_.advise_huge();
  view_ = {geometry, log_.data(), reinterpret_cast<format::Readers*>(readers_.data()), bus_->doorbells()};
  mapped_bytes_.resize(geometry.slot_limit);
}

void Attachment::will_use(const std::byte* slot, std::size_t bytes) noexcept {
  const std::uint64_t at = static_cast<std::uint64_t>(slot - log_.data());
  const std::uint64_t index = (at - view_.geometry().slots_at) / view_.geometry().slot_bytes;
  std::uint64_t& mapped = mapped_bytes_[index];
  if (mapped >= bytes) return;
  const auto purpose = role_ != Role::producer ? os::Populate::for_read : os::Populate::for_write;
  static_cast<void>(log_.populate(at + mapped, bytes - mapped, purpose));  // else page by page, when touched
  mapped = bytes;
}

Attachment::~Attachment() {
  if (!is_void()) give_back();
}

void Attachment::give_back() const {
  kafka::DetachRequest request;
  request.topic_id = topic_id_;
  request.partition = partition_.partition;
  request.role = static_cast<std::int8_t>(role_);
  request.entry_index = static_cast<std::int32_t>(line_);
  bus_->give_back(request);
}

void Attachment::throw_void() const {
  throw Exception({ErrorCode::closed, fmt::format("the shared memory of {} was removed while it was in use; open it anew",
                                                  text(partition_))});
}

void Attachment::throw_deleted() const {
  // The log says "gone" of whatever it cannot use; only the broker's word tells which it is.
  if (view_.control().state.load(std::memory_order_acquire) !=
      static_cast<std::uint32_t>(format::PartitionState::deleted))
    throw Exception({ErrorCode::corrupt_memory,
                     fmt::format("the shared memory of {} is damaged: somebody wrote over the words by which its "
                                 "producers share it; delete the topic",
                                 text(partition_))});
  throw Exception({ErrorCode::unknown_topic_or_partition,
                   fmt::format("topic {} was deleted while it was in use", partition_.topic)});
}

}  // namespace ringmain::client
