// Judging a damaged folder. First the heads, file by file; then those that are lost, from their
// neighbours and from the frames behind them.
#include "storage/repair_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "segment/file_name.hpp"
#include "segment/log_folder.hpp"

namespace ringmain::storage {
namespace {

using segment::FolderFault;
using segment::HeadState;
using Deed = RepairFile::Deed;
using Origin = RepairSegment::Head;

// Missing heads behind a file's last sound one that are looked for.
constexpr std::size_t kMostMissing = 64;

struct FoundHead {
  HeadState state = HeadState::blank;
  format::LogFileHead head{};
};

class Scan {
 public:
  Scan(os::Disk& disk, const StoreOwner& owner) : disk_(disk), owner_(owner) {}

  Result<RepairScan> run() {
    RINGMAIN_TRY(survey());
    for (std::size_t i = 0; i < found_.files.size(); ++i) RINGMAIN_TRY(scan(i));
    find_next_heads();
    for (std::size_t i = 0; i < found_.strides.size(); ++i) {
      RINGMAIN_TRY(prove(i));
      if (found_.strides[i].segment.origin != Origin::lost) before_ = i;
    }
    drop_what_proves_nothing();
    return std::move(found_);
  }

 private:
  std::string path_of(const std::string& name) const { return owner_.folder + "/" + name; }
  const std::string& name_of(const Stride& stride) const { return found_.files[stride.file].name; }
  std::uint64_t start_of(const Stride& stride) const {
    return stride.segment.head.index_in_file * found_.slot_bytes;
  }

  tl::unexpected<Error> refuse(const std::string& file, const std::string& what) const {
    return refuse_repair(owner_, file, what);
  }

  Result<FoundHead> head_at(const os::DiskFile& file, std::uint64_t at) const {
    std::array<std::byte, sizeof(format::LogFileHead)> bytes{};
    RINGMAIN_TRY(read_stride(file, at, bytes));
    FoundHead found;
    found.state = segment::read_head(bytes, at, found.head);
    return found;
  }
  bool is_own(const FoundHead& found) const noexcept {
    return found.state == HeadState::valid && segment::topic_id_of(found.head) == owner_.topic_id &&
           found.head.partition == owner_.partition;
  }

  // The files, and what no repair may decide.
  Status survey() {
    RINGMAIN_TRY_ASSIGN(entries, disk_.list(owner_.folder));
    std::vector<segment::ListedFile> listing;
    for (const os::DiskEntry& entry : entries) {
      if (entry.is_directory) continue;
      RINGMAIN_TRY_ASSIGN(size, disk_.file_size_bytes(path_of(entry.name)));
      listing.push_back({entry.name, size});
      const auto name = segment::parse_file_name(entry.name);
      if (!name || name->unfinished || name->kind != segment::FileKind::log) continue;
      if (size > format::kMaxLogFileBytes) return refuse(entry.name, "is larger than any log file");
      found_.files.push_back({entry.name, name->base_offset, size, {}, Deed::keep});
    }
    std::unique_ptr<os::DiskFile> open;
    const auto read = [&](const std::string& name, std::uint64_t at,
                          std::span<std::byte> into) -> Result<std::size_t> {
      if (!open || open->path() != path_of(name)) {
        RINGMAIN_TRY_ASSIGN(opened, disk_.open(path_of(name), os::DiskOpen::read));
        open = std::move(opened);
      }
      RINGMAIN_TRY(read_stride(*open, at, into));
      return into.size();
    };
    const auto folder =
        segment::survey_folder({owner_.topic_id, owner_.partition, owner_.folder}, listing, read);
    for (const segment::FolderFinding& finding : folder.findings) {
      const bool is_for_a_person =
          finding.fault == FolderFault::misnamed || finding.fault == FolderFault::swapped ||
          finding.fault == FolderFault::newer_version || finding.fault == FolderFault::overlap ||
          finding.fault == FolderFault::unreadable;
      if (is_for_a_person)
        return fail(finding.fault == FolderFault::newer_version ? ErrorCode::version_mismatch
                                                                : ErrorCode::kafka_storage_error,
                    fmt::format("{}: {}", owner_.name, finding.message));
    }
    for (const segment::LogFileInfo& file : folder.files)
      if (found_.slot_bytes == 0) found_.slot_bytes = file.heads.front().slot_bytes;
    return found_.slot_bytes == 0 ? find_slot_bytes() : Status{};
  }

