// Carrying a repair out: one file after the other, each whole and durable before the next.
#include "storage/repair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/random.hpp"
#include "segment/file_name.hpp"
#include "segment/prove.hpp"
#include "storage/compaction_file.hpp"
#include "storage/repair_plan.hpp"

namespace ringmain::storage {
namespace {

using segment::FileKind;
using Deed = RepairFile::Deed;

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;
constexpr std::uint32_t kIndexIntervalBytes = 4096;
constexpr int kMostCopies = 1000;  // of one file, by repairs that died

class Repair {
 public:
  Repair(os::Disk& disk, const StoreOwner& owner, std::uint64_t seed)
      : disk_(disk), owner_(owner), random_(seed) {}

  Result<RepairReport> run(RepairMode mode) {
    RINGMAIN_TRY_ASSIGN(plan, plan_repair(disk_, owner_));
    RINGMAIN_TRY(find_bad_indexes(plan));
    for (const RepairFile& file : plan.files)
      if (file.deed != Deed::keep) report_.changed.push_back(path_of(file.name));
    report_.changed.insert(report_.changed.end(), bad_indexes_.begin(), bad_indexes_.end());
    report_.lost = std::move(plan.lost);
    report_.given_again_from = plan.given_again_from;
    report_.notes.insert(report_.notes.begin(), plan.notes.begin(), plan.notes.end());
    if (mode == RepairMode::look) return std::move(report_);
    // First what goes: a file that is made must not overlap one that is still there.
    for (const RepairFile& file : plan.files)
      if (file.deed == Deed::remove) RINGMAIN_TRY(remove(file));
    for (const RepairFile& file : plan.files) {
      if (file.deed == Deed::empty) RINGMAIN_TRY(empty(file));
      if (file.deed == Deed::rewrite || file.deed == Deed::make) RINGMAIN_TRY(write(file));
    }
    for (const std::string& index : bad_indexes_) RINGMAIN_TRY(disk_.remove(index));
    RINGMAIN_TRY(disk_.sync_directory(owner_.folder));
    return std::move(report_);
  }

 private:
  std::string path_of(const std::string& name) const { return owner_.folder + "/" + name; }

  // A new file beside the old one, with the same segments, in which fillers stand for what is lost;
  // then it takes the name. See CompactionDraft for what a crash leaves.
  Status write(const RepairFile& file) {
    std::unique_ptr<os::DiskFile> source;
    if (file.size_bytes != 0) {
      RINGMAIN_TRY(keep_copy(file));
      RINGMAIN_TRY_ASSIGN(opened, disk_.open(path_of(file.name), os::DiskOpen::read));
      source = std::move(opened);
    }
    segment::FileIdentity identity = segment::identity_of(file.segments.front().head);
    identity.file_tag = random_();
    identity.base_offset = file.base_offset;
    RINGMAIN_TRY_ASSIGN(draft,
                        CompactionDraft::create(disk_, owner_, identity, kIndexIntervalBytes));
    for (const RepairSegment& segment : file.segments) {
      image_.assign(segment.head.slot_bytes, std::byte{0});
      const std::uint64_t at = segment.head.index_in_file * segment.head.slot_bytes;
      if (source && segment.origin != RepairSegment::Head::lost)
        RINGMAIN_TRY(read_stride(*source, at, image_));
      RINGMAIN_TRY(write_segment(segment, identity.file_tag, at, draft));
    }
    return draft.commit();
  }

  Status write_segment(const RepairSegment& segment, std::uint64_t file_tag, std::uint64_t at,
                       CompactionDraft& draft) {
    format::LogFileHead head = segment.head;
    head.file_tag = file_tag;
    segment::seal_head(head);
    for (const LostStretch& stretch : segment.mending.lost) fill(image_, head, stretch);
    std::memcpy(image_.data(), &head, sizeof(head));
    const auto index = [&](const segment::FrameNote& note) {
      draft.index(head.index_in_file, note);
    };
    std::span<const std::byte> bytes = image_;
    if (!segment.copies_all)
      bytes = bytes.first(std::size_t{segment.mending.end.units} * format::kFrameAlignment);
    const segment::Proof proof =
        segment::prove(bytes, head, {format::kFirstFrameUnits, head.base_offset}, index);
    if (proof.end != segment.mending.end)  // read twice, with two results
      return fail(ErrorCode::io, fmt::format("{}: the segment at byte {} of a file in {} is read "
                                             "in another way each time: the device is "
                                             "failing; copy the folder to another one first",
                                             owner_.name, at, owner_.folder));
    if (segment.copies_all) {  // not the zeros behind it
      std::size_t size = bytes.size();
      while (size > sizeof(head) && bytes[size - 1] == std::byte{0}) --size;
      bytes = bytes.first(
          std::max<std::size_t>(size, std::size_t{proof.end.units} * format::kFrameAlignment));
    }
    return draft.write_segment(head, bytes);
  }

