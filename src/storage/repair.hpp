// Skips what is damaged in a partition's log files, so that all the rest can be read again:
// `ringmain log repair`. The offsets of what is lost become void; every frame that proves itself
// stays at its offset. Blocking; one thread; nobody else may use the folder meanwhile. Contract:
// docs/storage.md, "Repair".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/disk.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

// Offsets whose records are lost. Some of them may have been void before.
struct LostRange {
  std::uint64_t from_offset = 0;
  std::optional<std::uint64_t>
      to_offset;               // behind the last; nullopt: nobody knows where the log ended
  std::string file;            // path; of a file that is missing, the one that will be made
  std::uint64_t position = 0;  // byte of the file
  std::uint64_t bytes = 0;
  friend bool operator==(const LostRange&, const LostRange&) = default;
};

struct RepairReport {
  std::vector<LostRange> lost;       // by offset
  std::vector<std::string> changed;  // files that are, or would be, made anew or removed
  std::vector<std::string> kept;     // copies of the damaged files
  std::vector<std::string> notes;    // what else is worth knowing
  // The log now ends here, and may have gone on: what is written next gets these offsets.
  std::optional<std::uint64_t> given_again_from;

  bool is_sound() const noexcept { return changed.empty(); }
};

enum class RepairMode {
  look,         // changes nothing
  skip_damage,  // durable when it returns
};

// A death at any point leaves a folder as it was, repaired, or to be repaired again. `seed` is for
// file tags. Errors: those of the disk, and what no repair may decide: files of another partition
// or a newer version, heads that contradict each other (kafka_storage_error, version_mismatch).
Result<RepairReport> repair_log(os::Disk& disk, const StoreOwner& owner, RepairMode mode,
                                std::uint64_t seed);

// Where the damaged files are kept: beside the folder, since everything in it is judged at each
// start.
std::string kept_folder(const StoreOwner& owner);

}  // namespace ringmain::storage
