// A reader of one partition: its attachment, its place in the log, and frames made into records.
// One thread. Used by Reader and Consumer.
//
// It reads shared memory (hot), or, of a persistent partition, what memory no longer holds from
// disk (cold), and crosses between the two by itself: cold when the record that comes next is no
// longer in memory; hot again at the end of a file, once memory holds what comes next. While it reads
// cold it pins nothing, and its log::Reader is parked.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "client/attachment.hpp"
#include "client/cold_path.hpp"
#include "client/open_batch.hpp"
#include "client/parked_log.hpp"
#include "client/partition_source.hpp"
#include "format/record_body.hpp"
#include "log/reader.hpp"
#include "os/fault.hpp"

namespace ringmain::client {

class PartitionReader final : public PartitionSource {
 public:
  // `files`: where log files come from; none: the broker.
  PartitionReader(std::shared_ptr<BusConnection> bus, const TopicPartition& partition, Role role = Role::consumer,
                  std::unique_ptr<ColdSource> files = nullptr)
      : attachment_(std::move(bus), partition, role), cold_(attachment_, std::move(files)),
        reader_(std::in_place, attachment_.view(), attachment_.line()) {}

  // The one in memory, parked or not; it stays at its address.
  const log::Reader& log() const noexcept { return *reader_; }
  const TopicPartition& partition() const noexcept override { return attachment_.partition(); }
  BusConnection& bus() const noexcept { return attachment_.bus(); }
  const Attachment& attachment() const noexcept { return attachment_; }
  const ColdPath& cold() const noexcept { return cold_; }
  bool is_void() const noexcept override { return attachment_.is_void(); }

  // True if next() would bring a record or an error: for a sleeper's last look. Who reads cold does
  // not sleep: what comes next is on disk or in memory.
  bool ready() const noexcept { return reader_->ready() || attachment_.is_void(); }

  // Moves to the next record; false if there is none now. Entering a new segment tells the
  // broker, if it waits for that. Throws Exception: corrupt_memory, corrupt_message (a log file),
  // unknown_topic_or_partition.
  bool next() {
    return take_next<bool>([] { return true; }, [] { return true; }, [] { return true; });
  }
  // The same, and its value; data() is null if there is none now. Null values are empty.
  Bytes next_value() {
    return take_next<Bytes>([this] { return value_of(reader_->frame(), reader_->frame_size()); },
                            [this] { return value_of(cold_.file().frame(), cold_.file().frame_size()); },
                            [this] { return batch_->value(); });
  }

  // As next(), within the segment or file at hand: what was read of it stays valid.
  bool next_in_segment() {
    for (;;) {  // each turn passes a batch in which nothing is wanted, or returns
      if (batch_ || bad_batch_) [[unlikely]] {
        if (next_in_batch()) return true;
        if (bad_batch_) return false;  // for next() to tell
      }
      switch (reader_->next_in_segment()) {
        [[likely]] case log::ReadOutcome::record:
          if (is_record(reader_->frame())) [[likely]]
            return true;
          break;
        case log::ReadOutcome::corrupt:
          throw_corrupt();
        default:
          if (!cold_.is_active() || !cold_.next_quietly()) return false;  // damage is for next() to tell
          if (is_record(cold_.file().frame())) return true;
      }
      open_batch();
    }
  }

  // May throw: a record without a topic was not filled.
  void fill(ConsumerRecord& record) const {
    batch_ ? batch_->fill(record) : fill_single(record);
    record.topic = partition().topic;
    record.partition = partition().partition;
  }
  void fill_single(ConsumerRecord& record) const {
    const bool cold = cold_.is_active();
    if (cold && !cold_.has_record())
      throw Exception({ErrorCode::invalid_state, "there is no record at hand: the last call returned none"});
    const format::FrameHeader& frame = cold ? cold_.file().frame() : reader_->frame();
    const format::RecordParts parts = parts_of(frame, cold ? cold_.file().frame_size() : reader_->frame_size());
    record.offset = static_cast<std::int64_t>(cold ? cold_.file().offset() : reader_->offset());
    record.timestamp_ns = frame.extent.load(std::memory_order_relaxed);
    record.key = parts.key;
    record.value = parts.value;
    record.raw_headers = parts.headers;
  }

