// A disk that does as it is told: a FUSE file system over a folder, served by a child process,
// which answers with errors on command, and which has a cache that a loss of power takes away.
//
// The cache: what was written since a file's last successful sync can be lost, block by block, in
// any choice, as on a device with a cache of its own. A sync that fails has lost all of it, as with
// a kernel that drops what it could not write. Names (files made, renamed, removed) are safe at
// once.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace ringmain::crash {

// Errors to give, as errno; 0: none.
struct FaultyDiskOrders {
  std::atomic<int> on_write, on_sync, on_make, on_open, on_allocate, on_read;
  std::atomic<std::uint64_t> given;  // errors
  std::atomic<std::uint64_t> writes, syncs;
  // At the unmount: whether the power is lost, and the choice of the blocks that are.
  std::atomic<std::uint32_t> loses_power;
  std::atomic<std::uint64_t> seed;
  std::atomic<std::uint64_t> lost_blocks, kept_blocks;  // unsynced ones, and what became of them
  std::atomic<std::uint32_t> is_ready;
};

// Empty, or why there can be none here.
std::string faulty_disks_are_possible();

class FaultyDisk {
 public:
  // Shows `folder` at `mount_point`; both are made. Forks: call it without threads. Throws
  // std::runtime_error.
  FaultyDisk(const std::string& folder, const std::string& mount_point);
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  FaultyDiskOrders& orders() noexcept { return *orders_; }
  void works() noexcept;  // no errors any more
  void unmount();
  void mount();
  // Unmounts it, with unsynced blocks lost, and mounts it again.
  void lose_power(std::uint64_t seed);

 private:
  const std::string folder_, mount_point_;
  FaultyDiskOrders* orders_;
  pid_t server_ = 0;
};

}  // namespace ringmain::crash
