// What a partition's folder on disk holds when a broker starts, and where writing goes on. Contract and the
// cases: docs/storage.md, "Start".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "log/partition_view.hpp"
#include "os/disk.hpp"
#include "storage/log_files.hpp"
#include "storage/log_writer.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

struct RecoveredLog {
  WriteStart start;                // where the writer goes on
  std::uint64_t start_offset = 0;  // of the oldest record on disk; start.base_offset if there is none
  std::vector<std::string> notes;  // what was done, for the broker's log
};

// `hot` is the partition's log in shared memory, which outlived the last broker; nullptr: it is new, and shall
// begin at `start`. Fills `files`. Repeatable: a death in the middle leaves a folder that it recovers as well.
// Errors: kafka_storage_error (damaged, foreign, missing or swapped files: the message says what, where and
// what to do), and those of the disk.
Result<RecoveredLog> recover_log(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config,
                                 const log::PartitionView* hot, LogFiles& files);

}  // namespace ringmain::storage