  // Records that are gone, and were not read.
  std::uint64_t lost() const noexcept override { return lost_; }
  std::int64_t position() const noexcept override {
    const std::uint64_t next = batch_                ? batch_->next_offset()
                               : cold_.is_active() ? cold_.next_offset()
                                                   : reader_->next_offset();
    return static_cast<std::int64_t>(std::max(next, from_offset_));  // a batch may begin below what was sought
  }
  // For people, and for `block`.
  void note_progress() noexcept {
    attachment_.view().readers().lines[attachment_.line()].next_offset.store(static_cast<std::uint64_t>(position()),
                                                                             std::memory_order_relaxed);
  }

  bool is_persistent() const noexcept {
    return control().storage.load(std::memory_order_acquire) != static_cast<std::uint32_t>(format::StorageState::none);
  }
  // Records below it are on disk; 0 in a memory topic.
  std::uint64_t durable_offset() const noexcept { return control().durable_offset.load(std::memory_order_acquire); }
  // Of the oldest record that can be read.
  std::uint64_t log_start_offset() const noexcept {
    return is_persistent() ? trimmed_to() : std::max(oldest_in_memory(), trimmed_to());
  }
  // Of the oldest segment in memory; the log may drop it at any moment.
  std::uint64_t oldest_in_memory() const noexcept {
    for (int attempt = 0; attempt < 1000; ++attempt) {  // as often may the log overtake it
      const std::uint64_t segment = control().log_start.load(std::memory_order_acquire);
      const auto slot = attachment_.view().find(segment);
      if (!slot) continue;
      const std::uint64_t base = attachment_.view().segment_in(*slot).base_offset.load(std::memory_order_acquire);
      if (control().log_start.load(std::memory_order_acquire) == segment) return base;
    }
    return format::kNoOffset;
  }

  // Goes to an offset. False if the log does not hold it (any more, or yet): it stays where it was.
  bool seek(std::int64_t offset) override {
    check_open();
    const auto wanted = static_cast<std::uint64_t>(offset);
    if (wanted < trimmed_to()) return false;
    const Holding holding(*this);
    const auto before = static_cast<std::uint64_t>(position());
    const std::optional<Error> bad_batch = bad_batch_;
    leave_batch(wanted);
    if (go_to(wanted) == log::SeekOutcome::ok) return true;
    leave_batch(before);
    const log::SeekOutcome back = go_to(before);
    if (back == log::SeekOutcome::ok) bad_batch_ = bad_batch;
    if (back == log::SeekOutcome::before_start && reader_->next_offset() > before)
      lost_ += reader_->next_offset() - before;  // dropped, but for the pin
    return false;
  }
  void seek_start() override {
    check_open();
    const Holding holding(*this);
    leave_batch(trimmed_to());
    if (is_persistent() || trimmed_to() > oldest_in_memory()) {
      if (go_to(trimmed_to()) == log::SeekOutcome::beyond_end) seek_end();
      return;
    }
    if (hot().seek_start() == log::SeekOutcome::corrupt) throw_corrupt();
    left_segment();
  }
  void seek_end() override {
    check_open();
    leave_batch(0);
    if (hot().seek_end() == log::SeekOutcome::corrupt) throw_corrupt();
    left_segment();
  }

  void hold() noexcept override {
    is_held_ = true;
    reader_->hold();
  }
  void begin() noexcept override {
    is_held_ = false;
    release();
  }

 private:
  // While it seeks.
  struct Holding {
    explicit Holding(PartitionReader& reader) noexcept : self(reader) { self.reader_->hold(); }
    ~Holding() { self.release(); }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;
    PartitionReader& self;
  };
  void release() noexcept {
    if (is_held_) return;
    reader_->release();
    ring_if_wanted();
  }

  // What is below it must not be read: retention or a trim took it.
  std::uint64_t trimmed_to() const noexcept { return cold_.start_offset(); }
  format::Control& control() const noexcept { return attachment_.view().control(); }

  // The next record as `hot` makes it of memory, `cold` of a file, or `batched` of a batch; Taken{}: none now.
  template <class Taken, class Hot, class Cold, class Batched>
  Taken take_next(const Hot& hot, const Cold& cold, const Batched& batched) {
    passed_.clear();
    for (;;) {  // each turn enters a segment or a batch, or returns
      if (batch_ || bad_batch_) [[unlikely]] {
        if (next_in_batch()) return batched();
        if (bad_batch_) throw Exception(*bad_batch_);
        passed_.clear();
      }
      switch (reader_->next()) {
        [[likely]] case log::ReadOutcome::record:
          ++streak_;
          if (is_record(reader_->frame())) [[likely]]
            return hot();
          open_batch();
          break;
        case log::ReadOutcome::empty:
          if (attachment_.is_void()) [[unlikely]] attachment_.throw_void();
          if (!fall_back()) return Taken{};
          break;
        case log::ReadOutcome::rolled:
          left_segment();
          break;
        case log::ReadOutcome::lost:
          lose(reader_->take_lost());
          break;
        case log::ReadOutcome::corrupt:
          throw_corrupt();
        case log::ReadOutcome::deleted:
          if (!cold_.is_active()) attachment_.throw_deleted();
          if (!next_cold()) break;
          if (is_record(cold_.file().frame())) [[likely]]
            return cold();
          open_batch();
          break;
        case log::ReadOutcome::segment_end:
          return Taken{};
      }
    }
  }

