// What all partitions of a bus share to be kept on disk: the disk, the folder, the persister. Made by the broker;
// without it every topic is in memory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/persister.hpp"
#include "storage/recovery.hpp"

namespace ringmain::storage {

class Storage {
 public:
  // Makes the folder. Errors: those of the disk.
  static Result<std::unique_ptr<Storage>> start(std::unique_ptr<os::Disk> disk, std::string folder,
                                                PersisterOptions options);

  os::Disk& disk() noexcept { return *disk_; }
  Persister& persister() noexcept { return *persister_; }

  StoreOwner owner(const std::string& topic, const segment::TopicId& topic_id, std::uint32_t partition) const;
  // Takes a deleted partition's files away; what a death in the middle leaves goes at the next start.
  Status remove(const StoreOwner& owner);
  // Folders that remove() left half done.
  Status remove_leftovers();

 private:
  Storage() = default;
  Status remove_folder(const std::string& path);

  std::unique_ptr<os::Disk> disk_;
  std::string folder_;
  std::unique_ptr<Persister> persister_;  // before the disk goes
};

// One partition's files and their writer. Owned by the partition, on the broker's thread.
class Store {
 public:
  // Recovers the folder and hands the writer to the persister. `hot`: as for recover_log().
  Store(Storage& storage, StoreOwner owner, const StoreConfig& config) noexcept
      : storage_(storage), owner_(std::move(owner)), config_(config) {}
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Where the log in shared memory goes on, or is to begin. Once, before begin().
  Result<RecoveredLog> recover(const log::PartitionView* hot);
  void begin(const log::PartitionView& view, WriteStart start, std::uint32_t reader_line);
  // Nothing more of it goes to disk, and its files go: the topic is deleted.
  Status remove();

  std::uint64_t durable_segments() const noexcept { return writer_ ? writer_->durable_segments() : 0; }
  LogFiles& files() noexcept { return files_; }
  const LogFiles& files() const noexcept { return files_; }
  const StoreOwner& owner() const noexcept { return owner_; }
  std::optional<Error> fault() const { return writer_ ? writer_->fault() : std::nullopt; }

 private:
  Storage& storage_;
  const StoreOwner owner_;
  const StoreConfig config_;
  LogFiles files_;
  std::shared_ptr<LogWriter> writer_;
};

}  // namespace ringmain::storage
