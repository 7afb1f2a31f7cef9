// The records of a producer over TCP, from send() until it is known what became of them. Decides
// which batches may go, and when; what carries them is BrokerSender, a thread for each broker.
//
//   add() --> the open batch of its partition --take()--> on its way --acknowledged()--> settled
//               ^                                            |   `--failed()--------------> settled
//               `----- failed(), to be tried again ----------'
//   What is older than delivery.timeout.ms is settled as failed, wherever it is.
//
// Invariants:
//   1. Of a partition at most one batch is on its way, so its records keep their order whatever is
//      tried again. Meanwhile the batch behind it grows, above batch.size, up to max.request.size.
//   2. What is held of records that are not settled is at most buffer.memory, or one record.
//   3. A batch's id is higher than those of all that were opened before; batches of a partition are
//      settled in that order.
// Thread safe. Times are of the steady clock.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/gathered_batch.hpp"
#include "client/pipelined_connection.hpp"
#include "client/remote_producer_settings.hpp"

namespace ringmain::client {

class Outbox {
 public:
  // Of a record that somebody waits for. Guarded by the outbox, until it is done.
  struct Awaited {
    bool is_done = false;
    RecordMetadata metadata;
    std::optional<Error> error;
  };

  struct Lane;
  struct Batch : GatheredBatch {
    Lane* lane = nullptr;
    std::uint64_t id = 0;
    std::int64_t due_ns = 0;       // it goes then, though it is not full
    std::int64_t not_before_ns = 0;
    std::int64_t deadline_ns = 0;  // of delivery.timeout.ms
    int tries = 0;                 // that failed
    bool is_open = true;           // takes records
    bool is_told = false;          // settled while it is on its way
    std::size_t held_bytes = 0;    // of buffer.memory
    kafka::Bytes bytes{};          // as it goes, once somebody has sealed it
    std::vector<std::pair<std::size_t, Awaited*>> awaited{};  // by the record's index
    std::optional<Error> trouble{};                           // of the last try

    const TopicPartition& partition() const noexcept;
  };
  using BatchPointer = std::unique_ptr<Batch>;

  // A batch of which all is known.
  struct Settled {
    std::int32_t partition = -1;
    std::vector<GatheredBatch::Record> records;
    std::int64_t base_offset = -1;         // -1: not known
    std::int64_t append_time_ns = -1;      // -1: the records have their own times
    std::optional<Error> error;
  };

  explicit Outbox(const RemoteProducerSettings& settings) : settings_(settings) {}

  // ---- The user's thread

  enum class Added { yes, no_room };
  // Throws Exception: message_too_large, invalid_record.
  Added add(std::int32_t partition, const ProducerRecord& record, const DeliveryCallback& callback,
            Awaited* awaited, std::int64_t now_ns);
  // Whether a record of that size would have room; false: time is up.
  bool await_room(const ProducerRecord& record, std::int64_t until_ns);
  void await(const Awaited& awaited);
  // All that was added goes now. Gives what await_settled() takes.
  std::uint64_t hurry();
  // false: time is up.
  bool await_settled(std::uint64_t mark, std::int64_t until_ns);
  // Whether there may be something to take; cheap enough for every record.
  bool has_settled() const noexcept { return has_settled_.load(std::memory_order_relaxed); }
  // What is settled and was not taken yet, behind what `into` has.
  void take_settled(std::deque<Settled>& into, std::int64_t now_ns);

  // ---- Who leads a topic's partitions

  // Every broker that is a leader must be known by attach().
  void attach(std::int32_t broker, Wake& wake);
  void set_leaders(const std::string& topic, const std::vector<std::int32_t>& leaders);
  void fail_topic(const std::string& topic, const Error& error);

  // ---- The thread of a broker

  // When something for it can go: by now, or later: then its bell rings if that changes.
  std::int64_t next_due_ns(std::int32_t broker, std::int64_t now_ns);
  // What can go by now, of partitions that it leads, in one request. Each batch comes back by one
  // of the three that follow.
  std::vector<BatchPointer> take(std::int32_t broker, std::int64_t now_ns);
  void acknowledged(BatchPointer batch, std::int64_t base_offset, std::int64_t append_time_ms);
  enum class Again { yes, no };
  void failed(BatchPointer batch, const Error& error, Again again, std::int64_t now_ns);
  // The broker finds it too large: it is cut in two.
  void too_large(BatchPointer batch, const Error& error, std::int64_t now_ns);
  // Why nothing can be sent to it at present.
  void note_trouble(std::int32_t broker, const Error& error);

  struct Mailbox {
    Wake* wake = nullptr;
    bool is_waiting = false;  // and wants to be woken
    std::vector<Lane*> lanes;
    std::size_t first = 0;    // whose turn it is
    std::string trouble;
  };
  struct Lane {
    TopicPartition partition;
    Mailbox* leader = nullptr;  // null: not known, or none
    std::deque<BatchPointer> waiting;
    Batch* on_its_way = nullptr;
    std::uint64_t hurried = 0;     // batches up to this id do not linger
    std::size_t most_bytes = 0;    // of a batch; less than max.request.size once the broker has said so
    std::optional<Error> missing;  // its topic is not there: nothing is tried again
  };

 private:
  struct Topic {
    std::vector<std::int32_t> leaders;
    std::vector<std::unique_ptr<Lane>> lanes;  // by partition; null: not used yet
  };

  Lane& lane_of(std::string_view topic, std::int32_t partition);
  void lead(Lane& lane, std::int32_t broker);
  Batch& open_batch(Lane& lane, std::size_t record_bytes, std::int64_t now_ns, bool& is_new);
  bool has_room(std::size_t bytes) const { return used_ == 0 || used_ + bytes <= settings_.buffer_bytes; }
  std::int64_t ready_ns(const Lane& lane) const;
  void wake(Mailbox* mailbox);

  void expire(std::int64_t now_ns);
  void expire(Lane& lane, std::int64_t now_ns);
  Error timed_out(const Lane& lane, const Batch& batch) const;
  void tell(Batch& batch, std::int64_t base_offset, std::int64_t append_time_ms, std::optional<Error> error);
  template <class Done>
  bool wait(std::unique_lock<std::mutex>& lock, std::int64_t until_ns, const Done& done);

  const RemoteProducerSettings& settings_;
  std::mutex mutex_;  // guards all that follows, and what it refers to
  std::condition_variable news_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::string last_name_;
  Topic* last_ = nullptr;  // of last_name_
  std::map<std::int32_t, Mailbox> mailboxes_;
  std::uint64_t next_id_ = 1;
  std::uint64_t hurried_ = 0;  // as Lane::hurried, for all
  std::multimap<std::uint64_t, std::int64_t> unsettled_;  // deadlines by id: both ascend
  std::size_t used_ = 0;       // of buffer.memory
  std::deque<Settled> settled_;
  std::atomic<bool> has_settled_{false};  // a hint: what it means is read under the lock
};

inline const TopicPartition& Outbox::Batch::partition() const noexcept { return lane->partition; }

}  // namespace ringmain::client
