#include "storage/recovery.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "segment/file_name.hpp"
#include "segment/head.hpp"
#include "segment/log_folder.hpp"
#include "segment/prove.hpp"
#include "storage/compaction_file.hpp"

namespace ringmain::storage {
namespace {

using segment::LogFileInfo;

// A segment on disk.
struct OnDisk {
  std::size_t file = 0;  // its place among the folder's files
  format::LogFileHead head{};
  std::uint64_t at() const noexcept { return std::uint64_t{head.index_in_file} * head.slot_bytes; }
};

class Recovery {
 public:
  Recovery(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config, const log::PartitionView* hot)
      : disk_(disk), owner_(owner), config_(config), hot_(hot) {}

  Result<RecoveredLog> run(LogFiles& files) {
    RINGMAIN_TRY(disk_.make_directories(owner_.folder));
    RINGMAIN_TRY(survey());
    RINGMAIN_TRY(settle_end());
    RINGMAIN_TRY(check_hot());
    recovered_.start.durable_offset = std::max(recovered_.start.durable_offset, recovered_.start.base_offset);
    fill(files);
    recovered_.start_offset = folder_.files.empty() ? recovered_.start.base_offset : folder_.files.front().base_offset();
    return std::move(recovered_);
  }

 private:
  std::string path_of(const std::string& name) const { return owner_.folder + "/" + name; }

  Status survey() {
    RINGMAIN_TRY_ASSIGN(entries, disk_.list(owner_.folder));
    std::vector<segment::ListedFile> listing;
    for (const os::DiskEntry& entry : entries) {
      if (entry.is_directory) continue;
      RINGMAIN_TRY_ASSIGN(size, disk_.file_size_bytes(path_of(entry.name)));
      listing.push_back({entry.name, size});
    }
    std::unique_ptr<os::DiskFile> open;  // the last one read: heads come file by file
    const auto read = [&](const std::string& name, std::uint64_t at, std::span<std::byte> into) -> Result<std::size_t> {
      if (!open || open->path() != path_of(name)) {
        RINGMAIN_TRY_ASSIGN(opened, disk_.open(path_of(name), os::DiskOpen::read));
        open = std::move(opened);
        foretell_heads(*open);
      }
      RINGMAIN_TRY_ASSIGN(size, open->size_bytes());
      if (at >= size) return std::size_t{0};
      const auto part = into.first(std::min<std::uint64_t>(into.size(), size - at));
      RINGMAIN_TRY(open->read(at, part));
      return part.size();
    };
    folder_ = segment::survey_folder({owner_.topic_id, owner_.partition, owner_.folder}, listing, read);
    // Nothing is removed from a folder that needs a person: what looks unfinished may be what was damaged.
    for (const segment::FolderFinding& finding : folder_.findings) {
      if (!segment::is_harmless(finding.fault))
        return fail(ErrorCode::kafka_storage_error, fmt::format("{}: {}", owner_.name, finding.message));
      if (finding.fault != segment::FolderFault::blank) continue;
      RINGMAIN_TRY_ASSIGN(was_wiped, holds_later_head(finding.name, read));
      if (was_wiped)
        return fail(ErrorCode::kafka_storage_error,
                    fmt::format("{}: the start of {} was wiped, and segments behind it are there: fetch the file from a replica "
                                "or a backup, or skip what is damaged with `ringmain log repair`",
                                owner_.name, path_of(finding.name)));
    }
    for (const segment::FolderFinding& finding : folder_.findings) {
      if (finding.fault == segment::FolderFault::blank && folder_.files.empty()) {
        begin_like(finding.name);
        continue;
      }
      const bool rubbish = finding.fault == segment::FolderFault::unfinished || finding.fault == segment::FolderFault::blank ||
                           finding.fault == segment::FolderFault::orphan_index;
      if (!rubbish) continue;
      RINGMAIN_TRY(disk_.remove(path_of(finding.name)));
      recovered_.notes.push_back(fmt::format("{}: removed {}, which was never finished", owner_.name, finding.name));
    }
    for (std::size_t i = 0; i < folder_.files.size(); ++i)
      for (const format::LogFileHead& head : folder_.files[i].heads) {
        if (head.slot_bytes != config_.slot_bytes)
          return fail(ErrorCode::kafka_storage_error,
                      fmt::format("{}: {} was written with slot.bytes={}, and the topic has {}: it cannot be changed once there are records",
                                  owner_.name, path_of(folder_.files[i].name), head.slot_bytes, config_.slot_bytes));
        segments_.push_back({i, head});
      }
    return {};
  }