  static bool is_record(const format::FrameHeader& frame) noexcept {
    return frame.type == static_cast<std::uint8_t>(format::FrameType::record);
  }

  // The frame at hand is a batch: it is open then, before its first record, or found bad.
  [[gnu::noinline]] void open_batch() {
    const bool cold = cold_.is_active();
    const format::FrameHeader& frame = cold ? cold_.file().frame() : reader_->frame();
    const std::uint32_t size = cold ? cold_.file().frame_size() : reader_->frame_size();
    auto opened = OpenBatch::open({frame.body(), size - format::kFrameHeaderBytes},
                                  cold ? cold_.file().offset() : reader_->offset(),
                                  static_cast<std::uint64_t>(frame.extent.load(std::memory_order_relaxed)));
    if (opened)
      batch_ = std::move(*opened);
    else
      refuse_batch(cold ? cold_.file().offset() : reader_->offset(), opened.error());
  }
  // False: it has no further record, and is closed; or it is bad.
  [[gnu::noinline]] bool next_in_batch() {
    if (bad_batch_) return false;
    const auto moved = batch_->next(from_offset_);
    if (!moved) refuse_batch(batch_->next_offset(), moved.error());
    if (moved && *moved) return true;
    passed_.push_back(std::move(batch_));
    return false;
  }
  // It is told until somebody seeks past it.
  void refuse_batch(std::uint64_t offset, const Error& why) {
    const std::uint64_t behind = cold_.is_active() ? cold_.next_offset() : reader_->next_offset();
    bad_batch_ = Error{why.code, fmt::format("the batch of records at offset {} of {}-{} cannot be read: {}; seek to offset {} to go "
                                             "on without its records",
                                             offset, partition().topic, partition().partition, why.message, behind)};
  }
  void leave_batch(std::uint64_t from_offset) {
    if (batch_) passed_.push_back(std::move(batch_));
    bad_batch_.reset();
    from_offset_ = from_offset;
  }

  // Memory has dropped these, and the reader stands behind them.
  void lose(std::uint64_t records) {
    if (is_persistent()) {
      go_cold(reader_->next_offset() - records);
    } else {
      lost_ += records;
      left_segment();
    }
  }

  // The next record on disk. False: what comes next is in memory, where the reader now stands.
  [[gnu::noinline]] bool next_cold() {
    for (;;) {  // each turn takes a file to hand that holds what comes next, or returns
      if (attachment_.is_void()) attachment_.throw_void();
      check_open();
      if (cold_.next()) return true;
      if (enter_memory()) return false;
      lost_ += cold_.open_next();
    }
  }

  // Goes where reading on disk has come to, if memory holds that; else pins nothing.
  bool enter_memory() {
    if (cold_.next_offset() < oldest_in_memory()) return false;  // as a rule: no pin is needed to see that
    const std::uint64_t offset = cold_.next_offset();
    reader_.emplace(attachment_.view(), attachment_.line());
    switch (reader_->seek(offset)) {
      case log::SeekOutcome::ok:
        cold_.stop();
        left_segment();
        return true;
      case log::SeekOutcome::before_start:
        park();
        return false;
      default:
        park();
        throw_corrupt();  // memory ends below what is on disk
    }
  }

  void go_cold(std::uint64_t offset) noexcept {
    cold_.start(offset);
    park();
  }

  // Lets the log in memory go.
  void park() noexcept {
    reader_->unpin();
    reader_.emplace(ParkedLog::view(), 0);
    note_progress();
    ring_if_wanted();
  }

  // The reader in memory, which a seek must follow.
  log::Reader& hot() {
    if (cold_.is_active()) {
      cold_.stop();
      reader_.emplace(attachment_.view(), attachment_.line());
    }
    return *reader_;
  }