  // A copy of the damaged file, durable. It keeps its holes; what the device cannot read is zeros.
  Status keep_copy(const RepairFile& file) {
    RINGMAIN_TRY(disk_.make_directories(kept_folder(owner_)));
    RINGMAIN_TRY_ASSIGN(path, free_name(file));
    RINGMAIN_TRY_ASSIGN(source, disk_.open(path_of(file.name), os::DiskOpen::read));
    RINGMAIN_TRY_ASSIGN(copy, disk_.create(path));
    for (std::uint64_t at = 0; at < file.size_bytes; at += kCopyBytes) {
      image_.resize(std::min<std::uint64_t>(kCopyBytes, file.size_bytes - at));
      RINGMAIN_TRY(read_stride(*source, at, image_));
      const bool is_hole = std::all_of(image_.begin(), image_.end(),
                                       [](std::byte byte) { return byte == std::byte{0}; });
      if (!is_hole) RINGMAIN_TRY(copy->write(at, image_));
    }
    RINGMAIN_TRY(copy->truncate(file.size_bytes));
    RINGMAIN_TRY(copy->sync());
    RINGMAIN_TRY(disk_.sync_directory(kept_folder(owner_)));
    report_.kept.push_back(path);
    return {};
  }
  // Not a log file's name: nobody shall take the folder for a partition's.
  Result<std::string> free_name(const RepairFile& file) const {
    RINGMAIN_TRY_ASSIGN(entries, disk_.list(kept_folder(owner_)));
    for (int i = 1; i <= kMostCopies; ++i) {
      const std::string name =
          fmt::format("{}.damaged{}", file.name, i == 1 ? "" : fmt::format("-{}", i));
      if (std::none_of(entries.begin(), entries.end(),
                       [&](const os::DiskEntry& each) { return each.name == name; }))
        return kept_folder(owner_) + "/" + name;
    }
    return fail(ErrorCode::already_exists,
                fmt::format("{} holds {} copies of {}: remove those that nobody needs",
                            kept_folder(owner_), kMostCopies, file.name));
  }

  Status remove(const RepairFile& file) {
    RINGMAIN_TRY(keep_copy(file));
    RINGMAIN_TRY(disk_.remove(path_of(file.name)));
    return remove_indexes(file);
  }

  Status empty(const RepairFile& file) {
    RINGMAIN_TRY(keep_copy(file));
    const std::string draft = path_of(segment::file_name({file.base_offset, FileKind::log, true}));
    static_cast<void>(disk_.remove(draft));  // of an earlier try that died
    RINGMAIN_TRY_ASSIGN(made, disk_.create(draft));
    RINGMAIN_TRY(made->sync());
    RINGMAIN_TRY(disk_.rename(draft, path_of(file.name)));
    RINGMAIN_TRY(disk_.sync_directory(owner_.folder));
    return remove_indexes(file);
  }

  Status remove_indexes(const RepairFile& file) {
    for (const FileKind kind : {FileKind::offset_index, FileKind::time_index}) {
      const Status removed =
          disk_.remove(path_of(segment::file_name({file.base_offset, kind, false})));
      if (!removed && removed.error().code != ErrorCode::not_found) return removed;
    }
    return disk_.sync_directory(owner_.folder);
  }

  // Of files that stay: no record is lost without them.
  Status find_bad_indexes(const RepairPlan& plan) {
    for (const RepairFile& file : plan.files) {
      if (file.deed != Deed::keep || file.segments.empty()) continue;
      const segment::FileIdentity identity = segment::identity_of(file.segments.front().head);
      for (const FileKind kind : {FileKind::offset_index, FileKind::time_index}) {
        const std::string path = path_of(segment::file_name({file.base_offset, kind, false}));
        auto opened = disk_.open(path, os::DiskOpen::read);
        if (!opened && opened.error().code == ErrorCode::not_found) continue;
        if (!opened) return tl::make_unexpected(std::move(opened).error());
        RINGMAIN_TRY_ASSIGN(size_bytes, (*opened)->size_bytes());
        image_.resize(std::min(size_bytes, file.size_bytes));  // an index is smaller than its file
        RINGMAIN_TRY(read_stride(**opened, 0, image_));
        if (is_index(kind, identity, path)) continue;
        bad_indexes_.push_back(path);
        report_.notes.push_back(path + " is damaged: readers do without it, and no record is lost");
      }
    }
    return {};
  }

  // One of an earlier file of this name is no damage: readers refuse it by its tag.
  bool is_index(FileKind kind, segment::FileIdentity identity, const std::string& path) const {
    constexpr std::size_t kTagAt = offsetof(format::IndexHead, file_tag);
    if (image_.size() < sizeof(format::IndexHead)) return false;
    std::memcpy(&identity.file_tag, image_.data() + kTagAt, sizeof(identity.file_tag));
    return kind == FileKind::offset_index
               ? segment::OffsetIndex::decode(image_, identity, path).has_value()
               : segment::TimeIndex::decode(image_, identity, path).has_value();
  }

  os::Disk& disk_;
  const StoreOwner& owner_;
  Random random_;
  std::vector<std::byte> image_;
  std::vector<std::string> bad_indexes_;
  RepairReport report_;
};

}  // namespace

std::string kept_folder(const StoreOwner& owner) {
  return owner.folder + ".damaged";
}

Result<RepairReport> repair_log(os::Disk& disk, const StoreOwner& owner, RepairMode mode,
                                std::uint64_t seed) {
  return Repair(disk, owner, seed).run(mode);
}

}  // namespace ringmain::storage