  // They lie far apart: one after the other each would cost a turn of the disk.
  void foretell_heads(const os::DiskFile& file) const {
    const auto size = file.size_bytes();
    for (std::uint64_t at = 0; size && at < *size; at += config_.slot_bytes) file.will_read({at, os::disk_block_bytes});
  }

  // Whether a file whose first head is blank has another one: no segment is begun before the head of the one before it
  // is durable, so somebody has wiped that.
  Result<bool> holds_later_head(const std::string& name, const segment::ReadFileAt& read) const {
    std::array<std::byte, sizeof(format::LogFileHead)> bytes{};
    for (std::uint64_t at = config_.slot_bytes;; at += config_.slot_bytes) {  // ends with the file
      RINGMAIN_TRY_ASSIGN(count, read(name, at, bytes));
      if (count < bytes.size()) return false;
      format::LogFileHead head;
      if (segment::read_head(bytes, at, head) == segment::HeadState::valid) return true;
    }
  }

  // A file without a record, and no other: retention has taken what was before it. Its name is all that says where
  // the log goes on, so it stays.
  void begin_like(const std::string& name) {
    WriteStart& start = recovered_.start;
    start.base_offset = std::max(start.base_offset, segment::parse_file_name(name)->base_offset);
    for (std::uint32_t slot = 0; hot_ != nullptr && slot < hot_->geometry().slot_limit; ++slot) {
      const auto& header = hot_->segment_in(slot);
      if (hot_->find(header.sequence) == slot && header.base_offset.load(std::memory_order_acquire) == start.base_offset)
        start.sequence = header.sequence;
    }
  }

  // Walks what no head proves, and states where the log ends.
  Status settle_end() {
    auto next = std::find_if(segments_.begin(), segments_.end(), [](const OnDisk& each) { return !segment::is_complete(each.head); });
    if (next == segments_.end()) {
      start_behind_last();
      return {};
    }
    // A killed process may have left it unsynced, and what is proved here will be called durable.
    for (std::size_t i = next->file; i < folder_.files.size(); ++i) {
      RINGMAIN_TRY_ASSIGN(file, disk_.open(path_of(folder_.files[i].name), os::DiskOpen::write));
      RINGMAIN_TRY(file->sync());
    }
    RINGMAIN_TRY(disk_.sync_directory(owner_.folder));
    for (; next != segments_.end(); ++next) {
      if (segment::is_complete(next->head)) continue;
      const auto after = std::next(next);
      const bool is_in_memory = is_hot(next->head);
      if (after == segments_.end() && is_in_memory) return start_at(*next);
      RINGMAIN_TRY_ASSIGN(proof, prove(*next, after == segments_.end()));
      if (after != segments_.end() && proof.end.offset == after->head.base_offset) {
        RINGMAIN_TRY(seal(*next, proof));
        continue;
      }
      // Memory that outlived has all of it, and it is written anew, damaged or torn.
      if (!is_in_memory) RINGMAIN_TRY(judge(*next, proof, after));
      RINGMAIN_TRY(cut(after));
      if (is_in_memory) return start_at(*next);
      RINGMAIN_TRY(seal(*next, proof));
      break;
    }
    start_behind_last();
    return {};
  }