  // As log::Reader::seek(), on disk too.
  log::SeekOutcome go_to(std::uint64_t offset) {
    const auto outcome = hot().seek(offset);
    if (outcome == log::SeekOutcome::corrupt) throw_corrupt();
    if (outcome == log::SeekOutcome::before_start && is_persistent()) {
      go_cold(offset);
      return log::SeekOutcome::ok;
    }
    left_segment();
    return outcome;
  }

  // A reader that keeps up with a stream of small records takes each cache line from under the
  // producer's pen, and both go at the pace of line transfers. So in a stream, and only there
  // (after two records or more in a row), it lets the producer get ahead. The wait doubles with
  // each streak, up to about 4 us, and is over with the first miss behind a miss. Figures:
  // docs/benchmarks.md. True: look again.
  bool fall_back() noexcept {
    const bool streaming = std::exchange(streak_, 0) >= kStreak;
    wait_cycles_ = streaming ? std::min<std::uint64_t>(2 * wait_cycles_ + 32, kLongestWaitCycles) : 0;
    const std::uint64_t until = cycles() + wait_cycles_;
    while (streaming && cycles() < until) {
    }
    return streaming;
  }
  static constexpr std::uint32_t kStreak = 2;
  static constexpr std::uint64_t kLongestWaitCycles = 10'000;

  Bytes value_of(const format::FrameHeader& frame, std::uint32_t size) const {
    const std::uint32_t body = size - format::kFrameHeaderBytes;
    if (frame.flags == 0) [[likely]]
      return {reinterpret_cast<const char*>(frame.body()), body};
    const auto value = parts_of(frame, size).value;
    return value.value_or(Bytes{reinterpret_cast<const char*>(frame.body()), 0});  // there, if empty
  }

  format::RecordParts parts_of(const format::FrameHeader& frame, std::uint32_t size) const {
    if (frame.type != static_cast<std::uint8_t>(format::FrameType::record) || (frame.flags & ~format::kKnownFlags) != 0)
      throw_bad_record();
    const auto parts = format::read_body(frame.body(), size - format::kFrameHeaderBytes, frame.flags);
    if (!parts) throw_bad_record();
    return *parts;
  }

  [[noreturn]] void throw_bad_record() const {
    if (!cold_.is_active()) throw_corrupt();
    throw Exception(cold_.file().damage(cold_.file().offset(), "it is no record that this reader can take apart"));
  }

  void left_segment() noexcept {
    reader_->note_progress();
    if (const auto slot = attachment_.view().find(reader_->segment()))
      attachment_.will_use(attachment_.view().slot(*slot),
                           std::min(attachment_.view().segment_in(*slot).prepared_bytes.load(std::memory_order_acquire),
                                    attachment_.view().geometry().slot_bytes));
    ring_if_wanted();
  }

  void ring_if_wanted() noexcept {
    os::fault_point("reader.left");
    log::SharedMemory::light_barrier(attachment_.view().geometry().fences);
    if (control().wanted.load(std::memory_order_acquire) != 0) attachment_.bus().ring();
  }

  void check_open() const {
    if (attachment_.view().control().state.load(std::memory_order_acquire) !=
        static_cast<std::uint32_t>(format::PartitionState::open))
      attachment_.throw_deleted();
  }

  [[noreturn]] void throw_corrupt() const {
    check_open();  // its control words look like damage once it is deleted
    if (attachment_.view().control().state.load(std::memory_order_acquire) !=
        static_cast<std::uint32_t>(format::PartitionState::open))
      attachment_.throw_deleted();
    throw Exception({ErrorCode::corrupt_memory,
                     fmt::format("the shared memory of {}-{} is damaged near offset {} (segment {}): somebody wrote over "
                                 "it; seek past it, or delete the topic",
                                 partition().topic, partition().partition, position(), reader_->segment())});
  }

  Attachment attachment_;
  ColdPath cold_;
  std::optional<log::Reader> reader_;  // always there: emplaced anew to park it, and to enter memory again
  std::unique_ptr<OpenBatch> batch_;  // of the frame at hand
  std::vector<std::unique_ptr<OpenBatch>> passed_;  // since next(): what was given out of them stays valid
  std::optional<Error> bad_batch_;
  std::uint64_t from_offset_ = 0;  // records below it are not wanted, though their batch holds others that are
  bool is_held_ = false;            // until begin()
  std::uint64_t lost_ = 0;
  std::uint32_t streak_ = 0;         // records since the last miss
  std::uint64_t wait_cycles_ = 0;    // at the last miss
};

}  // namespace ringmain::client
