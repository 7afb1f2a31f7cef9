// What the disk itself can do, with nothing of Ringmain between: the limit beside `perf durable`.
// Its files lie in the measured folder and have no name any more, so no end of the process leaves
// them there. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "os/disk_buffers.hpp"
#include "os/fd.hpp"
#include "os/io_uring_ring.hpp"

namespace ringmain::tools {

inline constexpr uint32_t raw_block_bytes = 4096;  // suits O_DIRECT on every device in use

// An open file of the measured file system.
class RawFile {
 public:
  enum class Blocks {
    written,    // every block was written before, and synced: a write there changes no metadata
    allocated,  // space without content, as a log file begins
  };
  // `check` is called now and then, and may throw.
  RawFile(const std::string& folder, uint64_t size_bytes, Blocks blocks,
          const std::function<void()>& check);

  uint64_t size_bytes() const noexcept { return size_bytes_; }
  int buffered() const noexcept { return buffered_.get(); }
  // -1 where the file system refuses O_DIRECT.
  int direct() const noexcept { return direct_.get(); }

 private:
  uint64_t size_bytes_;
  os::UniqueFd buffered_, direct_;
};

// One way to make a few blocks durable.
struct RawWay {
  std::string name;
  std::function<void(uint64_t at)> write_durably;
};

// All that this kernel and file system take; each overwrites blocks of the file.
class RawWays {
 public:
  // Of `size_bytes` at a time, a multiple of raw_block_bytes.
  RawWays(const std::string& folder, uint32_t size_bytes, const std::function<void()>& check);
  RawWays(const RawWays&) = delete;
  RawWays& operator=(const RawWays&) = delete;

  const std::vector<RawWay>& list() const noexcept { return ways_; }
  // Where the next write goes: one after the other.
  uint64_t next_place() noexcept;

 private:
  void add_ring_ways();

  const uint32_t size_bytes_;
  RawFile file_;
  os::DiskBuffers content_;
  std::unique_ptr<os::IoUringRing> ring_;  // null where the kernel refuses
  std::vector<RawWay> ways_;
  uint64_t place_ = 0;
};

struct GroupSize {
  uint32_t bytes = 0;  // of a write
  uint32_t depth = 0;  // writes in flight
};

// Writes sequentially, several groups in flight, as the persister does.
class RawStream {
 public:
  explicit RawStream(GroupSize group);

  enum class Sync { each_group, none };
  // Bytes a second of writing `total_bytes` to the file from its start, over and over. `check` is
  // called now and then, and may throw.
  double bytes_per_s(const RawFile& file, uint64_t total_bytes, Sync sync,
                     const std::function<void()>& check);

 private:
  void write_blocking(const RawFile& file, uint64_t groups, Sync sync,
                      const std::function<void()>& check);
  void write_queued(const RawFile& file, uint64_t groups, Sync sync,
                    const std::function<void()>& check);
  uint64_t place_of(const RawFile& file, uint64_t index) const noexcept;

  const GroupSize group_;
  os::DiskBuffers buffers_;
  std::unique_ptr<os::IoUringRing> ring_;  // null where the kernel refuses
  bool has_registered_ = false;            // the buffers with the ring
};

}  // namespace ringmain::tools
