// Fetch requests on their way: answered at once if there is enough, and else parked until there is,
// or their time is up. While they are parked they cost nothing: producers ring, as they do for any
// reader that sleeps. Broker's thread; no call waits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "broker/record_logs.hpp"
#include "gateway/record_service.hpp"
#include "net/event_loop.hpp"

namespace ringmain::broker {

class FetchQueue {
 public:
  // `answer_max_bytes`: fetch.max.bytes.
  FetchQueue(net::EventLoop& loop, RecordLogs& logs, std::size_t answer_max_bytes);

  void fetch(std::vector<gateway::WantedRecords> wanted, const gateway::FetchOptions& options,
             gateway::RecordService::FetchDone done);

  void published(RecordLog& log);  // we appended to it
  void rung();                     // others have appended somewhere
  void closed(net::ConnectionId connection);
  void removed(RecordLog& log);

 private:
  struct Part {
    gateway::WantedRecords wanted;
    RecordLog* log = nullptr;  // none: see `error`
    std::optional<Error> error;
    std::uint64_t passed_at_start = 0;  // LogSource::passed_bytes() when it was parked
    std::size_t had_bytes = 0;          // what there was then
  };
  struct Request {
    std::vector<Part> parts;
    gateway::FetchOptions options;
    gateway::RecordService::FetchDone done;
    net::Registration timer;
  };
  using Id = std::uint64_t;
  enum class Deadline { ahead, passed };

  // Answers it and forgets it, if there is enough or the time is up; else false.
  bool answer(Id id, Deadline deadline);
  gateway::FetchedRecords read(Part& part, std::size_t max_bytes, BatchCollector::First first,
                               std::vector<std::unique_ptr<Reading>>& readings);
  // Whether a look is worth it: something came that may be enough.
  bool may_be_enough(Request& request);
  void park(Id id);
  void look_at(const std::set<RecordLog*>& logs);
  void forget(Id id);
  void mark(RecordLog& log);

  net::EventLoop& loop_;
  RecordLogs& logs_;
  const std::size_t answer_max_bytes_;
  std::map<Id, std::unique_ptr<Request>> requests_;
  std::unordered_map<RecordLog*, std::set<Id>> parked_on_;  // none is empty
  std::set<RecordLog*> news_;  // of our own appends, until the loop comes to them
  net::Registration poll_;     // where a partition has no reader line left
  Id next_id_ = 1;
};

}  // namespace ringmain::broker
