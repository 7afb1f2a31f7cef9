// Brings one partition's published frames to disk: the persister's state machine for it. All calls come
// from the persister's thread; the watermarks may be read by any.
//
//   hot segment --copy and seal--> gathered in a buffer --group commit--> log file --completion--> durable
//
// Invariants (docs/storage.md):
//   1. durable_offset() only grows, and everything below it is on disk in a completed synced write.
//   2. Groups become durable in the order of the log, whatever order their writes complete in.
//   3. Shared memory is read, never written, but for the watermarks; a slot is not reused before its segment
//      is durable (durable_segments()).
//   4. After an error nothing is called durable until the segment has been written anew from its start: the
//      bytes are the same, so what was durable stays so.
//   5. A block that is in flight is not written again: a group that ends inside a block holds up the next.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "log/partition_view.hpp"
#include "os/disk.hpp"
#include "segment/frame_copier.hpp"
#include "storage/group.hpp"
#include "storage/log_files.hpp"
#include "storage/out_file.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

// Where writing goes on.
struct WriteStart {
  std::uint64_t sequence = 0;     // of the segment to be written, from its first frame on
  std::uint64_t base_offset = 0;  // of that segment
  // The file that it goes to; empty: a new one.
  std::string path;
  std::uint64_t file_tag = 0;
  std::uint64_t file_base_offset = 0;
  std::uint32_t index_in_file = 0;
  std::uint32_t begun_in_file = 0;  // segments that it holds: more than the index if this one was begun
  std::int64_t file_created_ms = 0;
  std::uint64_t durable_offset = 0;  // known to be on disk
};

// Times in ns of the steady clock.
struct StepResult {
  enum class State {
    idle,     // nothing new: sleep until somebody publishes
    waiting,  // something new, to be written at `due_ns`
    busy,     // writes are in flight, or there is no buffer
    moved,    // took something on: call again
    failed,   // the disk refuses; tries again at `due_ns`
  } state = State::idle;
  std::int64_t due_ns = 0;
};

class LogWriter {
 public:
  LogWriter(os::Disk& disk, StoreOwner owner, StoreConfig config, log::PartitionView view, LogFiles& files,
            WriteStart start);

  // Takes on what can be.
  StepResult step(os::DiskQueue& queue, std::int64_t now_ns, bool flush_all = false);
  // A write of this writer is over.
  void completed(os::DiskToken token, const Result<std::uint64_t>& result, std::int64_t now_ns);
  // Its tokens carry a number that is its own within the queue.
  void set_number(std::uint32_t number) noexcept { number_ = number; }
  std::uint32_t number() const noexcept { return number_; }
  static std::uint32_t number_of(os::DiskToken token) noexcept { return static_cast<std::uint32_t>(token.value() >> 32); }

  // Nothing to write: until somebody publishes.
  bool is_idle() const noexcept;
  // Everything published is durable, and every head written: a clean stop may write the last proof.
  bool is_settled() const noexcept;
  // Says in the last segment's head and in the index files what is durable, so that the next start reads
  // nothing else. Blocks; with nothing in flight.
  Status close_cleanly();

  bool has_in_flight() const noexcept { return in_flight_ != 0; }
  // Gives the buffers of groups back that are not in flight; nothing more is written.
  void drop_gathered(os::DiskQueue& queue) noexcept;
  const log::PartitionView& view() const noexcept { return view_; }
  const StoreOwner& owner() const noexcept { return owner_; }

  // For other threads.
  // Other settings hold from the next step on; a file that is being written keeps its index interval. slot_bytes is
  // of the log, and stays.
  void configure(const StoreConfig& config);
  StoreConfig config() const;
  std::uint64_t durable_offset() const noexcept { return durable_offset_.load(std::memory_order_acquire); }
  std::uint64_t durable_segments() const noexcept { return durable_segments_.load(std::memory_order_acquire); }
  // Of files that end at or below it nothing is written any more, whatever the disk says of later ones.
  std::uint64_t settled_offset() const noexcept { return settled_offset_.load(std::memory_order_acquire); }
  // What the disk says; empty: all is well.
  std::optional<Error> fault() const;

