// Telling what a path names.
#include "inspect/log_paths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/exit.hpp"
#include "inspect/log_file.hpp"
#include "inspect/partition_file.hpp"

namespace ringmain::tools {
namespace {

using Kind = LogPath::Kind;

// A bus directory has the folders of partitions two levels down; deeper ones are not ours.
constexpr int most_levels = 4;

LogPath::Kind kind_of(segment::FileKind kind) noexcept {
  return kind == segment::FileKind::log ? Kind::log_file : Kind::index;
}

bool is_partition_folder(const std::string& path) {
  return parse_partition_folder(last_name(path)).has_value() || holds_log_files(path);
}

}  // namespace

std::optional<LogPath> classify(const std::string& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status)) {
    if (is_partition_folder(path)) return LogPath{Kind::folder, path};
    return std::nullopt;
  }
  if (!std::filesystem::exists(status)) return std::nullopt;
  if (PartitionFile::looks_like_one(path)) return LogPath{Kind::partition_memory, path};
  if (const auto kind = kind_by_magic(path)) return LogPath{kind_of(*kind), path};
  const auto name = segment::parse_file_name(last_name(path));  // its first bytes may be damaged
  if (name) return LogPath{kind_of(name->kind), path};
  return std::nullopt;
}

std::vector<LogPath> find_below(const std::string& folder) {
  std::vector<LogPath> found;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at.depth() + 1 >= most_levels) at.disable_recursion_pending();
    const std::string path = at->path().string();
    std::error_code gone;  // meanwhile
    if (at->is_directory(gone)) {
      if (!is_partition_folder(path)) continue;
      found.push_back({Kind::folder, path});
      at.disable_recursion_pending();
    } else if (PartitionFile::looks_like_one(path)) {
      found.push_back({Kind::partition_memory, path});
    }
  }
  if (error) throw Failure(fmt::format("cannot look through {}: {}", folder, error.message()));
  if (found.empty())
    throw Failure(fmt::format(
        "there is neither a partition's folder of log files nor its shared-memory file in {}",
        folder));
  std::sort(found.begin(), found.end(),
            [](const LogPath& a, const LogPath& b) { return a.path < b.path; });
  return found;
}

std::optional<PartitionName> parse_partition_name(const std::string& name) {
  const size_t hyphen = name.rfind('-');
  if (hyphen == std::string::npos || hyphen == 0 || hyphen + 1 == name.size() ||
      name.find('/') != std::string::npos ||
      name.find_first_not_of("0123456789", hyphen + 1) != std::string::npos)
    return std::nullopt;
  return PartitionName{name.substr(0, hyphen), name.substr(hyphen + 1)};
}

std::vector<LogPath> partition_folders(const std::string& bus_directory, const std::string& name) {
  std::vector<LogPath> found;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(bus_directory + "/log", ignored), end;
       !ignored && at != end; at.increment(ignored)) {
    const auto parsed = parse_partition_folder(at->path().filename().string());
    if (parsed && parsed->partition == name) found.push_back({Kind::folder, at->path().string()});
  }
  return found;
}

}  // namespace ringmain::tools
