// What `ringmain log verify` finds: totals, and the first damage with its place.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace ringmain::tools {

struct Damage {
  std::optional<uint64_t> offset;  // of the first record that is touched, if one is known
  std::string file;                // path
  uint64_t position = 0;           // byte of the file
  std::string what;                // what is wrong, and what to do
  friend bool operator==(const Damage&, const Damage&) = default;
};

struct VerifyTotals {
  uint64_t files = 0;
  uint64_t segments = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;  // of segments, as far as frames proved themselves

  void add(const VerifyTotals& other) noexcept {
    files += other.files;
    segments += other.segments;
    records += other.records;
    bytes += other.bytes;
  }
};

struct VerifyReport {
  std::string partition;  // "events-0"; where no name says it, the topic's id and the partition
  VerifyTotals totals;    // of what was found sound
  std::vector<std::string> notes;  // what is odd, and no damage
  std::optional<Damage> damage;
};

// Hears how many bytes were read since the last call.
using OnBytes = std::function<void(uint64_t bytes)>;

// Each reads only, and may look at the files of a bus in use: what cannot be so is looked at again
// before it is called damage. Errors: those of the disk.
Result<VerifyReport> verify_log_folder(const std::string& folder, const OnBytes& on_bytes);
// One log file with its indexes. What its folder says of it counts, too, if it has a name of ours.
Result<VerifyReport> verify_log_file(const std::string& path, const OnBytes& on_bytes);
// An index without its log file, or with a name that does not lead there: only in itself.
Result<VerifyReport> verify_index_alone(const std::string& path);
// A partition's shared-memory file: frames there carry no checksums.
Result<VerifyReport> verify_partition_memory(const std::string& path, const OnBytes& on_bytes);

// Bytes in the files that a check of the path will read, for progress.
uint64_t bytes_to_verify(const std::string& path);

}  // namespace ringmain::tools
