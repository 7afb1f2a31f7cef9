// `ringmain log repair`: says what is lost in a partition's log files, and, asked to, skips it, so
// that all the rest can be read again. Works on the files alone: no broker may run.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <filesystem>
#include <memory>

#include "base/random.hpp"
#include "broker/bus_directory.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "client/bus_connection.hpp"
#include "commands.hpp"
#include "inspect/log_file.hpp"
#include "inspect/log_paths.hpp"
#include "storage/repair.hpp"

namespace ringmain::tools {
namespace {

using storage::LostRange;
using storage::RepairMode;
using storage::RepairReport;

struct Options {
  std::string path;
  bool skip_damage = false;
};

std::string folder_named(const std::string& path, const CommandLine& line) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return std::filesystem::canonical(path).string();
  const std::string bus =
      line.bus_directory.empty() ? client::default_bus_directory() : line.bus_directory;
  const auto folders =
      parse_partition_name(path) ? partition_folders(bus, path) : std::vector<LogPath>();
  if (folders.size() == 1) return std::filesystem::canonical(folders.front().path).string();
  if (!folders.empty())
    throw Failure(fmt::format(
        "{} partitions have been called {}: name the folder in {}/log of the one that you mean",
        folders.size(), path, bus));
  throw Failure(
      fmt::format("there is no folder {}, and no such partition on disk below {}/log: name a "
                  "partition's folder, or a "
                  "partition as TOPIC-NUMBER",
                  path, bus));
}

storage::StoreOwner owner_of(const std::string& folder) {
  const auto name = parse_partition_folder(last_name(folder));
  if (!name)
    throw Failure(
        fmt::format("{} is not called TOPIC-PARTITION.TOPICID as the folders of partitions are: so "
                    "nobody knows whose log "
                    "it shall be; give it its name back",
                    folder));
  return {name->topic_id, name->index, name->partition, folder};
}

// The bus whose partition it is, if it is one's: a copy elsewhere has none.
std::optional<broker::BusDirectory> lock_bus_of(const std::string& folder) {
  const std::string logs = parent_folder(folder);
  const std::string bus = parent_folder(logs);
  if (last_name(logs) != broker::kLogFolder ||
      !std::filesystem::exists(bus + "/" + broker::kLockName))
    return std::nullopt;
  auto locked = broker::BusDirectory::lock(bus, std::nullopt);
  if (!locked && locked.error().code == ErrorCode::already_running)
    throw Failure(fmt::format("stop the broker first: {}", locked.error().message));
  return value_or_throw(std::move(locked));
}

std::string words_for(const LostRange& lost, const std::string& partition, bool is_done) {
  const std::string verb = is_done ? "lost" : "would be lost";
  const std::string where = lost.bytes == 0 ? fmt::format("{} is missing", lost.file)
                                            : fmt::format("{} bytes at byte {} of {}", lost.bytes,
                                                          lost.position, lost.file);
  if (!lost.to_offset)
    return fmt::format("{}: offsets from {} on {}: {}\n", partition, lost.from_offset, verb, where);
  return fmt::format("{}: offsets {} to {} ({}) {}: {}\n", partition, lost.from_offset,
                     *lost.to_offset - 1, *lost.to_offset - lost.from_offset, verb, where);
}

void print_text(const storage::StoreOwner& owner, const RepairReport& report, bool is_done) {
  Output& out = standard_output();
  if (report.is_sound()) {
    out.write(fmt::format("{}: nothing is damaged\n", owner.name));
    return;
  }
  for (const LostRange& lost : report.lost) out.write(words_for(lost, owner.name, is_done));
  if (report.lost.empty())
    out.write(fmt::format("{}: no record {} lost\n", owner.name, is_done ? "is" : "would be"));
  if (report.given_again_from)
    out.write(
        fmt::format("{}: the log {} at offset {}; whatever it held from there on is lost, and "
                    "these offsets are given again\n",
                    owner.name, is_done ? "now ends" : "would end", *report.given_again_from));
  for (const std::string& note : report.notes) out.write_line("Note: " + note);
  for (const std::string& file : report.changed)
    out.write(fmt::format("{}: {} {}\n", owner.name, is_done ? "mended:" : "to be mended:", file));
  for (const std::string& file : report.kept)
    out.write(fmt::format("{}: the damaged file is kept: {}\n", owner.name, file));
}

json::array strings(const std::vector<std::string>& from) {
  return json::array(from.begin(), from.end());
}

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

void print_object(const storage::StoreOwner& owner, const RepairReport& report, bool is_done) {
  json::array lost;
  for (const LostRange& each : report.lost)
    lost.push_back(json::object{{"from_offset", each.from_offset},
                                {"to_offset", or_null(each.to_offset)},
                                {"file", each.file},
                                {"position", each.position},
                                {"bytes", each.bytes}});
  print_json(json::object{{"partition", owner.name},
                          {"path", owner.folder},
                          {"ok", report.is_sound()},
                          {"repaired", is_done && !report.is_sound()},
                          {"lost", std::move(lost)},
                          {"given_again_from", or_null(report.given_again_from)},
                          {"changed", strings(report.changed)},
                          {"kept", strings(report.kept)},
                          {"notes", strings(report.notes)}});
}

void repair(const Options& options, const CommandLine& line) {
  const std::string folder = folder_named(options.path, line);
  const storage::StoreOwner owner = owner_of(folder);
  const auto bus = lock_bus_of(folder);
  const auto disk = os::make_real_disk();
  const RepairReport report = value_or_throw(storage::repair_log(
      *disk, owner, options.skip_damage ? RepairMode::skip_damage : RepairMode::look,
      os_entropy64()));
  if (line.json)
    print_object(owner, report, options.skip_damage);
  else
    print_text(owner, report, options.skip_damage);
  if (!options.skip_damage && !report.is_sound())
    throw Failure(
        fmt::format("{}: {} is damaged, and nothing was changed: fetch its files from a backup, or "
                    "go on without what is "
                    "lost: ringmain log repair --skip-damage {}",
                    owner.name, folder, options.path));
}

}  // namespace

void add_log_repair_command(CLI::App& log, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = log.add_subcommand(
      "repair", "Skip what is damaged in a partition's log files, so that the rest can be read");
  command->footer(
      "Says what is lost: offsets, file, place. Changes nothing without --skip-damage; with it, "
      "offsets of lost records\n"
      "become void, all others keep theirs, and the damaged files are kept in FOLDER.damaged. Stop "
      "the broker first.\n"
      "Exit 1: damaged, and nothing was changed.\n"
      "Example:\n  ringmain log repair events-0\n  ringmain log repair events-0 --skip-damage");
  command->add_option("PATH", options->path, "A partition's folder, or TOPIC-PARTITION")
      ->required();
  command->add_flag("--skip-damage", options->skip_damage,
                    "Do it: what is said to be lost is given up");
  command->callback(
      [options, &line] { line.command = [options, &line] { repair(*options, line); }; });
}

}  // namespace ringmain::tools
