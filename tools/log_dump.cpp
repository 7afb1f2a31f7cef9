// `ringmain log dump`: prints what a log holds, in shared memory or on disk: heads, segments,
// frames. Reads only; works on a bus in use, and on files that are left of one.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <tuple>

#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/output.hpp"
#include "commands.hpp"
#include "inspect/dump.hpp"
#include "inspect/locks.hpp"
#include "inspect/log_file.hpp"
#include "inspect/log_paths.hpp"

namespace ringmain::tools {
namespace {

using Kind = LogPath::Kind;

// Of a partition's folder: each log file with its indexes behind it.
std::vector<LogPath> files_in(const std::string& folder) {
  std::vector<LogPath> all;
  for (const segment::ListedFile& file : value_or_throw(list_files(folder))) {
    const auto name = segment::parse_file_name(file.name);
    if (!name || name->unfinished) continue;
    const bool is_log = name->kind == segment::FileKind::log;
    all.push_back({is_log ? Kind::log_file : Kind::index, folder + "/" + file.name});
  }
  // By base offset, a log before its indexes.
  const auto place = [](const LogPath& each) {
    const std::string name = last_name(each.path);
    return std::tuple(name.substr(0, 20), each.kind != Kind::log_file, name);
  };
  std::sort(all.begin(), all.end(),
            [&](const LogPath& a, const LogPath& b) { return place(a) < place(b); });
  return all;
}

// Its memory, as the broker says, and its files on disk.
std::vector<LogPath> files_of_partition(const std::string& name, const CommandLine& line) {
  const auto parsed = parse_partition_name(name);
  if (!parsed) {
    throw Failure(
        fmt::format("there is no file {}: name a partition's shared-memory file, a log file, an "
                    "index, a folder "
                    "of such files, or a partition as TOPIC-NUMBER",
                    name));
  }
  Bus bus = line.open_bus();
  for (const PartitionLocks& locks : parse_locks(bus.admin().describe_locks(parsed->topic))) {
    if (fmt::to_string(locks.partition) == parsed->partition && !locks.path.empty())
      return {{Kind::partition_memory, locks.path}};
  }
  auto folders = partition_folders(bus.directory(), name);
  if (!folders.empty()) return folders;
  throw Failure(fmt::format("topic '{}' has no partition {} in shared memory or on disk",
                            parsed->topic, parsed->partition));
}

std::vector<LogPath> resolve(const std::string& path, const CommandLine& line) {
  if (const auto one = classify(path)) return {*one};
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status)) return find_below(path);
  // Of a file that is none of ours, the message of those that it could have been says why.
  if (std::filesystem::exists(status)) return {{Kind::partition_memory, path}};
  return files_of_partition(path, line);
}

class Dump {
 public:
  explicit Dump(const CommandLine& line) : form_(line.json ? DumpForm::json : DumpForm::text) {}

  void print(const LogPath& what) {
    if (what.kind == Kind::folder) {
      for (const LogPath& file : files_in(what.path)) print(file);
      return;
    }
    if (!is_first_ && form_ == DumpForm::text) standard_output().write("\n");
    is_first_ = false;
    if (what.kind == Kind::log_file) return dump_log_file(what.path, form_);
    if (what.kind == Kind::index) return dump_index(what.path, form_);
    dump_partition_memory(what.path, form_);
  }

 private:
  DumpForm form_;
  bool is_first_ = true;
};

void dump(const std::string& path, const CommandLine& line) {
  Dump dump(line);
  for (const LogPath& what : resolve(path, line)) dump.print(what);
}

}  // namespace

void add_log_dump_command(CLI::App& log, CommandLine& line) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = log.add_subcommand(
      "dump", "Print the segments and frames of a log, in shared memory or on disk");
  command->footer(
      "In shared memory a frame is published, in progress (its producer still writes), or unmarked "
      "(claimed,\n"
      "and not even begun); 'ringmain log locks' tells whose they are. On disk its checksum is "
      "good "
      "or bad,\n"
      "and 'ringmain log verify' says whether that is damage.\n"
      "Example:\n  ringmain log dump events-0");
  command
      ->add_option("PATH", *path,
                   "A partition's shared-memory file, a log file, an index, a folder of these, or "
                   "TOPIC-PARTITION")
      ->required();
  command->callback([path, &line] { line.command = [path, &line] { dump(*path, line); }; });
}

}  // namespace ringmain::tools