  bool is_hot(const format::LogFileHead& head) const noexcept {
    if (hot_ == nullptr) return false;
    // What the log has let go of is durable, and its slot may be taken any moment though it is still named there.
    if (head.sequence < hot_->control().log_start.load(std::memory_order_acquire)) return false;
    const auto slot = hot_->find(head.sequence);
    return slot && hot_->segment_in(*slot).tag == head.tag &&
           hot_->segment_in(*slot).base_offset.load(std::memory_order_acquire) == head.base_offset;
  }

  Result<segment::Proof> prove(const OnDisk& segment, bool is_last) {
    const segment::SegmentPlace from{segment.head.proved_units, segment::proved_end_offset(segment.head)};
    // The writer gives an open segment such a head at a clean stop alone: nothing behind it was acknowledged.
    if (is_last && from.units > format::kFirstFrameUnits) return segment::Proof{from, {}, segment::ImageStop::end_of_data, {}};
    RINGMAIN_TRY_ASSIGN(file, disk_.open(path_of(folder_.files[segment.file].name), os::DiskOpen::read));
    RINGMAIN_TRY_ASSIGN(size, file->size_bytes());
    image_.resize(std::min(size - segment.at(), segment.head.slot_bytes));
    RINGMAIN_TRY(file->read(segment.at(), image_));
    return segment::prove(image_, segment.head, from);
  }

  // Whether the log may end here: what follows was on its way to disk, and nobody was told that it is durable.
  Status judge(const OnDisk& here, const segment::Proof& proof, std::vector<OnDisk>::const_iterator after) const {
    // The writer enters a segment when the one before the last is durable, and the next but one when this one is.
    const bool was_durable = segments_.cend() - after > 1 || (after != segments_.cend() && after->head.proved_units > format::kFirstFrameUnits);
    const bool damaged = was_durable || segment::judge(here.head, proof, {proof.end.units, kMostInFlightBytes}) == segment::Verdict::damaged;
    if (!damaged) return {};
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("{}: {} is damaged: the records from offset {} on (byte {} of the file) do not prove themselves, and there are "
                            "others behind them; restore the file from a backup, or skip what is lost with `ringmain log repair`",
                            owner_.name, path_of(folder_.files[here.file].name), proof.end.offset,
                            here.at() + GroupEnd::bytes_of(proof.end)));
  }

  // Segments that got through in part before a power cut: they would stand behind a gap.
  Status cut(std::vector<OnDisk>::const_iterator from) {
    for (auto each = segments_.cend(); each != from;) {  // the last first: a death must not leave a hole
      --each;
      const std::string path = path_of(folder_.files[each->file].name);
      recovered_.notes.push_back(fmt::format("{}: cut {} at offset {}, which had not been acknowledged", owner_.name, path, each->head.base_offset));
      if (each->head.index_in_file == 0) {
        RINGMAIN_TRY(disk_.remove(path));
        continue;
      }
      RINGMAIN_TRY_ASSIGN(file, disk_.open(path, os::DiskOpen::write));
      const std::vector<std::byte> zeros(os::disk_block_bytes);
      RINGMAIN_TRY(file->write(each->at(), zeros));
      RINGMAIN_TRY(file->sync());
    }
    RINGMAIN_TRY(disk_.sync_directory(owner_.folder));
    const auto first = segments_.begin() + (from - segments_.cbegin());
    for (auto each = first; each != segments_.end(); ++each) {
      auto& heads = folder_.files[each->file].heads;
      if (!heads.empty()) heads.pop_back();
    }
    segments_.erase(first, segments_.end());
    std::erase_if(folder_.files, [](const LogFileInfo& file) { return file.heads.empty(); });
    return {};
  }