 private:
  struct Segment {
    std::uint64_t sequence = 0;
    std::shared_ptr<OutFile> file;
    format::LogFileHead head{};
    std::array<std::byte, os::disk_block_bytes> first_block{};  // as written: head, and the first frames
    std::optional<segment::SegmentPlace> end;                   // once it is full
    segment::SegmentPlace durable;
    bool head_submitted = false;
    std::uint64_t at() const noexcept { return std::uint64_t{head.index_in_file} * head.slot_bytes; }
  };
  struct Group {
    os::DiskToken token;
    std::shared_ptr<Segment> segment;
    segment::SegmentPlace end;
    bool done = false;
  };
  // In a buffer, and not in flight yet.
  struct Gathered {
    std::shared_ptr<Segment> segment;
    os::DiskWrite write;
    segment::SegmentPlace end;
    bool has_head = false;  // it is the segment's first
  };
  // Zeros that are written ahead, of the segment being copied.
  struct Zeros {
    std::uint64_t until = 0;  // bytes of the segment's stride that were written, or zeroed
    std::optional<os::DiskToken> token;
    const Segment* segment = nullptr;  // in flight: whose, from where to where
    std::uint64_t from = 0, to = 0;
    bool in_flight() const noexcept { return token.has_value(); }
  };

  Result<bool> enter_segment();
  bool is_next_segment_begun() const noexcept;
  Status open_file(std::uint64_t base_offset);
  Status remove_files_behind(std::uint64_t base_offset);
  std::optional<segment::SegmentPlace> full_end() const noexcept;
  bool has_news() const noexcept;
  bool is_due(std::int64_t now_ns, bool flush_all) noexcept;
  StepResult gather_group(os::DiskQueue& queue);
  bool may_submit(bool with_head) const noexcept;
  bool submit_gathered(os::DiskQueue& queue);
  Status write_large(std::uint32_t frame_bytes);
  segment::CopyResult copy(std::span<std::byte> into, GroupEnd& group);
  void took(std::uint64_t written_until) noexcept;
  void write_ahead_zeros(os::DiskQueue& queue, std::uint64_t end);
  bool last_head_is_durable() const noexcept;
  bool submit_heads(os::DiskQueue& queue);
  std::span<const std::byte> readable() const noexcept;
  void begin_copying();
  void advance_durable();
  void became_durable(const std::shared_ptr<Segment>& segment, segment::SegmentPlace end);
  void publish_watermarks() noexcept;
  void publish_settled() noexcept;
  void wake_waiters() noexcept;
  void say_state(format::StorageState state) noexcept;
  void fail_with(Error error);
  Status restart(os::DiskQueue& queue);
  os::DiskToken next_token() noexcept;

  os::Disk& disk_;
  const StoreOwner owner_;
  StoreConfig config_;  // the persister's thread's
  const log::PartitionView view_;
  LogFiles& files_;
  std::uint32_t number_ = 0;
  std::uint32_t serial_ = 0;

  std::uint64_t next_sequence_;
  std::uint64_t next_offset_;
  std::uint32_t next_index_;  // in file_
  std::shared_ptr<OutFile> file_;
  std::shared_ptr<Segment> segment_;  // being copied
  std::uint32_t slot_ = 0;            // that holds it
  std::optional<segment::FrameCopier> copier_;
  std::array<std::byte, os::disk_block_bytes> partial_{};  // what was copied of the block that comes next
  bool partial_in_flight_ = false;
  Zeros zeros_;
  std::int64_t news_since_ns_ = 0;

  // Not durable yet, in the order of the log: first those in flight.
  std::deque<Group> groups_;
  std::deque<Gathered> gathered_;
  std::deque<std::pair<os::DiskToken, std::shared_ptr<Segment>>> heads_;  // full segments, to get their proof
  std::uint32_t in_flight_ = 0;

  std::optional<Error> failure_;
  std::int64_t now_ns_ = 0;  // of the last call
  std::int64_t retry_ns_ = 0;
  mutable std::mutex wish_mutex_;
  StoreConfig wished_;                // as configure() said last
  std::atomic<bool> reconfigured_{false};  // and config_ does not say so yet
  mutable std::mutex fault_mutex_;
  std::optional<Error> fault_;
  std::atomic<std::uint64_t> durable_offset_;
  std::atomic<std::uint64_t> durable_segments_;
  std::atomic<std::uint64_t> settled_offset_;
};

}  // namespace ringmain::storage
