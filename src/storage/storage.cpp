#include "storage/storage.hpp"

#include <fmt/format.h>

#include "storage/repair.hpp"

namespace ringmain::storage {
namespace {

constexpr std::string_view kDeleted = ".deleted";

}  // namespace

Result<std::unique_ptr<Storage>> Storage::start(std::unique_ptr<os::Disk> disk, std::string folder,
                                                PersisterOptions options, UpkeepOptions upkeep) {
  std::unique_ptr<Storage> storage(new Storage);
  storage->disk_ = std::move(disk);
  storage->folder_ = std::move(folder);
  RINGMAIN_TRY(storage->disk_->make_directories(storage->folder_));
  RINGMAIN_TRY_ASSIGN(persister, Persister::start(*storage->disk_, std::move(options)));
  storage->persister_ = std::move(persister);
  storage->upkeep_ = std::make_unique<Upkeep>(std::move(upkeep));
  return storage;
}

// The topic's id is in the name: a topic of the same name that comes later has other files.
StoreOwner Storage::owner(const std::string& topic, const segment::TopicId& topic_id, std::uint32_t partition) const {
  std::string id;
  for (const std::uint8_t byte : topic_id) id += fmt::format("{:02x}", byte);
  const std::string name = fmt::format("{}-{}", topic, partition);
  return {topic_id, partition, name, fmt::format("{}/{}.{}", folder_, name, id)};
}

std::uint64_t Storage::folder_bytes(const StoreOwner& owner) const {
  std::uint64_t sum = 0;
  const auto entries = disk_->list(owner.folder);
  if (!entries) return sum;  // there is none
  for (const os::DiskEntry& entry : *entries)
    if (!entry.is_directory) sum += disk_->file_size_bytes(owner.folder + "/" + entry.name).value_or(0);
  return sum;
}

Status Storage::remove(const StoreOwner& owner) {
  for (const std::string& folder : {owner.folder, kept_folder(owner)}) {  // and what a repair has kept of it
    const std::string leftover = folder + std::string(kDeleted);
    if (auto renamed = disk_->rename(folder, leftover); !renamed) {
      if (renamed.error().code == ErrorCode::not_found) continue;
      return renamed;
    }
    RINGMAIN_TRY(disk_->sync_directory(folder_));
    RINGMAIN_TRY(remove_folder(leftover));
  }
  return {};
}

Status Storage::remove_leftovers() {
  RINGMAIN_TRY_ASSIGN(entries, disk_->list(folder_));
  for (const os::DiskEntry& entry : entries)
    if (entry.is_directory && entry.name.ends_with(kDeleted)) RINGMAIN_TRY(remove_folder(folder_ + "/" + entry.name));
  return {};
}

Status Storage::remove_folder(const std::string& path) {
  RINGMAIN_TRY_ASSIGN(entries, disk_->list(path));
  for (const os::DiskEntry& entry : entries)
    if (!entry.is_directory) RINGMAIN_TRY(disk_->remove(path + "/" + entry.name));
  return disk_->remove(path);
}

Store::~Store() {
  if (upkeep_) storage_.upkeep().remove(upkeep_);
  if (writer_) storage_.persister().remove(writer_, true);
}

Result<RecoveredLog> Store::recover(const log::PartitionView* hot) {
  return recover_log(storage_.disk(), owner_, config_, hot, files_);
}

void Store::begin(const log::PartitionView& view, WriteStart start, std::uint32_t reader_line, std::uint64_t start_offset) {
  log_start_.emplace(view.control(), start_offset);
  writer_ = std::make_shared<LogWriter>(storage_.disk(), owner_, config_, view, files_, std::move(start));
  upkeep_ = std::make_shared<LogUpkeep>(storage_.disk(), owner_, upkeep_config_, files_, *log_start_, writer_);
  storage_.persister().add(writer_, reader_line);
  storage_.upkeep().add(upkeep_);
}

void Store::raise_start(std::uint64_t offset) {
  log_start_->raise(offset);
  storage_.upkeep().look_at(upkeep_);
}

void Store::configure(const StoreConfig& config, const UpkeepConfig& upkeep) {
  writer_->configure(config);
  storage_.upkeep().configure(upkeep_, upkeep);
}

Status Store::remove() {
  if (upkeep_) storage_.upkeep().remove(std::exchange(upkeep_, nullptr));
  if (writer_) storage_.persister().remove(std::exchange(writer_, nullptr), false);
  return storage_.remove(owner_);
}

}  // namespace ringmain::storage
