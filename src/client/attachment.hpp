// One line in one partition's shared memory, as a producer or a reader of this process. Gives the
// line back when it goes. One thread uses it.
#pragma once

#include <memory>

#include "client/bus_connection.hpp"
#include "kafka/generated/attach.hpp"
#include "log/partition_view.hpp"
#include "os/mapping.hpp"
#include "ringmain/record.hpp"

namespace ringmain::client {

// An observer reads as a consumer does, but a `block` topic neither waits for it nor goes by it.
enum class Role : std::int8_t { consumer = 0, producer = 1, observer = 3 };

class Attachment final : public log::BrokerBell {
 public:
  // Throws Exception.
  Attachment(std::shared_ptr<BusConnection> bus, TopicPartition partition, Role role);
  ~Attachment() override;
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  const log::PartitionView& view() const noexcept { return view_; }
  std::uint32_t line() const noexcept { return line_; }
  const kafka::Uuid& topic_id() const noexcept { return topic_id_; }
  const TopicPartition& partition() const noexcept { return partition_; }
  BusConnection& bus() const noexcept { return *bus_; }

  void ring() noexcept override { bus_->ring(); }
  // Fills the page tables for a part of a slot, once, so that not each page costs a fault.
  void will_use(const std::byte* slot, std::size_t bytes) noexcept override;

  // The bus's memory was lost and made anew (its folder was removed): this attachment is void.
  bool is_void() const noexcept { return bus_->incarnation() != incarnation_; }
  // What to throw when it is.
  [[noreturn]] void throw_void() const;
  // What to throw when the log says that the partition is gone: unknown_topic_or_partition, or
  // corrupt_memory where nobody has deleted it.
  [[noreturn]] void throw_deleted() const;

 private:
  bool attach();
  bool confirm() noexcept;
  void map(const Answer<kafka::AttachResponse>& answer);
  void give_back() const;

  std::shared_ptr<BusConnection> bus_;
  TopicPartition partition_;
  Role role_;
  kafka::Uuid topic_id_;
  std::uint32_t line_ = 0;
  std::uint32_t incarnation_ = 0;
  os::Mapping log_, readers_;
  log::PartitionView view_;
  std::vector<std::uint64_t> mapped_bytes_;  // by slot
};

}  // namespace ringmain::client
