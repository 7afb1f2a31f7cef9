// What a damaged folder holds: its strides, whose they are, and which of their frames prove
// themselves. Reads only; blocking; one thread. No byte is trusted.
#pragma once

#include "segment/prove.hpp"
#include "storage/repair_plan.hpp"

namespace ringmain::storage {

// A stride, while it is judged.
struct Stride {
  std::size_t file = 0;
  RepairSegment segment;
  format::LogFileHead as_found{};     // of a head that is lost: its bytes
  bool was_damaged = false;           // its head is there, and wrong
  std::optional<std::uint64_t> base;  // none: it begins where the one before ends
  // Of a sound head that is not complete: what stands also behind what it proves, and what a start
  // would find.
  std::vector<ProvedRun> all_runs;
  segment::Proof proof;
};

// The end of a file, or all of it, that proves nothing and is not made anew.
struct DroppedPart {
  std::size_t file = 0;
  std::uint64_t position = 0;
  std::uint64_t bytes = 0;
};

struct RepairScan {
  std::vector<RepairFile> files;  // by base offset
  std::vector<Stride> strides;    // of all files, in order
  std::vector<DroppedPart> dropped;
  std::vector<std::string> notes;
  std::uint64_t slot_bytes = 0;
};

// Errors: those of the disk, and what no repair may decide.
Result<RepairScan> scan_for_repair(os::Disk& disk, const StoreOwner& owner);

tl::unexpected<Error> refuse_repair(const StoreOwner& owner, const std::string& file,
                                    const std::string& what);

}  // namespace ringmain::storage
