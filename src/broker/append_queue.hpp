// Produce requests on their way: appended at once if there is room, and else parked until there is;
// acknowledged when what they ask for is true. Broker's thread; no call waits.
//
// Invariant: the batches of a partition are appended in the order in which they came.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "broker/record_logs.hpp"
#include "gateway/record_service.hpp"
#include "net/event_loop.hpp"
#include "os/eventfd.hpp"

namespace ringmain::broker {

// What the persister's thread tells the broker's.
struct DurableNews {
  os::EventFd bell;
  // Whether anybody waits for them.
  //   Order: seq_cst, then a look at durable_offset; partner: LogWriter::publish_watermarks(),
  //   which stores that, passes a full fence, and is followed by tell(). One of the two sees the
  //   other.
  std::atomic<bool> wanted{false};

  void tell() const noexcept {
    if (wanted.load(std::memory_order_seq_cst)) bell.ring();
  }
};

class AppendQueue {
 public:
  using Published = std::function<void(RecordLog&)>;

  AppendQueue(net::EventLoop& loop, RecordLogs& logs, DurableNews& news, Published published);

  void append(std::vector<gateway::NewBatch> batches, const gateway::AppendOptions& options,
              gateway::RecordService::AppendDone done);

  void look_for_room();     // after upkeep
  void look_for_durable();  // the disk has moved on
  void closed(net::ConnectionId connection);
  void removed(RecordLog& log);

 private:
  struct Item {
    enum class Stage { refused, waits_for_room, published };
    Stage stage = Stage::refused;
    RecordLog* log = nullptr;
    kafka::BatchHeader header;
    kafka::Bytes copy;  // while it waits for room: what the request held is gone then
    std::uint64_t end_offset = 0;
    gateway::Appended result;
  };
  struct Request {
    std::vector<Item> items;
    gateway::AppendOptions options;
    gateway::RecordService::AppendDone done;
    net::Registration timer;
  };
  using Id = std::uint64_t;
  struct Waiting {
    Id request;
    std::size_t item;
  };
  enum class State { waits_for_room, waits_for_disk, settled };

  void place(Item& item, std::span<const std::byte> batch, Id id, std::size_t index);
  bool publish(Item& item, std::span<const std::byte> batch);
  State state_of(Request& request);
  // Answers it, if it can be; true: it did, and the request is gone.
  bool settle(Id id);
  void finish(Id id);
  void time_out(Id id);
  void leave_queues(Id id);
  void fail_item(Item& item, Error error);

  net::EventLoop& loop_;
  RecordLogs& logs_;
  DurableNews& news_;
  const Published published_;
  std::map<Id, std::unique_ptr<Request>> requests_;
  std::unordered_map<RecordLog*, std::deque<Waiting>> queues_;  // for room; none is empty
  net::Registration retry_;
  Id next_id_ = 1;
};

}  // namespace ringmain::broker
