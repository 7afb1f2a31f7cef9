// What a repair of a partition's folder would do: which segments are damaged, what of them stays,
// and what is lost. Reads only; blocking; one thread. What counts as damage is what a start and a
// reader refuse: docs/storage.md, "Start".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "os/disk.hpp"
#include "storage/repair.hpp"
#include "storage/repair_segment.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

// A stride of a log file.
struct RepairSegment {
  enum class Head {
    sound,    // as found
    rebuilt,  // lost; its frames say whose it is
    lost,     // nothing in it proves itself: it becomes fillers
  } origin = Head::sound;
  format::LogFileHead head{};  // as it shall be, but for the file tag; not sealed
  std::vector<ProvedRun> runs;
  bool must_change = false;
  bool copies_all =
      false;        // not complete, and sound: it stays with all that stands behind its proof
  Mending mending;  // if it must change
};

struct RepairFile {
  std::string name;
  std::uint64_t base_offset = 0;
  std::uint64_t size_bytes = 0;
  std::vector<RepairSegment> segments;
  enum class Deed {
    keep,
    rewrite,
    make,    // it is missing: one of fillers
    remove,  // nothing of it proves itself, and the log does without it
    empty,   // likewise, and it is the only file: its name still says where the log goes on
  } deed = Deed::keep;
};

struct RepairPlan {
  std::vector<RepairFile> files;  // by base offset
  std::vector<LostRange> lost;
  std::vector<std::string> notes;
  std::optional<std::uint64_t> given_again_from;
};

// A stride of a log file as far as it is there; zeros behind the file's end, and where the device
// cannot read.
Status read_stride(const os::DiskFile& file, std::uint64_t at, std::span<std::byte> into);

// Errors: those of the disk, and what no repair may decide (kafka_storage_error, version_mismatch).
Result<RepairPlan> plan_repair(os::Disk& disk, const StoreOwner& owner);

}  // namespace ringmain::storage
