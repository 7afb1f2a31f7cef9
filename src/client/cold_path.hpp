// A partition's log on disk as one reader goes through it: file after file, each asked of the
// broker when it is needed. PartitionReader decides when to read here and when in memory. One
// thread.
#pragma once

#include <memory>
#include <optional>

#include "client/attachment.hpp"
#include "segment/cold_reader.hpp"

namespace ringmain::client {

using segment::ColdFile;
using segment::ColdReader;

// Who has the files.
class ColdSource {
 public:
  virtual ~ColdSource() = default;
  // The file that holds an offset. Errors: offset_out_of_range (below the log's start, or not on
  // disk), and whatever the way there says.
  virtual Result<ColdFile> file_with(std::uint64_t offset) = 0;
};

// The broker; waits for the next one if there is none now.
class BrokerFiles final : public ColdSource {
 public:
  explicit BrokerFiles(const Attachment& attachment) : attachment_(attachment) {}
  Result<ColdFile> file_with(std::uint64_t offset) override;

 private:
  const Attachment& attachment_;
};

class ColdPath {
 public:
  // `source` none: the broker.
  ColdPath(const Attachment& attachment, std::unique_ptr<ColdSource> source);

  bool is_active() const noexcept { return active_; }
  // Reads from an offset on; the file is asked for when the first record is.
  void start(std::uint64_t offset) noexcept;
  // Reading goes on in memory; views into the file end.
  void stop() noexcept;

  // Moves to the next record of the file at hand; false: at its end, or there is none (any more).
  // Throws Exception(corrupt_message).
  bool next();
  // The same, but says false where next() throws.
  bool next_quietly() noexcept;
  // Takes the next file to hand. Returns how many records retention has taken before they were
  // read: if it was any, no file is at hand, and next_offset() is the log's new start. Throws
  // Exception.
  std::uint64_t open_next();

  // The file with an offset, for a look. Error: offset_out_of_range if it has gone meanwhile.
  Result<std::unique_ptr<ColdReader>> open_at(std::uint64_t offset) const;

  std::uint64_t next_offset() const noexcept { return file_ ? file_->next_offset() : next_offset_; }
  // Whether next() has moved to a record of the file at hand.
  bool has_record() const noexcept { return file_ != nullptr && file_->has_record(); }
  // The file of that record.
  const ColdReader& file() const noexcept { return *file_; }

  // Of the oldest record that there is, on disk or in memory; 0 in a memory topic.
  std::uint64_t start_offset() const noexcept {
    return attachment_.view().control().start_offset.load(std::memory_order_acquire);
  }

 private:
  static constexpr int kAttempts = 3;  // to find an offset that is neither gone nor there

  void drop_file() noexcept;
  void meet_damage(const Error& damage);
  [[noreturn]] void throw_unreadable(const Error& error) const;

  const Attachment& attachment_;
  const std::unique_ptr<ColdSource> source_;
  bool active_ = false;
  std::uint64_t next_offset_ = 0;                 // while no file is at hand
  int misses_ = 0;                                // one after the other
  std::uint64_t damaged_at_ = format::kNoOffset;  // seen there once
  std::unique_ptr<ColdReader> file_;
};

}  // namespace ringmain::client
