// Verifies a partition's folder: its files one by one, and that they go together.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include "inspect/log_file.hpp"
#include "inspect/verify.hpp"
#include "inspect/verify_file.hpp"

namespace ringmain::tools {
namespace {

using segment::FileKind;
using segment::FolderFault;
using segment::FolderFinding;

// A broker writes, renames and removes meanwhile: a damage counts once it was seen so often, with
// time between for a write that was on its way.
constexpr int times_seen = 3;
constexpr int most_rounds = 30;
constexpr std::chrono::milliseconds between_rounds{50};

// A log file of the folder, by the base offset of its name.
struct Entry {
  std::string name;
  const segment::LogFileInfo* info = nullptr;  // none: it cannot be read, or is of somebody else
  std::vector<const FolderFinding*> findings;
};

class FolderVerifier {
 public:
  // `only`: the base offset in the name of the one file to check.
  FolderVerifier(std::string folder, std::optional<uint64_t> only, const OnBytes& on_bytes)
      : folder_(std::move(folder)), only_(only), on_bytes_(on_bytes) {
    if (const auto name = parse_partition_folder(last_name(folder_))) {
      owner_ = {name->topic_id, name->index, folder_};
      report_.partition = name->partition;
    }
  }

  Result<VerifyReport> run() {
    std::optional<Damage> seen;
    for (int round = 1, times = 0; round <= most_rounds; ++round) {
      auto found = check_from_here();
      const bool file_went = !found && found.error().code == ErrorCode::not_found;
      if (!found && (!file_went || !std::filesystem::is_directory(folder_)))
        return tl::make_unexpected(found.error());
      if (found && !*found) return finish({});
      if (found) {
        times = seen == *found ? times + 1 : 1;
        seen = *found;
        if (times == times_seen) return finish(seen);
      }
      std::this_thread::sleep_for(between_rounds);
    }
    return finish(seen);
  }

 private:
  VerifyReport finish(std::optional<Damage> damage) {
    report_.damage = std::move(damage);
    for (const FolderFinding& finding : surveyed_.findings) {
      if (segment::is_harmless(finding.fault) && finding.fault != FolderFault::open_end && !only_)
        report_.notes.push_back(finding.message);
    }
    return std::move(report_);
  }

  // Checks the files that no round before has found sound.
  Result<std::optional<Damage>> check_from_here() {
    RINGMAIN_TRY(survey());
    for (const auto& [base_offset, entry] : entries_) {
      if (base_offset < from_ || (only_ && base_offset != *only_)) continue;
      RINGMAIN_TRY_ASSIGN(damage, check(base_offset, entry));
      if (damage) return damage;
      if (ends_torn_) break;  // what is behind belongs to nothing
      from_ = base_offset + 1;
    }
    return std::optional<Damage>();
  }

  Status survey() {
    RINGMAIN_TRY_ASSIGN(listing, list_files(folder_));
    const auto read = [this](const std::string& name, uint64_t at,
                             std::span<std::byte> into) -> Result<size_t> {
      const std::string path = folder_ + "/" + name;
      if (!open_ || open_->path() != path) {
        open_.reset();
        RINGMAIN_TRY_ASSIGN(opened, LogFile::open(path));
        open_ = std::move(opened);
      }
      return open_->read_at(at, into);
    };
    if (!owner_) find_owner(listing, read);
    surveyed_ = segment::survey_folder(owner_.value_or(segment::FolderOwner{{}, 0, folder_}),
                                       listing, read);
    open_.reset();
    entries_.clear();
    for (const segment::ListedFile& file : listing)
      if (const auto base = base_of(file.name)) entries_[*base].name = file.name;
    for (const segment::LogFileInfo& info : surveyed_.files)
      entries_[*base_of(info.name)].info = &info;
    for (const FolderFinding& finding : surveyed_.findings)
      if (const auto base = base_of(finding.name)) entries_[*base].findings.push_back(&finding);
    return {};
  }

  static std::optional<uint64_t> base_of(const std::string& name) {
    const auto parsed = segment::parse_file_name(name);
    if (!parsed || parsed->unfinished || parsed->kind != FileKind::log) return std::nullopt;
    return parsed->base_offset;
  }

  // A folder that was renamed: whose head is sound says whose log it is.
  void find_owner(const std::vector<segment::ListedFile>& listing,
                  const segment::ReadFileAt& read) {
    for (const segment::ListedFile& file : listing) {
      std::vector<std::byte> bytes(sizeof(format::LogFileHead));
      format::LogFileHead head;
      if (!base_of(file.name) || !read(file.name, 0, bytes) ||
          segment::read_head(bytes, 0, head) != segment::HeadState::valid)
        continue;
      owner_ = {segment::topic_id_of(head), head.partition, folder_};
      report_.partition = fmt::format("{}-{}", to_hex(owner_->topic_id), owner_->partition);
      report_.notes.push_back(folder_ +
                              " is not called TOPIC-PARTITION.TOPICID: whose log it is was taken "
                              "from its files");
      return;
    }
  }

