// One partition as a consumer reads it over TCP: the parcels that were fetched of it, gone over
// batch by batch and record by record, and the order for what comes next. The consumer's polling
// thread.
//
// Two parcels at the most: one that is being used, and one ahead. The order for the second is made
// when the first is begun.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "client/open_batch.hpp"
#include "client/partition_source.hpp"
#include "client/remote_fetcher.hpp"

namespace ringmain::client {

class RemotePartition final : public PartitionSource {
 public:
  // `tickets`: the last that was given out, of all partitions of one consumer; outlives this.
  RemotePartition(TopicPartition partition, std::uint64_t& tickets)
      : partition_(std::move(partition)), tickets_(tickets) {}

  const TopicPartition& partition() const noexcept override { return partition_; }
  std::int64_t position() const noexcept override { return position_; }
  bool seek(std::int64_t offset) override;  // whether the log has it, fetching tells
  void seek_start() override { restart(kFromStart); }
  void seek_end() override { restart(kFromEnd); }
  std::uint64_t lost() const noexcept override { return lost_; }
  bool is_void() const noexcept override { return false; }

  // What it waits for; no value: nothing, before what came is used.
  std::optional<FetchOrder> order() const;
  // The same under a new ticket: what comes for the old one is dropped.
  void order_anew() noexcept;
  // Drops what was not ordered, or not any more.
  void take(Parcel parcel);

  // Moves to the next record; false: there is none here. Throws Exception: what fetching said, and
  // corrupt_message. Then everything is fetched anew, from the same record on.
  bool next();
  void fill(ConsumerRecord& record);
  // The log does not have what comes next; for the consumer to say where to go on.
  bool is_out_of_range() const noexcept { return is_out_of_range_; }
  // Where that is because the log's start has overtaken it: goes there, and counts what is lost.
  bool follow_start();
  // Until now, all that was given out stays where it is.
  void let_passed_go() noexcept;

  std::int64_t log_start_offset() const noexcept { return log_start_offset_; }  // -1: not told yet

  // The last list of orders that it had a part in, and the last ticket that stood in one.
  std::uint64_t listed_in = 0, listed_ticket = 0;

 private:
  void restart(std::int64_t from);
  bool open_parcel();
  bool open_batch();
  [[noreturn]] void refuse(const Error& why, std::int64_t behind);

  const TopicPartition partition_;
  std::uint64_t& tickets_;
  std::int64_t position_ = -1;
  std::uint64_t lost_ = 0;
  std::int64_t log_start_offset_ = -1;
  bool was_read_ = false;  // a record was given out since it was placed
  bool is_out_of_range_ = false;

  bool waits_ = false;        // for a parcel
  std::uint64_t ticket_ = 0;  // of that order
  std::int64_t from_ = kFromEnd;
  std::optional<Parcel> ahead_;
  // What is being used.
  Parcel parcel_;
  std::span<const std::byte> left_;  // batches of it
  bool is_cut_ = false;              // not one of them was whole so far
  std::unique_ptr<OpenBatch> batch_;
  // What records that were given out may refer to.
  std::vector<std::unique_ptr<OpenBatch>> passed_batches_;
  std::vector<std::shared_ptr<const kafka::Bytes>> passed_messages_;
};

}  // namespace ringmain::client
