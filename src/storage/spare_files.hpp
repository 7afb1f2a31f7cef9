// Log files that retention took out of a log, kept for the writer to use again: a synced write into blocks that
// were written before touches no metadata of the file system, one into new blocks does.
//
//   log file --rename, sync the directory--> "unfinished" file --wipe its heads, sync--> spare --rename--> log file
//
// A crash at any step leaves a log file that is whole, or an unfinished file, which the next start removes. The heads are
// wiped so that a spare looks like a file made ahead; its frames have tags that no new segment has.
// Only a file that nobody has open becomes a spare: readers keep what they have mapped.
//
// How many: as many as the writer began between the last two rounds of retention, since it may want as many until the
// next one. So a log that stands still has none, and spares never make the disk fuller than the log would.
//
// Retention runs on one thread, the writer on another.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/disk.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

class SpareFiles {
 public:
  struct Spare {
    std::string path;
    std::uint64_t size_bytes = 0;
  };

  // The writer begins a file. none: it makes a new one.
  std::optional<Spare> take();

  // A round of retention begins: spares that the writer does not need are removed.
  Status begin_round(os::Disk& disk);
  // Takes the log file's name away. It becomes a spare if one is wanted and the file will do; else it is gone.
  // not_found: it was gone before.
  Status retire(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config, std::uint64_t base_offset);

  std::size_t count() const;

 private:
  bool is_wanted() const;

  mutable std::mutex mutex_;
  std::vector<Spare> spares_;
  std::size_t begun_ = 0;   // by the writer, since the last round
  std::size_t wanted_ = 0;  // until the next round
};

}  // namespace ringmain::storage
