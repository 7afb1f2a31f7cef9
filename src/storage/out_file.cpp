#include "storage/out_file.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "os/fault.hpp"
#include "segment/file_name.hpp"

namespace ringmain::storage {
namespace {

constexpr std::uint64_t kMostAllocatedAhead = 64ull << 20;

}  // namespace

Result<std::shared_ptr<OutFile>> OutFile::create(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config,
                                                 std::uint64_t base_offset, SpareFiles& spares) {
  auto out = std::make_shared<OutFile>();
  out->path_ = owner.folder + "/" + segment::file_name({base_offset, segment::FileKind::log});
  if (const auto spare = spares.take(); spare && disk.rename(spare->path, out->path_))
    out->allocated_bytes_ = out->recycled_bytes_ = spare->size_bytes;
  auto made = disk.create(out->path_);
  if (!made && made.error().code == ErrorCode::already_exists) made = disk.open(out->path_, os::DiskOpen::write);
  if (!made) return tl::make_unexpected(made.error());
  out->file_ = std::move(*made);
  out->tag_ = os_entropy64();
  out->base_offset_ = base_offset;
  out->created_ms_ = now_real_ms();
  out->index_.emplace(
      segment::FileIdentity{owner.topic_id, owner.partition, out->tag_, base_offset, config.slot_bytes},
      config.index_interval_bytes);
  RINGMAIN_TRY(disk.sync_directory(owner.folder));
  os::fault_point("storage.file_made");
  return out;
}

std::shared_ptr<OutFile> OutFile::resume(std::string path, std::uint64_t tag, std::uint64_t base_offset,
                                         std::int64_t created_ms, std::uint32_t begun_segments) {
  auto out = std::make_shared<OutFile>();
  out->path_ = std::move(path);
  out->tag_ = tag;
  out->base_offset_ = base_offset;
  out->created_ms_ = created_ms;
  out->begun_segments_ = begun_segments;
  return out;
}

Status OutFile::open(os::Disk& disk) {
  RINGMAIN_TRY_ASSIGN(opened, disk.open(path_, os::DiskOpen::write));
  file_ = std::move(opened);
  return {};
}

bool OutFile::takes(std::uint32_t index, const StoreConfig& config, std::int64_t now_ms) noexcept {
  if (index < begun_segments_) return true;
  const bool is_old = index != 0 && now_ms - created_ms_ >= config.file_ms;
  closed_ = closed_ || is_old || index >= config.segments_per_file();
  if (closed_) return false;
  begun_segments_ = index + 1;
  return true;
}

Status OutFile::allocate(std::uint64_t to_bytes, std::uint64_t most_bytes) {
  if (allocated_bytes_ >= to_bytes) return {};
  const std::uint64_t ahead = std::min({most_bytes, to_bytes + to_bytes / 2, to_bytes + kMostAllocatedAhead});
  for (const std::uint64_t until : {std::max(to_bytes, ahead), to_bytes}) {
    const Status allocated = file_->allocate({allocated_bytes_, until - allocated_bytes_});
    if (!allocated && until != to_bytes) continue;  // there may be room for as much as is needed
    RINGMAIN_TRY(allocated);
    allocated_bytes_ = until;
    break;
  }
  return {};
}

Status OutFile::finish(os::Disk& disk, const std::string& folder) {
  if (!index_) return {};
  index_->finish();
  const auto write = [&](segment::FileKind kind, const std::vector<std::byte>& bytes) -> Status {
    const std::string name = folder + "/" + segment::file_name({base_offset_, kind});
    const std::string draft = folder + "/" + segment::file_name({base_offset_, kind, true});
    static_cast<void>(disk.remove(draft));
    RINGMAIN_TRY_ASSIGN(created, disk.create(draft));
    RINGMAIN_TRY(created->write(0, bytes));
    return disk.rename(draft, name);
  };
  RINGMAIN_TRY(write(segment::FileKind::offset_index, index_->offsets().encode()));
  return write(segment::FileKind::time_index, index_->times().encode());
}

}  // namespace ringmain::storage
