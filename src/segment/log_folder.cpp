// Judging a partition's folder: docs/formats/log-file.md, "Files".
#include "segment/log_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace ringmain::segment {
namespace {

class Survey {
 public:
  Survey(const FolderOwner& owner, const ReadFileAt& read) : owner_(owner), read_(read) {}

  LogFolder run(const std::vector<ListedFile>& listing) {
    for (const auto& file : listing) sort_in(file);
    for (const auto& [base_offset, file] : logs_) take(base_offset, file);
    for (std::size_t i = 1; i < folder_.files.size(); ++i)
      compare(folder_.files[i - 1], folder_.files[i]);
    for (const auto& [kind, indexes] : indexes_)
      for (const std::uint64_t base_offset : indexes)
        if (!logs_.contains(base_offset)) {
          const std::string name = file_name({base_offset, kind, false});
          say(FolderFault::orphan_index, name,
              "is an index without its log file: it is of no use and may be removed");
        }
    return std::move(folder_);
  }

 private:
  void sort_in(const ListedFile& file) {
    const auto name = parse_file_name(file.name);
    if (!name)
      say(FolderFault::foreign, file.name,
          "is no file of Ringmain's: it is left alone; move it away");
    else if (name->unfinished)
      say(FolderFault::unfinished, file.name,
          "was left half made when a broker ended: it may be removed");
    else if (name->kind == FileKind::log)
      logs_.emplace(name->base_offset, file);
    else
      indexes_[name->kind].insert(name->base_offset);
  }

  // By the base offset of its name.
  void take(std::uint64_t base_offset, const ListedFile& file) {
    HeadRun run = read_run(
        file.size_bytes,
        [&](std::uint64_t at, std::span<std::byte> into) { return read_(file.name, at, into); },
        owner_.path + "/" + file.name);
    if (!run.heads.empty() && !is_own(run.heads.front(), base_offset, file.name)) return;
    if (run.fault != RunFault::none)
      folder_.findings.push_back({fault_of(run.fault), file.name, run.error.message});
    if (run.heads.empty()) return;
    folder_.files.push_back({file.name, file.size_bytes, std::move(run.heads),
                             indexes_[FileKind::offset_index].contains(base_offset),
                             indexes_[FileKind::time_index].contains(base_offset)});
  }

  bool is_own(const format::LogFileHead& first, std::uint64_t base_offset,
              const std::string& name) {
    if (topic_id_of(first) != owner_.topic_id || first.partition != owner_.partition) {
      say(FolderFault::swapped, name,
          fmt::format("belongs to partition {} of topic {}, and this is the folder of partition {} "
                      "of topic {}: "
                      "files were mixed up; move it back to where it belongs",
                      first.partition, hex(topic_id_of(first)), owner_.partition,
                      hex(owner_.topic_id)));
      return false;
    }
    if (first.base_offset != base_offset) {
      say(FolderFault::misnamed, name,
          fmt::format("begins with offset {}: somebody renamed it; its name should be {}",
                      first.base_offset, file_name({first.base_offset, FileKind::log, false})));
      return false;
    }
    return true;
  }

  void compare(const LogFileInfo& before, const LogFileInfo& file) {
    const auto& last = before.heads.back();
    const std::uint64_t end = proved_end_offset(last);
    if (file.base_offset() < end) {
      say(FolderFault::overlap, file.name,
          fmt::format("begins with offset {}, and {} goes up to {}: one of them does not belong "
                      "here; move it away",
                      file.base_offset(), before.name, end));
    } else if (!is_complete(last)) {
      say(FolderFault::open_end, before.name,
          fmt::format("is followed by {} and does not say where it ends: it is walked, to see that "
                      "it reaches "
                      "offset {}",
                      file.name, file.base_offset()));
    } else if (file.base_offset() > end) {
      say(FolderFault::gap, file.name,
          fmt::format("begins with offset {}, and {} ends at {}: a file between them is missing; "
                      "put it back, fetch it from a replica or a backup, or skip what is lost with "
                      "`ringmain log repair`",
                      file.base_offset(), before.name, end));
    }
  }

  static FolderFault fault_of(RunFault fault) noexcept {
    switch (fault) {
      case RunFault::blank:
        return FolderFault::blank;
      case RunFault::short_file:
        return FolderFault::truncated;
      case RunFault::newer_version:
        return FolderFault::newer_version;
      case RunFault::unreadable:
        return FolderFault::unreadable;
      case RunFault::none:
      case RunFault::damaged:
        break;
    }
    return FolderFault::damaged;
  }

  static std::string hex(const TopicId& id) {
    std::string text;
    for (const std::uint8_t byte : id) text += fmt::format("{:02x}", byte);
    return text;
  }

  void say(FolderFault fault, const std::string& name, const std::string& what) {
    folder_.findings.push_back({fault, name, fmt::format("{}/{} {}", owner_.path, name, what)});
  }

  const FolderOwner& owner_;
  const ReadFileAt& read_;
  std::map<std::uint64_t, ListedFile> logs_;
  std::map<FileKind, std::set<std::uint64_t>> indexes_;
  LogFolder folder_;
};

}  // namespace

bool is_harmless(FolderFault fault) noexcept {
  switch (fault) {
    case FolderFault::foreign:
    case FolderFault::unfinished:
    case FolderFault::orphan_index:
    case FolderFault::blank:
    case FolderFault::open_end:
      return true;
    case FolderFault::misnamed:
    case FolderFault::swapped:
    case FolderFault::truncated:
    case FolderFault::newer_version:
    case FolderFault::damaged:
    case FolderFault::unreadable:
    case FolderFault::gap:
    case FolderFault::overlap:
      break;
  }
  return false;
}

bool LogFolder::is_sound() const noexcept {
  return std::all_of(findings.begin(), findings.end(),
                     [](const FolderFinding& finding) { return is_harmless(finding.fault); });
}

LogFolder survey_folder(const FolderOwner& owner, const std::vector<ListedFile>& listing,
                        const ReadFileAt& read) {
  return Survey(owner, read).run(listing);
}

}  // namespace ringmain::segment
