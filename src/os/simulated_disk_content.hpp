// The bytes of one simulated file: what is durable, and what came since. Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "os/disk.hpp"

namespace ringmain::os::simulated {

class Content {
 public:
  // As a reader sees it now.
  uint64_t size_bytes() const noexcept { return size_bytes_; }
  // Requires at + size <= size_bytes().
  void read(uint64_t at, std::span<std::byte> into) const;

  // Changes that a power cut may undo. One call is one write: its parts share a fate.
  void write(uint64_t at, std::span<const std::byte> bytes);
  void allocate(DiskRange range);
  void punch_hole(DiskRange range);
  void truncate(uint64_t size_bytes);

  // Everything, but what a failed sync gave up and nobody wrote again.
  void sync();
  // The blocks of the range, and a size that lets them be read.
  void sync(DiskRange range);
  // A sync failed: what is not durable now never will be by a later sync.
  void give_up();

  // What a power cut leaves of the unsynced changes.
  void crash(Random& random);

 private:
  using Block = std::array<std::byte, disk_block_bytes>;
  using BlockBytes = std::shared_ptr<const Block>;  // null: zeros

  struct Version {
    uint64_t change;  // number of the call that made it
    BlockBytes bytes;
    bool given_up = false;
  };
  struct History {
    BlockBytes durable;
    std::vector<Version> unsynced;  // oldest first

    const BlockBytes& newest() const noexcept {
      return unsynced.empty() ? durable : unsynced.back().bytes;
    }
  };

  void resize(uint64_t size_bytes);
  void add_zeros(DiskRange range, uint64_t change);
  static void sync_block(History& block);

  std::map<uint64_t, History> blocks_;  // by position / disk_block_bytes; missing: zeros
  uint64_t size_bytes_ = 0;
  uint64_t durable_size_bytes_ = 0;
  std::vector<uint64_t> unsynced_sizes_;  // every size since the last sync
  uint64_t changes_ = 0;
};

}  // namespace ringmain::os::simulated
