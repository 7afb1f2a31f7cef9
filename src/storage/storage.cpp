#include "storage/storage.hpp"

#include <fmt/format.h>

namespace ringmain::storage {
namespace {

constexpr std::string_view kDeleted = ".deleted";

}  // namespace

Result<std::unique_ptr<Storage>> Storage::start(std::unique_ptr<os::Disk> disk, std::string folder,
                                                PersisterOptions options) {
  std::unique_ptr<Storage> storage(new Storage);
  storage->disk_ = std::move(disk);
  storage->folder_ = std::move(folder);
  RINGMAIN_TRY(storage->disk_->make_directories(storage->folder_));
  RINGMAIN_TRY_ASSIGN(persister, Persister::start(*storage->disk_, std::move(options)));
  storage->persister_ = std::move(persister);
  return storage;
}

// The topic's id is in the name: a topic of the same name that comes later has other files.
StoreOwner Storage::owner(const std::string& topic, const segment::TopicId& topic_id, std::uint32_t partition) const {
  std::string id;
  for (const std::uint8_t byte : topic_id) id += fmt::format("{:02x}", byte);
  const std::string name = fmt::format("{}-{}", topic, partition);
  return {topic_id, partition, name, fmt::format("{}/{}.{}", folder_, name, id)};
}

Status Storage::remove(const StoreOwner& owner) {
  const std::string leftover = owner.folder + std::string(kDeleted);
  if (auto renamed = disk_->rename(owner.folder, leftover); !renamed)
    return renamed.error().code == ErrorCode::not_found ? Status{} : renamed;
  RINGMAIN_TRY(disk_->sync_directory(folder_));
  return remove_folder(leftover);
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
  if (writer_) storage_.persister().remove(writer_, true);
}

Result<RecoveredLog> Store::recover(const log::PartitionView* hot) {
  return recover_log(storage_.disk(), owner_, config_, hot, files_);
}

void Store::begin(const log::PartitionView& view, WriteStart start, std::uint32_t reader_line) {
  writer_ = std::make_shared<LogWriter>(storage_.disk(), owner_, config_, view, files_, std::move(start));
  storage_.persister().add(writer_, reader_line);
}

Status Store::remove() {
  if (writer_) storage_.persister().remove(std::exchange(writer_, nullptr), false);
  return storage_.remove(owner_);
}

}  // namespace ringmain::storage