  // Says in the segment's head where it ends.
  Status seal(OnDisk& segment, const segment::Proof& proof) {
    LogFileInfo& info = folder_.files[segment.file];
    const std::string path = path_of(info.name);
    format::LogFileHead& head = segment.head;
    head.proved_units = proof.end.units;
    head.proved_count = static_cast<std::uint32_t>(proof.end.offset - head.base_offset);
    head.smallest_ns = std::min(head.smallest_ns, proof.times.smallest_ns);
    head.largest_ns = std::max(head.largest_ns, proof.times.largest_ns);
    head.flags |= format::kSegmentComplete;
    segment::seal_head(head);
    info.heads[head.index_in_file] = head;
    RINGMAIN_TRY_ASSIGN(file, disk_.open(path, os::DiskOpen::write));
    RINGMAIN_TRY(file->write(segment.at(), std::as_bytes(std::span(&head, 1))));
    return file->sync();
  }

  Status start_at(const OnDisk& segment) {
    const LogFileInfo& file = folder_.files[segment.file];
    WriteStart& start = recovered_.start;
    start.sequence = segment.head.sequence;
    start.base_offset = segment.head.base_offset;
    start.index_in_file = segment.head.index_in_file;
    start.begun_in_file = start.index_in_file + 1;
    start.durable_offset = segment::proved_end_offset(segment.head);
    name_file(file);
    return {};
  }

  // The hot log goes on in the same file; one that is new gets a file of its own, so that nothing stale lies in it.
  void start_behind_last() {
    WriteStart& start = recovered_.start;
    if (segments_.empty()) return;
    const format::LogFileHead& last = segments_.back().head;
    start.sequence = last.sequence + 1;
    start.base_offset = segment::proved_end_offset(last);
    start.begun_in_file = start.index_in_file = last.index_in_file + 1;
    if (hot_ != nullptr) name_file(folder_.files[segments_.back().file]);
  }

  void name_file(const LogFileInfo& file) {
    WriteStart& start = recovered_.start;
    start.path = path_of(file.name);
    start.file_tag = file.heads.front().file_tag;
    start.file_base_offset = file.base_offset();
    start.file_created_ms = static_cast<std::int64_t>(file.heads.front().created_ms);
  }

  // Shared memory must go on where the disk ends.
  Status check_hot() const {
    if (hot_ == nullptr) return {};
    const WriteStart& start = recovered_.start;
    const std::uint64_t active = hot_->control().active.load(std::memory_order_acquire);
    const auto slot = hot_->find(start.sequence);
    const std::uint64_t base = slot ? hot_->segment_in(*slot).base_offset.load(std::memory_order_acquire) : format::kNoOffset;
    if (start.sequence <= active ? slot && base == start.base_offset : start.sequence == active + 1) return {};
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("{}: its files in {} end at offset {} (segment {}), and its shared memory does not go on there: files are "
                            "missing, or come from elsewhere; put them back, or delete the topic",
                            owner_.name, owner_.folder, start.base_offset, start.sequence));
  }

  void fill(LogFiles& files) const {
    for (std::size_t i = 0; i < folder_.files.size(); ++i) {
      const LogFileInfo& info = folder_.files[i];
      LogFileEntry entry{path_of(info.name), info.base_offset(), 0, 0,
                         static_cast<std::int64_t>(info.heads.front().created_ms), format::kNoLargestNs};
      entry.end_offset = i + 1 < folder_.files.size() ? folder_.files[i + 1].base_offset() : recovered_.start.durable_offset;
      for (const format::LogFileHead& head : info.heads) {
        entry.largest_ns = std::max(entry.largest_ns, head.largest_ns);
        entry.size_bytes += occupied_bytes(head);
      }
      files.append(std::move(entry));
    }
  }

  os::Disk& disk_;
  const StoreOwner& owner_;
  const StoreConfig& config_;
  const log::PartitionView* hot_;
  segment::LogFolder folder_;
  std::vector<OnDisk> segments_;  // all of the log, in order
  std::vector<std::byte> image_;
  RecoveredLog recovered_;
};

}  // namespace

Result<RecoveredLog> recover_log(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config,
                                 const log::PartitionView* hot, LogFiles& files) {
  return Recovery(disk, owner, config, hot).run(files);
}

}  // namespace ringmain::storage
