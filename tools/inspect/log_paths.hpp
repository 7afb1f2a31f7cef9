// What a PATH names: `ringmain log dump` and `verify` take files, folders, and partitions by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ringmain::tools {

struct LogPath {
  enum class Kind {
    folder,            // of a partition's log files
    log_file,          //
    index,             // of either kind
    partition_memory,  // a partition's shared-memory file
  };
  Kind kind = Kind::log_file;
  std::string path;
};

// nullopt: no file of ours, or nothing of that name.
std::optional<LogPath> classify(const std::string& path);

// All that lies below a folder: folders of partitions, and partitions' shared memory. Sorted.
// Throws Failure if it cannot be looked through, or holds nothing of ours.
std::vector<LogPath> find_below(const std::string& folder);

// "events-0": the topic's name may hold hyphens, the partition is behind the last one.
struct PartitionName {
  std::string topic;
  std::string partition;
};
std::optional<PartitionName> parse_partition_name(const std::string& name);

// A partition's folders below BUS/log: as a rule one, or none; another topic may have had the name.
std::vector<LogPath> partition_folders(const std::string& bus_directory, const std::string& name);

}  // namespace ringmain::tools
