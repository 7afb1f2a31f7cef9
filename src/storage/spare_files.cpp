#include "storage/spare_files.hpp"

#include "os/fault.hpp"
#include "segment/file_name.hpp"

namespace ringmain::storage {
namespace {

// So that no head of the file's earlier use is found behind the first one.
Status wipe_heads(os::Disk& disk, const std::string& path, std::uint64_t size_bytes, std::uint64_t slot_bytes) {
  RINGMAIN_TRY_ASSIGN(file, disk.open(path, os::DiskOpen::write));
  const std::vector<std::byte> zeros(os::disk_block_bytes);
  for (std::uint64_t at = 0; at < size_bytes; at += slot_bytes)
    RINGMAIN_TRY(file->write(at, std::span(zeros).first(std::min<std::uint64_t>(zeros.size(), size_bytes - at))));
  return file->sync();
}

}  // namespace

std::optional<SpareFiles::Spare> SpareFiles::take() {
  const std::lock_guard lock(mutex_);
  ++begun_;
  if (spares_.empty()) return std::nullopt;
  Spare spare = std::move(spares_.back());
  spares_.pop_back();
  return spare;
}

std::size_t SpareFiles::count() const {
  const std::lock_guard lock(mutex_);
  return spares_.size();
}

bool SpareFiles::is_wanted() const {
  const std::lock_guard lock(mutex_);
  return spares_.size() < wanted_;
}

Status SpareFiles::begin_round(os::Disk& disk) {
  std::vector<Spare> surplus;
  {
    const std::lock_guard lock(mutex_);
    wanted_ = std::exchange(begun_, 0);
    while (spares_.size() > wanted_) {
      surplus.push_back(std::move(spares_.back()));
      spares_.pop_back();
    }
  }
  for (const Spare& spare : surplus) RINGMAIN_TRY(disk.remove(spare.path));  // what stays by an error goes at the next start
  return {};
}

Status SpareFiles::retire(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config, std::uint64_t base_offset) {
  const std::string path = owner.folder + "/" + segment::file_name({base_offset, segment::FileKind::log});
  RINGMAIN_TRY_ASSIGN(size_bytes, disk.file_size_bytes(path));
  if (!is_wanted() || size_bytes > config.segments_per_file() * config.slot_bytes) return disk.remove(path);
  const std::string aside = owner.folder + "/" + segment::file_name({base_offset, segment::FileKind::log, true});
  RINGMAIN_TRY(disk.rename(path, aside));
  os::fault_point("retention.set_aside");
  RINGMAIN_TRY(disk.sync_directory(owner.folder));  // before its bytes change: a power cut must not bring it back wiped
  const auto is_open = disk.is_open(aside);
  if (!is_open || *is_open || !wipe_heads(disk, aside, size_bytes, config.slot_bytes)) return disk.remove(aside);
  os::fault_point("retention.heads_wiped");
  const std::lock_guard lock(mutex_);
  spares_.push_back({aside, size_bytes});
  return {};
}

}  // namespace ringmain::storage