  Result<std::optional<Damage>> check(uint64_t base_offset, const Entry& entry) {
    const std::string path = folder_ + "/" + entry.name;
    for (const FolderFinding* finding : entry.findings) {
      if (finding->fault == FolderFault::unreadable && entry.info == nullptr)
        return fail(ErrorCode::io, finding->message);
      const bool at_its_start = finding->fault == FolderFault::misnamed ||
                                finding->fault == FolderFault::swapped ||
                                finding->fault == FolderFault::gap ||
                                finding->fault == FolderFault::overlap || entry.info == nullptr;
      if (at_its_start && !segment::is_harmless(finding->fault))
        return std::optional(Damage{base_offset, path, 0, without_path(finding->message, path)});
    }
    if (entry.info == nullptr) return std::optional<Damage>();  // made ahead, and not used
    if (auto damage = check_follows(*entry.info, path)) return damage;
    RINGMAIN_TRY_ASSIGN(file, LogFile::open(path));
    FileVerifier verifier(file, path, behind(*entry.info), on_bytes_);
    RINGMAIN_TRY_ASSIGN(damage, verifier.run());
    if (damage) return damage;
    report_.totals.add(verifier.totals());
    report_.notes.insert(report_.notes.end(), verifier.notes().begin(), verifier.notes().end());
    ends_torn_ = verifier.ends_torn();
    return std::optional<Damage>();
  }

  // What the survey does not compare from file to file.
  std::optional<Damage> check_follows(const segment::LogFileInfo& file,
                                      const std::string& path) const {
    const auto index = static_cast<size_t>(&file - surveyed_.files.data());
    if (index == 0) return std::nullopt;
    const format::LogFileHead& before = surveyed_.files[index - 1].heads.back();
    const format::LogFileHead& first = file.heads.front();
    std::string what;
    if (first.sequence <= before.sequence)
      what = fmt::format("it begins with segment {}, and the file before it ends with segment {}",
                         first.sequence, before.sequence);
    else if (first.leader_epoch < before.leader_epoch)
      what = fmt::format("it begins with leader epoch {}, and the file before it has {}",
                         first.leader_epoch, before.leader_epoch);
    else if (first.slot_bytes != before.slot_bytes)
      what = fmt::format("its segments have {} bytes, and those before it {}", first.slot_bytes,
                         before.slot_bytes);
    if (what.empty()) return std::nullopt;
    return Damage{first.base_offset, path, 0,
                  what + ": one of them does not belong here; restore the folder from a backup, or skip what is "
                         "damaged with `ringmain log repair`"};
  }

  Behind behind(const segment::LogFileInfo& file) const {
    const auto next = static_cast<size_t>(&file - surveyed_.files.data()) + 1;
    Behind behind;
    if (next < surveyed_.files.size()) behind.next = surveyed_.files[next].heads.front();
    for (size_t i = next; i < surveyed_.files.size(); ++i)
      behind.segments += surveyed_.files[i].heads.size();
    return behind;
  }

  const std::string folder_;
  const std::optional<uint64_t> only_;
  const OnBytes& on_bytes_;
  std::optional<segment::FolderOwner> owner_;
  std::optional<LogFile> open_;  // the last one that the survey read
  segment::LogFolder surveyed_;
  std::map<uint64_t, Entry> entries_;
  uint64_t from_ = 0;  // files below were found sound
  bool ends_torn_ = false;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify_log_folder(const std::string& folder, const OnBytes& on_bytes) {
  return FolderVerifier(folder, {}, on_bytes).run();
}

Result<VerifyReport> verify_log_file(const std::string& path, const OnBytes& on_bytes) {
  const auto name = segment::parse_file_name(last_name(path));
  if (name && !name->unfinished && name->kind == FileKind::log)
    return FolderVerifier(parent_folder(path), name->base_offset, on_bytes).run();
  RINGMAIN_TRY_ASSIGN(file, LogFile::open(path));
  VerifyReport report;
  const segment::HeadRun run = file.heads();
  if (!run.heads.empty())
    report.partition = fmt::format("{}-{}", to_hex(segment::topic_id_of(run.heads.front())),
                                   run.heads.front().partition);
  FileVerifier verifier(file, "", {}, on_bytes);
  RINGMAIN_TRY_ASSIGN(damage, verifier.run());
  report.damage = damage;
  report.totals = verifier.totals();
  report.notes = verifier.notes();
  return report;
}

uint64_t bytes_to_verify(const std::string& path) {
  const auto files = list_files(path);
  if (!files) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path, ignored);
    return ignored ? 0 : size;
  }
  uint64_t bytes = 0;
  for (const segment::ListedFile& file : *files) bytes += file.size_bytes;
  return bytes;
}

}  // namespace ringmain::tools