  // All first heads are lost: later ones say where they are. Else what stands in the place of a
  // head may be right.
  Status find_slot_bytes() {
    std::uint64_t said = 0;
    for (const RepairFile& each : found_.files) {
      RINGMAIN_TRY_ASSIGN(file, disk_.open(path_of(each.name), os::DiskOpen::read));
      for (std::uint64_t at = 0; at < each.size_bytes; at += os::disk_block_bytes) {
        RINGMAIN_TRY_ASSIGN(found, head_at(*file, at));
        if (is_own(found)) {
          found_.slot_bytes = found.head.slot_bytes;
          return {};
        }
        const std::uint64_t here = found.head.slot_bytes;
        const bool may_be = at == 0 && here >= format::kMinSlotBytes &&
                            here <= format::kMaxSlotBytes && here % os::disk_block_bytes == 0;
        if (may_be && said == 0) said = here;
      }
    }
    found_.slot_bytes = said;
    return {};
  }

  // The strides of a file, with those heads that are sound.
  Status scan(std::size_t index) {
    RepairFile& file = found_.files[index];
    RINGMAIN_TRY_ASSIGN(disk_file, disk_.open(path_of(file.name), os::DiskOpen::read));
    if (found_.slot_bytes == 0) {  // no segment is left in the whole folder
      RINGMAIN_TRY_ASSIGN(is_blank, begins_with_zeros(*disk_file, format::kMinSlotBytes));
      if (is_blank) return {};
      file.deed = Deed::remove;
      found_.dropped.push_back({index, 0, file.size_bytes});
      return {};
    }
    std::vector<FoundHead> heads;
    std::optional<std::uint64_t> tag;
    std::size_t last = 0;
    for (std::uint64_t at = 0; at < file.size_bytes; at += found_.slot_bytes) {
      RINGMAIN_TRY_ASSIGN(found, head_at(*disk_file, at));
      if (is_own(found) && found.head.slot_bytes == found_.slot_bytes &&
          tag.value_or(found.head.file_tag) == found.head.file_tag) {
        tag = found.head.file_tag;
        last = heads.size();
      } else if (found.state == HeadState::newer_version) {
        return refuse(file.name, "was written by a later program");
      } else if (found.state == HeadState::valid) {
        found.state = HeadState::blank;  // what an earlier use of the file left
      }
      heads.push_back(found);
    }
    const bool is_last_file = index + 1 == found_.files.size();
    if (!tag) {
      RINGMAIN_TRY_ASSIGN(is_blank, is_unused(*disk_file, heads));
      // What a death leaves of a file that was just begun: a start removes it.
      if (is_blank || (is_last_file && heads[0].state == HeadState::blank)) return {};
    }
    // Behind the last sound head: damaged ones; and missing ones, if the file must have gone on.
    const bool goes_on = !tag || (!is_last_file && segment::is_complete(heads[last].head) &&
                                  segment::proved_end_offset(heads[last].head) <
                                      found_.files[index + 1].base_offset);
    std::size_t end = last + 1;
    while (end < heads.size() &&
           ((goes_on && end - last <= kMostMissing) || heads[end].state == HeadState::damaged))
      ++end;
    for (std::size_t i = 0; i < end; ++i) {
      Stride stride;
      stride.file = index;
      if (heads[i].state == HeadState::valid) {
        stride.segment.head = heads[i].head;
        stride.base = heads[i].head.base_offset;
        const bool follows = found_.strides.empty() || found_.strides.back().file != index ||
                             !found_.strides.back().base ||
                             found_.strides.back().segment.origin != Origin::sound ||
                             follows_well(found_.strides.back().segment.head, heads[i].head);
        if (!follows)
          return refuse(file.name,
                        fmt::format("has two segments that contradict each other (at byte {})",
                                    i * found_.slot_bytes));
      } else {
        stride.segment.origin = Origin::lost;
        stride.as_found = heads[i].head;
        stride.was_damaged = heads[i].state == HeadState::damaged;
        stride.segment.head.index_in_file = static_cast<std::uint32_t>(i);
        if (i == 0) stride.base = file.base_offset;
      }
      found_.strides.push_back(std::move(stride));
    }
    return {};
  }

  static bool follows_well(const format::LogFileHead& before,
                           const format::LogFileHead& head) noexcept {
    const std::uint64_t end = segment::proved_end_offset(before);
    return head.sequence == before.sequence + 1 && head.leader_epoch >= before.leader_epoch &&
           (segment::is_complete(before) ? head.base_offset == end : head.base_offset >= end);
  }

  // Made ahead, and no more.
  Result<bool> is_unused(const os::DiskFile& file, const std::vector<FoundHead>& heads) {
    if (heads.empty()) return true;
    const bool are_blank = std::all_of(heads.begin(), heads.end(), [](const FoundHead& each) {
      return each.state == HeadState::blank;
    });
    if (!are_blank) return false;
    return begins_with_zeros(file, found_.slot_bytes);
  }
  Result<bool> begins_with_zeros(const os::DiskFile& file, std::uint64_t bytes) {
    image_.resize(bytes);
    RINGMAIN_TRY(read_stride(file, 0, image_));
    return std::all_of(image_.begin(), image_.end(),
                       [](std::byte byte) { return byte == std::byte{0}; });
  }

