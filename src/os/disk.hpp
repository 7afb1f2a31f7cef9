// Disk: the files of the durable log, behind one interface with a real and a simulated version.
//
// Who runs it: the persister (one thread that owns one DiskQueue for all partitions), and
// recovery, retention and compaction (blocking calls). tests/conformance/disk holds every
// implementation to what stands here.
//
// What is durable, that is, there after a power cut:
//   - the bytes of a write with Durability::synced, once it completed without an error, with
//     all that is needed to read them back (file size, extents). Other writes are not;
//   - every write of a file that completed before, or was submitted before on the same queue as,
//     a sync that succeeded, and the size and the allocation of the file then;
//   - a name that was made, renamed or removed, once sync_directory() of its directory
//     succeeded (after a rename: the directory of the new name). Syncing the file does not
//     do that. make_directories() does it by itself.
// What a process finds when it starts is not durable for being there: one that was killed may have
// left it unsynced. Who builds on it syncs it first. Everything else may be lost, kept, or torn at
// sectors of 512 bytes, in any order. After a failed write or sync nothing of its range counts as
// durable.
//
// Errors name the path. Their codes: no_space, permission_denied, read_only (the file system),
// not_found, already_exists, invalid_argument (a request that no disk could serve), io (the
// rest, with the system's words), closed (only the simulated disk: its power is cut).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/strong_id.hpp"

namespace ringmain::os {

// Positions and sizes of queued writes are multiples of this, on every disk: it suits every
// device in use, so that code which runs on one disk runs on all.
inline constexpr uint32_t disk_block_bytes = 4096;

struct DiskRange {
  uint64_t at = 0;
  uint64_t size_bytes = 0;
};

// An open file. Closing (destroying) it does not disturb writes in flight: they complete and
// are reported. Callable from any thread, but two calls that change one range at the same
// time leave either's bytes.
class DiskFile {
 public:
  virtual ~DiskFile() = default;

  // As it was opened; a rename does not change it.
  virtual const std::string& path() const noexcept = 0;

  virtual Result<uint64_t> size_bytes() const = 0;

  // Fills all of `into`; a file that ends earlier is an error (io). Blocks.
  virtual Status read(uint64_t at, std::span<std::byte> into) const = 0;

  // Says that the range will be read soon, so that the disk may bring in many at once. Does not block.
  virtual void will_read(DiskRange) const noexcept {}

  // Writes all of `bytes`, at any position and of any size; durable after sync(). Blocks. For
  // small files: a log goes through a DiskQueue. Must not touch a block that a queued
  // write in flight touches.
  virtual Status write(uint64_t at, std::span<const std::byte> bytes) = 0;

  // Makes all writes that completed durable. Blocks. After a sync of this file failed, or a
  // synced write, every later sync is refused: it would claim what the kernel has given up.
  // Open the file again, and write again what is not known to be durable. Synced writes go on: each
  // vouches for its own range only.
  virtual Status sync() = 0;

  // Space for the range, and the file at least that long. What was not written reads as zeros.
  // Later writes there cannot fail for lack of space (on file systems that overwrite in place).
  virtual Status allocate(DiskRange range) = 0;

  // Gives the space back: the range reads as zeros, the size stays.
  virtual Status punch_hole(DiskRange range) = 0;

  virtual Status truncate(uint64_t size_bytes) = 0;

  // How queued writes reach the device, for a person: "O_DIRECT", or "page cache: ..." and why.
  virtual std::string write_path() const = 0;
};

enum class Durability : uint8_t {
  none,    // completed: handed to the kernel or the device
  synced,  // completed: durable
};

// The caller's own mark of an operation; comes back with its completion.
using DiskToken = StrongId<struct DiskTokenTag, uint64_t>;

struct DiskWrite {
  uint64_t at = 0;          // multiple of disk_block_bytes
  uint32_t buffer = 0;      // index of the buffer that holds the bytes
  uint32_t from = 0;        // where in it they begin; multiple of disk_block_bytes
  uint32_t size_bytes = 0;  // multiple of disk_block_bytes, not 0
  Durability durability = Durability::none;
};

// What came of a write or sync: the bytes written (0 for a sync), all that were asked for, or an
// error. A short write is continued or becomes an error.
using DiskCallback = std::function<void(DiskToken, Result<uint64_t>)>;

enum class ReapWait : uint8_t { no, for_one };

// What a queue uses, for one line in the broker's log.
struct DiskQueueCapabilities {
  bool asynchronous = false;        // false: submit() does the writes itself and blocks
  bool registered_buffers = false;  // the kernel does not look them up for each write
  bool registered_files = false;
  std::string description;  // "io_uring, ..." or "blocking writes, because ...": a person reads it
};

// One thread's writes in flight, and the buffers they are written from. Only the thread that
// made a queue may call or destroy it (io_uring demands that of its fastest mode). Destroying
// waits for what is in flight and drops the results. It may hold files that were closed, and so the
// space of removed ones, until its next submit() or reap().
//
// The buffers are aligned to disk_block_bytes. take_buffer() gives one, the caller fills it and
// submits writes from it; give_back() may follow at once: the queue hands the buffer out again
// only when no write from it is in flight. The bytes must not change until then.
class DiskQueue {
 public:
  virtual ~DiskQueue() = default;

