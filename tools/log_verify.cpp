// `ringmain log verify`: proves a log's files, or says where the first damage is. Reads only; works
// on the files of a bus in use, and on those that are left of one.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <filesystem>
#include <memory>

#include "base/clock.hpp"
#include "base/parse.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "client/bus_connection.hpp"
#include "commands.hpp"
#include "inspect/log_file.hpp"
#include "inspect/log_paths.hpp"
#include "inspect/verify.hpp"

namespace ringmain::tools {
namespace {

// One line on a terminal's stderr, from the first second on; elsewhere nothing.
class Progress {
 public:
  explicit Progress(const std::string& path)
      : path_(path), is_terminal_(::isatty(STDERR_FILENO) != 0) {
    if (is_terminal_) total_bytes_ = bytes_to_verify(path);
  }
  ~Progress() { show(is_shown_ ? "\r\x1b[K" : ""); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(uint64_t bytes) {
    done_bytes_ += bytes;
    const int64_t now_ns = now_steady_ns();
    if (!is_terminal_ || now_ns < next_ns_) return;
    next_ns_ = now_ns + interval_ns;
    is_shown_ = true;
    show(fmt::format("\r\x1b[K{}: {} of {}", path_,
                     format_bytes(std::min(done_bytes_, total_bytes_)),
                     format_bytes(total_bytes_)));
  }

 private:
  static constexpr int64_t interval_ns = 200'000'000;

  static void show(const std::string& text) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  }

  std::string path_;
  bool is_terminal_;
  bool is_shown_ = false;
  uint64_t total_bytes_ = 0;
  uint64_t done_bytes_ = 0;
  int64_t next_ns_ = now_steady_ns() + 1'000'000'000;
};

Result<VerifyReport> verify(const LogPath& what, const OnBytes& on_bytes) {
  switch (what.kind) {
    case LogPath::Kind::folder:
      return verify_log_folder(what.path, on_bytes);
    case LogPath::Kind::log_file:
      return verify_log_file(what.path, on_bytes);
    case LogPath::Kind::partition_memory:
      return verify_partition_memory(what.path, on_bytes);
    case LogPath::Kind::index:
      break;
  }
  const auto name = segment::parse_file_name(last_name(what.path));
  if (name && !name->unfinished) {
    const std::string log_path =
        parent_folder(what.path) + "/" +
        segment::file_name({name->base_offset, segment::FileKind::log, false});
    if (std::filesystem::exists(log_path)) return verify_log_file(log_path, on_bytes);
  }
  return verify_index_alone(what.path);
}

std::vector<LogPath> targets(const std::string& path, const CommandLine& line) {
  if (const auto one = classify(path)) return {*one};
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return find_below(path);
  if (std::filesystem::exists(path, ignored))
    throw Failure(fmt::format(
        "{} is no log file, index or partition's shared memory: its first bytes and its name are "
        "of none of these",
        path));
  const std::string bus =
      line.bus_directory.empty() ? client::default_bus_directory() : line.bus_directory;
  const auto folders =
      parse_partition_name(path) ? partition_folders(bus, path) : std::vector<LogPath>();
  if (!folders.empty()) return folders;
  throw Failure(fmt::format(
      "there is no file {}, and no such partition on disk below {}/log: name a log file, an index, "
      "a partition's folder or shared-memory file, or a partition as TOPIC-NUMBER",
      path, bus));
}

json::object to_json(const LogPath& what, const VerifyReport& report, double seconds) {
  json::array notes(report.notes.begin(), report.notes.end());
  json::object object{{"path", what.path},
                      {"partition", report.partition},
                      {"ok", !report.damage.has_value()},
                      {"files", report.totals.files},
                      {"segments", report.totals.segments},
                      {"records", report.totals.records},
                      {"bytes", report.totals.bytes},
                      {"seconds", number(seconds)},
                      {"notes", std::move(notes)},
                      {"damage", nullptr}};
  if (const auto& damage = report.damage) {
    object["damage"] = json::object{
        {"offset", damage->offset ? json::value(*damage->offset) : json::value(nullptr)},
        {"file", damage->file},
        {"position", damage->position},
        {"what", damage->what}};
  }
  return object;
}

void print(const LogPath& what, const VerifyReport& report, double seconds,
           const CommandLine& line) {
  if (line.json) return print_json(to_json(what, report, seconds));
  if (report.damage) return;  // said on stderr
  Output& out = standard_output();
  for (const std::string& note : report.notes) out.write_line("Note: " + note);
  out.write(fmt::format("{}: sound: {} files, {} segments, {} records, {} in {:.2f} s\n",
                        report.partition.empty() ? what.path : report.partition,
                        report.totals.files, report.totals.segments, report.totals.records,
                        format_bytes(report.totals.bytes), seconds));
}

std::string sentence_for(const VerifyReport& report) {
  const Damage& damage = *report.damage;
  const std::string where =
      damage.offset ? fmt::format("damaged at offset {}", *damage.offset) : "damaged";
  return fmt::format("{}{}, {} byte {}: {}",
                     report.partition.empty() ? "" : report.partition + ": ", where, damage.file,
                     damage.position, damage.what);
}

void verify_all(const std::string& path, const CommandLine& line) {
  for (const LogPath& what : targets(path, line)) {
    const int64_t start_ns = now_steady_ns();
    const VerifyReport report = [&what] {
      Progress progress(what.path);
      return value_or_throw(verify(what, [&progress](uint64_t bytes) { progress.add(bytes); }));
    }();
    print(what, report, static_cast<double>(now_steady_ns() - start_ns) / 1e9, line);
    if (report.damage) throw Failure(sentence_for(report));
  }
}

}  // namespace

void add_log_verify_command(CLI::App& log, CommandLine& line) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = log.add_subcommand(
      "verify", "Prove the log files of partitions, or name the place of the first damage");
  command->footer(
      "Checks heads, the checksum of every frame, indexes against the log, names, and gaps between "
      "files.\n"
      "A torn tail that was never acknowledged as durable is a note, and no damage. Changes "
      "nothing, "
      "and\n"
      "may run while the bus is in use. Exit 1: damaged.\n"
      "Example:\n  ringmain log verify ~/.local/share/ringmain/log");
  command
      ->add_option("PATH", *path,
                   "A log file, an index, a partition's folder or shared-memory file, a folder of "
                   "these, or TOPIC-PARTITION")
      ->required();
  command->callback([path, &line] { line.command = [path, &line] { verify_all(*path, line); }; });
}

}  // namespace ringmain::tools
