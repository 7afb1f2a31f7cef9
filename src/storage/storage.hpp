// What all partitions of a bus share to be kept on disk: the disk, the folder, the persister, the upkeep. Made by the
// broker; without it every topic is in memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "storage/persister.hpp"
#include "storage/recovery.hpp"
#include "storage/upkeep.hpp"

namespace ringmain::storage {

class Storage {
 public:
  // Makes the folder. Errors: those of the disk.
  static Result<std::unique_ptr<Storage>> start(std::unique_ptr<os::Disk> disk, std::string folder,
                                                PersisterOptions options, UpkeepOptions upkeep);

  os::Disk& disk() noexcept { return *disk_; }
  Persister& persister() noexcept { return *persister_; }
  Upkeep& upkeep() noexcept { return *upkeep_; }

  StoreOwner owner(const std::string& topic, const segment::TopicId& topic_id, std::uint32_t partition) const;
  const std::string& folder() const noexcept { return folder_; }
  // Of a partition that is not open: all its files, as long as they are.
  std::uint64_t folder_bytes(const StoreOwner& owner) const;
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
  std::unique_ptr<Upkeep> upkeep_;
};

// One partition's files and their writer. Owned by the partition, on the broker's thread.
class Store {
 public:
  Store(Storage& storage, StoreOwner owner, const StoreConfig& config, const UpkeepConfig& upkeep) noexcept
      : storage_(storage), owner_(std::move(owner)), config_(config), upkeep_config_(upkeep) {}
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Recovers the folder: where the log in shared memory goes on, or is to begin. `hot`: as for recover_log(). Once,
  // before begin().
  Result<RecoveredLog> recover(const log::PartitionView* hot);
  // Hands the log to the persister and to the upkeep. Its records begin at `start_offset`.
  void begin(const log::PartitionView& view, WriteStart start, std::uint32_t reader_line, std::uint64_t start_offset);
  // Nothing more of it goes to disk, and its files go: the topic is deleted.
  Status remove();

  // After begin(). What is below its start may go from disk at any time.
  std::uint64_t start_offset() const noexcept { return log_start_->offset(); }
  void raise_start(std::uint64_t offset);
  // Other settings of the topic, from now on: store_config.hpp and log_upkeep.hpp say which hold when.
  void configure(const StoreConfig& config, const UpkeepConfig& upkeep);
  std::uint64_t durable_segments() const noexcept { return writer_ ? writer_->durable_segments() : 0; }
  LogFiles& files() noexcept { return files_; }
  const LogFiles& files() const noexcept { return files_; }
  const StoreOwner& owner() const noexcept { return owner_; }
  std::optional<Error> fault() const { return writer_ ? writer_->fault() : std::nullopt; }

 private:
  Storage& storage_;
  const StoreOwner owner_;
  const StoreConfig config_;  // as it was begun with
  const UpkeepConfig upkeep_config_;
  LogFiles files_;
  std::optional<LogStart> log_start_;
  std::shared_ptr<LogWriter> writer_;
  std::shared_ptr<LogUpkeep> upkeep_;
};

}  // namespace ringmain::storage