  virtual const DiskQueueCapabilities& capabilities() const noexcept = 0;

  virtual uint32_t buffer_bytes() const noexcept = 0;
  virtual std::optional<uint32_t> take_buffer() noexcept = 0;  // none: all taken or in flight
  virtual void give_back(uint32_t buffer) noexcept = 0;
  virtual std::span<std::byte> buffer(uint32_t buffer) noexcept = 0;

  // Operations that were taken on and not yet reported, and how many more it takes on.
  virtual uint32_t in_flight() const noexcept = 0;
  virtual uint32_t room() const noexcept = 0;

  // Takes a write on; submit() or reap() starts it. Refused with invalid_argument: what is
  // not aligned, or overlaps a write in flight through the same DiskFile (their order is not
  // defined). Refused with invalid_state: no room. What is refused is not reported again.
  virtual Status submit_write(DiskFile& file, const DiskWrite& write, DiskToken token) = 0;

  // Makes durable what DiskFile::sync() does, and the writes to this file that were taken on before
  // it; if one of these fails, so does the sync.
  virtual Status submit_sync(DiskFile& file, DiskToken token) = 0;

  // Starts everything that was taken on.
  virtual Status submit() = 0;

  // Calls `done` for each completion there is; waits for the first one, if asked to and if
  // something is in flight. Submits first. `done` may submit more and take buffers, but not reap.
  // Gives the number of completions. An error is one of the queue itself, not of an operation.
  virtual Result<uint32_t> reap(ReapWait wait, const DiskCallback& done) = 0;

  // Readable (poll, epoll) when reap() may find something; reap() makes it unreadable again.
  // May be readable for nothing. An eventfd and not a timeout for reap(), because a thread that
  // also waits for a doorbell or a socket then sleeps once for both, and is woken at once by
  // either. The first call turns the notification on; a thread that only reaps never pays for it.
  virtual Result<int> completion_fd() = 0;
};

struct DiskQueueOptions {
  uint32_t depth = 64;  // operations in flight
  uint32_t buffer_count = 8;
  uint32_t buffer_bytes = 256 * 1024;  // multiple of disk_block_bytes
};

enum class DiskOpen : uint8_t { read, write };  // write: reads, too

struct DiskEntry {
  std::string name;
  bool is_directory = false;

  friend auto operator<=>(const DiskEntry&, const DiskEntry&) = default;
};

// Directories and files by path. Callable from any thread; the simulated disk from one.
class Disk {
 public:
  virtual ~Disk() = default;

  // A new, empty file, for writing. One that is there already is an error (already_exists).
  virtual Result<std::unique_ptr<DiskFile>> create(const std::string& path) = 0;
  virtual Result<std::unique_ptr<DiskFile>> open(const std::string& path, DiskOpen how) = 0;

  virtual Result<uint64_t> file_size_bytes(const std::string& path) const = 0;

  // Sorted by name, without "." and "..".
  virtual Result<std::vector<DiskEntry>> list(const std::string& directory) const = 0;

  // Atomic: `to` is either what it was or the file; a file of that name is replaced.
  virtual Status rename(const std::string& from, const std::string& to) = 0;

  // A file, or an empty directory. A file that is open stays readable and writable until closed.
  virtual Status remove(const std::string& path) = 0;

  // Whether anybody has this file open, or mapped: another process, or another part of this one. Also true
  // if the disk cannot tell. Who takes the name away first can rely on "no": nobody can open the file any more.
  virtual Result<bool> is_open(const std::string& path) const = 0;

  // Missing parents, too. All of them are durable afterwards.
  virtual Status make_directories(const std::string& path) = 0;

  virtual Status sync_directory(const std::string& path) = 0;

  // For the calling thread, which alone may use it.
  virtual Result<std::unique_ptr<DiskQueue>> make_queue(const DiskQueueOptions& options) = 0;
};

// How the real disk makes a synced write durable. Overwriting on ext4, on a virtual disk with a
// volatile cache and no FUA, the two take as long for one block of 4 KiB (p50 about 125 us).
// Several at once are faster with RWF_DSYNC (p50 of 8 blocks 250 us against 320 to 380 us). Faster
// still, from two blocks on, are writes with Durability::none and one submit_sync() behind them (8
// blocks 170 us, 32 blocks 180 us).
enum class DurableWrite : uint8_t {
  dsync,           // RWF_DSYNC on the write itself
  write_and_sync,  // the write, and an fdatasync linked to it
};

struct RealDiskOptions {
  bool use_io_uring = true;   // false: blocking writes
  bool use_direct_io = true;  // false: through the page cache
  DurableWrite durable_write = DurableWrite::dsync;
};

// The disk of this machine. What the kernel or the file system refuses (io_uring, registered
// buffers, O_DIRECT) is replaced by what works; DiskQueue::capabilities() says so.
std::unique_ptr<Disk> make_real_disk(const RealDiskOptions& options = {});

}  // namespace ringmain::os
