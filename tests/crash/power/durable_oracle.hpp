// The judge of what survives a power cut, a full or a failing disk: hears what producers were told,
// and what a reader finds afterwards, and complains of every contradiction. Pure: no process, no
// clock, no disk.
//
// What it holds the bus to, by partition:
//   1. Every record below an offset that was called durable is there, at its offset, from its
//   sender.
//   2. Offsets ascend; of each producer the numbers count up by one. So what is lost is an end of
//   the log.
//   3. No offset is void, unless a producer has died while the others lived on.
//   4. Nobody finds what nobody sent, nor what an earlier reading has shown to be lost.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "../content.hpp"

namespace ringmain::crash {

enum class Voids { none, allowed };

struct DurableCounts {
  std::uint64_t told_durable = 0;  // records that were below a durable offset when the power went
  std::uint64_t read = 0;
  std::uint64_t lost = 0;      // published, not called durable, and gone: nobody promised more
  std::uint64_t survived = 0;  // published, not called durable, and there all the same
  std::uint64_t voids = 0;
};

class DurableOracle {
 public:
  // A producer writes to one log all its life. Numbers below `sent` may have got into the log.
  void sends(std::uint32_t log, std::uint32_t producer, std::uint64_t sent);
  void published(std::uint32_t log, std::uint32_t producer, std::uint64_t sequence,
                 std::uint64_t offset);
  // It was told that this record did not get into the log.
  void refused(std::uint32_t log, std::uint32_t producer, std::uint64_t sequence);
  // Somebody was told that everything below is on disk.
  void durable(std::uint32_t log, std::uint64_t end_offset);
  // Everything published so far must be there: its memory was kept.
  void all_published_must_be_there();

  // A reading of all that is there, once every producer is dead.
  void begins(std::uint32_t log, Voids voids);
  void reads(std::uint32_t log, std::uint64_t offset, const Origin& origin);
  // Its end. From here on, all that was read counts as durable, and nothing else exists.
  void ends(std::uint32_t log);

  // One past the last record known.
  std::uint64_t known_end(std::uint32_t log) { return logs_[log].cells.size(); }
  std::uint64_t durable_end(std::uint32_t log) { return logs_[log].durable_end; }
  const std::vector<std::string>& complaints() const { return complaints_; }
  const DurableCounts& counts() const { return counts_; }

 private:
  struct Cell {  // one offset
    enum class State : std::uint8_t { unknown, record, empty } state = State::unknown;
    std::uint32_t producer = 0;
    std::uint64_t sequence = 0;
  };
  struct Producer {
    std::uint64_t sent = 0;
    std::uint64_t next_read = 0;
    std::set<std::uint64_t> refused;
    bool is_over = false;  // a reading has been made since: no more of it can turn up
  };
  struct Log {
    std::vector<Cell> cells;  // by offset
    std::uint64_t durable_end = 0;
    std::uint64_t next = 0;  // of the reading
    Voids voids = Voids::none;
    std::map<std::uint32_t, Producer> producers;
  };

  Cell& cell(Log& log, std::uint64_t offset);
  void skip(std::uint32_t log, std::uint64_t to);
  void complain(std::string text);

  std::map<std::uint32_t, Log> logs_;
  std::vector<std::string> complaints_;
  DurableCounts counts_;
};

}  // namespace ringmain::crash