  // Finds the frames of a segment that prove themselves; of a lost head also whose they are.
  Status prove(std::size_t index) {
    Stride& stride = found_.strides[index];
    RINGMAIN_TRY_ASSIGN(file, disk_.open(path_of(name_of(stride)), os::DiskOpen::read));
    image_.resize(found_.slot_bytes);
    RINGMAIN_TRY(read_stride(*file, start_of(stride), image_));
    format::LogFileHead& head = stride.segment.head;
    if (stride.segment.origin == Origin::lost) {
      const HeadClues clues = clues_for(index);
      format::LogFileHead like = like_neighbours(index);
      like.base_offset = clues.lowest_offset;
      const auto identity = find_identity(image_, clues, like);
      stride.segment.origin = identity ? Origin::rebuilt : Origin::lost;
      head = identity.value_or(like);
      if (!identity) return {};
      note_runs(stride, find_runs(image_, head));
      if (!stride.base && !stride.segment.runs.empty() &&
          stride.segment.runs[0].first.units == format::kFirstFrameUnits)
        stride.base = stride.segment.runs[0].first.offset;
      return {};
    }
    const bool proves_something =
        segment::is_complete(head) || head.proved_units > format::kFirstFrameUnits;
    if (!segment::is_complete(head)) {
      stride.proof = segment::prove(image_, head);
      stride.all_runs = find_runs(image_, head).runs;
    }
    const std::span<const std::byte> proved =
        proves_something
            ? std::span(image_).first(std::size_t{head.proved_units} * format::kFrameAlignment)
            : image_;
    note_runs(stride, find_runs(proved, head));
    return {};
  }
  void note_runs(Stride& stride, ProvedRuns found) {
    stride.segment.runs = std::move(found.runs);
    if (found.cut_short)
      found_.notes.push_back(fmt::format(
          "the segment at byte {} of {} is full of bytes that look like frames: not all were tried",
          start_of(stride), path_of(name_of(stride))));
  }

  // The nearest strides with a head: the one before is known when a stride is proved, and sound
  // ones behind it.
  void find_next_heads() {
    next_.resize(found_.strides.size());
    std::optional<std::size_t> next;
    for (std::size_t i = found_.strides.size(); i-- > 0;) {
      next_[i] = next;
      if (found_.strides[i].segment.origin != Origin::lost) next = i;
    }
  }
  const Stride* before() const noexcept { return before_ ? &found_.strides[*before_] : nullptr; }
  const Stride* behind(std::size_t index) const noexcept {
    return next_[index] ? &found_.strides[*next_[index]] : nullptr;
  }

  // Sequences rise by one from segment to segment, so in one file a neighbour says which one it is.
  HeadClues clues_for(std::size_t index) const {
    const Stride& stride = found_.strides[index];
    HeadClues clues;
    clues.lowest_offset = found_.files[stride.file].base_offset;
    clues.highest_offset = format::kMaxBaseOffset;
    bool is_certain = false;
    for (const Stride* near : {before(), behind(index)}) {
      if (near == nullptr) continue;
      const auto distance = static_cast<std::uint64_t>(&stride - near);  // wraps, as the sum does
      const std::uint64_t sequence = near->segment.head.sequence + distance;
      if (near->file == stride.file && !is_certain) {
        clues.sequences = {sequence};
        is_certain = true;
      } else if (!is_certain) {
        clues.sequences.push_back(sequence);
      }
      clues.epochs.push_back(near->segment.head.leader_epoch);
      if (near->base && near < &stride)
        clues.lowest_offset = std::max(clues.lowest_offset, *near->base);
      if (near->base && near > &stride) clues.highest_offset = *near->base;
    }
    if (!is_certain) clues.sequences.push_back(stride.as_found.sequence);
    clues.epochs.push_back(stride.as_found.leader_epoch);
    return clues;
  }
  format::LogFileHead like_neighbours(std::size_t index) const {
    const Stride& stride = found_.strides[index];
    const Stride* near = before();
    const Stride* next = behind(index);
    const bool next_is_nearer = next != nullptr && next->file == stride.file &&
                                (near == nullptr || near->file != stride.file);
    if (near == nullptr || next_is_nearer) near = next;
    format::LogFileHead head{};
    head.magic = format::kSegmentMagic;
    std::copy(owner_.topic_id.begin(), owner_.topic_id.end(), head.topic_id);
    head.partition = owner_.partition;
    head.slot_bytes = found_.slot_bytes;
    head.index_in_file = stride.segment.head.index_in_file;
    head.tag = 1 + (stride.as_found.tag & 0x7fffffff);
    const format::LogFileHead& source = near != nullptr ? near->segment.head : stride.as_found;
    head.created_ms = source.created_ms;
    head.leader_epoch = source.leader_epoch;
    head.sequence =
        source.sequence + (near != nullptr ? static_cast<std::uint64_t>(&stride - near) : 0);
    return head;
  }

