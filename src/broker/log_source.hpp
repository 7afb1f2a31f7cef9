// Reads one partition's log for Kafka clients: from shared memory, and from log files what is no
// longer there. Broker's thread.
//
// Segments of shared memory are let go on this thread only, so what is read here needs no pin while
// a request is served; a place that is kept longer is looked at anew before it is used.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "broker/batch_collector.hpp"
#include "log/reader.hpp"
#include "partition/partition.hpp"
#include "segment/cold_reader.hpp"

namespace ringmain::broker {

class LogSource {
 public:
  // `lines`: reader lines that nobody shares with us. Any number of sources may have the same, and
  // the same heads.
  LogSource(const partition::Partition& partition, format::Readers& lines, segment::HeadCache& heads);

  // Behind the newest record that all may read. Error: corrupt_memory.
  Result<std::uint64_t> end_offset();
  // Bytes of frames that end_offset() has gone over, of all time: grows with every record.
  std::uint64_t passed_bytes() const noexcept { return passed_bytes_; }
  std::uint64_t start_offset() const noexcept { return partition_.start_offset(); }

  // Records from an offset on, which lies from start_offset() to end_offset(). Errors:
  // corrupt_memory, corrupt_message, offset_out_of_range (retention was faster), and those of the
  // disk.
  Status read(std::uint64_t offset, std::size_t max_bytes, BatchCollector::First first,
              Reading& into);

  // Stands before the first frame at or behind an offset that is in memory; nullptr: it is on disk
  // only, or damaged.
  std::optional<log::Reader> in_memory_at(std::uint64_t offset) const;
  // The file with an offset, for a look; it stands there. Errors: as read().
  Result<std::shared_ptr<segment::ColdReader>> on_disk_at(std::uint64_t offset) const;
  std::uint64_t oldest_in_memory() const noexcept;

 private:
  // Where some client's last request ended: its next one begins there.
  struct Place {
    std::optional<log::Reader> reader;
    std::uint64_t used = 0;  // when, in requests
  };
  struct ColdPlace {
    std::shared_ptr<segment::ColdReader> file;
    bool is_held = false;  // the frame that it stands on had no room: it comes next
    std::uint64_t used = 0;
    std::uint64_t next_offset() const noexcept {
      return is_held ? file->offset() : file->next_offset();
    }
  };

  bool is_in_memory(const log::Reader& reader) const noexcept;
  log::Reader* hot_place(std::uint64_t offset);
  Result<ColdPlace*> cold_place(std::uint64_t offset);
  // True: the log's end was reached.
  Result<bool> read_memory(log::Reader& reader, BatchCollector& collector);
  // True: the file's end was reached.
  Result<bool> read_file(ColdPlace& place, BatchCollector& collector);
  Error damage(std::uint64_t offset) const;

  const partition::Partition& partition_;
  const log::PartitionView view_;  // with lines of our own
  segment::HeadCache& heads_;
  std::optional<log::Reader> tail_;
  std::uint64_t passed_bytes_ = 0;
  std::array<Place, 8> places_;
  std::array<ColdPlace, 2> cold_places_;
  std::uint64_t requests_ = 0;
};

}  // namespace ringmain::broker
