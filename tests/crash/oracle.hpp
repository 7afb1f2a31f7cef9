// The judge: hears what producers intended and were told, and what readers saw, and complains of
// every contradiction. Pure: no process, no clock, no memory that is shared.
//
// What it holds the bus to:
//   1. An offset holds one record for ever, the same for everybody, or none.
//   2. A reader sees ascending offsets, and of each producer ascending numbers: so each record
//      once. It skips no record, but as many as it was told are lost. Of a log that keeps all it
//      sees every record from the first one on.
//   3. An acknowledged record is at the offset that was acknowledged.
//   4. What was under way when its producer died is there whole and once, or not at all.
//   5. Nobody sees what nobody sent.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "content.hpp"
#include "topics.hpp"

namespace ringmain::crash {

using ReaderId = std::uint32_t;

struct Counts {
  std::uint64_t intended = 0, acknowledged = 0, aborted = 0, refused = 0;
  std::uint64_t read = 0, lost = 0;
  std::uint64_t lost_on_disk = 0;      // of them, to retention and trims
  std::uint64_t void_offsets = 0;      // skipped by a reader that had lost nothing
  std::uint64_t in_flight_found = 0;   // under way at a death, and there
  std::uint64_t in_flight_gone = 0;    // under way at a death, and nowhere
};

class Oracle {
 public:
  // A producer has at most one intention at a time: `count` records from `sequence` on, in one
  // claim. The log is known once it is acknowledged or read. One that dies leaves its last
  // intention open for ever.
  void intends(std::uint32_t producer, std::uint32_t topic, std::uint64_t sequence, std::uint32_t count);
  void acknowledged(std::uint32_t producer, std::uint32_t log, std::uint64_t offset);
  // Given up before it was published; the same numbers will be used again. `void_offset`: the
  // offset that stays void, if the claim had one of its own.
  void aborted(std::uint32_t producer, std::uint32_t log, std::optional<std::uint64_t> void_offset);
  void refused(std::uint32_t producer);

  void starts(ReaderId reader, std::uint32_t log);  // also anew
  void reads(ReaderId reader, std::uint32_t log, std::uint64_t offset, const Origin& origin);
  void loses(ReaderId reader, std::uint32_t log, std::uint64_t count);
  void ends(ReaderId reader);

  // Whether every reader has seen the newest record known of every log.
  bool all_caught_up() const;
  bool caught_up(ReaderId reader) const;
  // One past the newest record known.
  std::uint64_t known_end(std::uint32_t log) const;
  // Logs of which no reader has seen the newest record known.
  std::vector<std::uint32_t> unread() const;
  // The next offset of the reader of this log that is furthest ahead; none: nobody has read it.
  std::optional<std::uint64_t> furthest(std::uint32_t log) const;
  std::optional<std::uint64_t> first_read(ReaderId reader, std::uint32_t log) const;
  // The least of all readers that there are; none: nobody has read it.
  std::optional<std::uint64_t> first_read(std::uint32_t log) const;
  // Records known between two offsets.
  std::uint64_t records_between(std::uint32_t log, std::uint64_t from, std::uint64_t to) const;

  // At the end, when all have caught up: counts what was under way at a death.
  void conclude();

  const std::vector<std::string>& complaints() const { return complaints_; }
  const Counts& counts() const { return counts_; }

 private:
  struct Cell {  // one offset
    enum class State : std::uint8_t { unknown, record, empty } state = State::unknown;
    std::uint32_t producer = 0;
    std::uint64_t sequence = 0;
  };
  struct Log {
    std::deque<Cell> cells;  // of offsets from `base` on
    std::uint64_t base = 0;
    std::uint64_t known_end = 0;  // one past the newest record known
  };
  struct Pending {
    std::uint64_t sequence = 0;
    std::uint32_t count = 0;
    std::optional<std::uint32_t> log;     // where a reader has seen it
    std::optional<std::uint64_t> offset;  // of its first record, by what readers saw
  };
  struct Producer {
    std::uint32_t topic = 0;
    std::uint64_t end = 0;  // one past the last number intended
    std::optional<Pending> pending;
  };
  struct View {  // one reader on one log
    std::optional<std::uint64_t> first;
    std::uint64_t next = 0;  // offset after the last one seen
    std::uint64_t lost = 0;  // told since
    std::map<std::uint32_t, std::uint64_t> next_sequence;  // by producer
  };
  using ViewKey = std::pair<ReaderId, std::uint32_t>;

  Cell* cell(Log& log, std::uint64_t offset);
  void establish(std::uint32_t log, std::uint64_t offset, std::uint32_t producer, std::uint64_t sequence,
                 const std::string& by);
  void make_void(std::uint32_t log, std::uint64_t offset, const std::string& by);
  void skip(ReaderId reader, std::uint32_t log, View& view, std::uint64_t to);
  void note_pending(std::uint32_t log, std::uint64_t offset, const Origin& origin, Producer& producer);
  void forget_old(std::uint32_t log);
  void complain(std::string text);

  std::map<std::uint32_t, Log> logs_;
  std::map<std::uint32_t, Producer> producers_;
  std::map<ViewKey, View> views_;
  std::vector<std::string> complaints_;
  Counts counts_;
};

}  // namespace ringmain::crash