  // Lost segments at the end of a file are not made anew: the file ends before them. Inside it,
  // they become fillers.
  void drop_what_proves_nothing() {
    std::vector<std::size_t> ends(
        found_.files.size());  // of each file: behind its last stride that stays
    for (std::size_t i = 0; i < found_.strides.size(); ++i)
      if (found_.strides[i].segment.origin != Origin::lost) ends[found_.strides[i].file] = i + 1;
    std::vector<Stride> stay;
    for (std::size_t i = 0; i < found_.strides.size(); ++i) {
      if (i < ends[found_.strides[i].file]) {
        stay.push_back(std::move(found_.strides[i]));
        continue;
      }
      RepairFile& file = found_.files[found_.strides[i].file];
      const bool is_whole = stay.empty() || stay.back().file != found_.strides[i].file;
      if (is_whole)
        file.deed = Deed::remove;
      else if (found_.strides[i].was_damaged)
        file.deed = Deed::rewrite;
      else
        continue;
      const std::uint64_t at = start_of(found_.strides[i]);
      if (!found_.dropped.empty() && found_.dropped.back().file == found_.strides[i].file) continue;
      found_.dropped.push_back(
          {found_.strides[i].file, is_whole ? 0 : at, file.size_bytes - (is_whole ? 0 : at)});
    }
    found_.strides = std::move(stay);
    for (std::size_t i = found_.strides.size(); i-- > 0;)
      if (found_.strides[i].segment.origin == Origin::lost)
        follow_next(found_.strides[i], found_.strides[i + 1]);
    // A sound head, or its neighbour's end, says more than the frames behind a lost one.
    for (std::size_t i = 1; i < found_.strides.size(); ++i) {
      Stride& stride = found_.strides[i];
      const Stride& one_before = found_.strides[i - 1];
      if (stride.segment.origin != Origin::sound && stride.file == one_before.file &&
          one_before.segment.origin == Origin::sound &&
          segment::is_complete(one_before.segment.head))
        stride.base = segment::proved_end_offset(one_before.segment.head);
    }
  }
  // Behind a lost segment that stays there is another of its file. What that one is was found
  // later, perhaps.
  static void follow_next(Stride& lost, const Stride& next) noexcept {
    lost.segment.head.sequence = next.segment.head.sequence - 1;
    lost.segment.head.leader_epoch =
        std::min(lost.segment.head.leader_epoch, next.segment.head.leader_epoch);
  }

  os::Disk& disk_;
  const StoreOwner& owner_;
  RepairScan found_;
  std::optional<std::size_t> before_;             // the last that was proved and has a head
  std::vector<std::optional<std::size_t>> next_;  // of each stride, the next with a sound head
  std::vector<std::byte> image_;
};

}  // namespace

tl::unexpected<Error> refuse_repair(const StoreOwner& owner, const std::string& file,
                                    const std::string& what) {
  return fail(ErrorCode::kafka_storage_error,
              fmt::format("{}: {}/{} {}: no damage that a repair could skip; restore the file from "
                          "a backup, or move it away",
                          owner.name, owner.folder, file, what));
}

Status read_stride(const os::DiskFile& file, std::uint64_t at, std::span<std::byte> into) {
  RINGMAIN_TRY_ASSIGN(size_bytes, file.size_bytes());
  const std::uint64_t there =
      std::min<std::uint64_t>(into.size(), size_bytes - std::min(at, size_bytes));
  std::fill(into.begin() + static_cast<std::ptrdiff_t>(there), into.end(), std::byte{0});
  into = into.first(there);
  if (into.empty()) return {};
  const Status whole = file.read(at, into);
  if (whole || whole.error().code != ErrorCode::io) return whole;
  while (!into.empty()) {  // a device gives up whole blocks, and the others can be read
    const std::uint64_t to_block_end = os::disk_block_bytes - at % os::disk_block_bytes;
    const auto block = into.first(std::min<std::uint64_t>(to_block_end, into.size()));
    if (const Status read = file.read(at, block); !read) {
      if (read.error().code != ErrorCode::io) return read;
      std::fill(block.begin(), block.end(), std::byte{0});
    }
    at += block.size();
    into = into.subspan(block.size());
  }
  return {};
}

Result<RepairScan> scan_for_repair(os::Disk& disk, const StoreOwner& owner) {
  return Scan(disk, owner).run();
}

}  // namespace ringmain::storage
