// Reads one log file in order, in place, through a read-only mapping. One thread per object; runs
// in the consumer's process, or in the broker's for Kafka clients. Every byte of the file may be
// wrong: frames are taken only if their checksums prove them, and damage is an error with the file's
// name and the offset; so is a disk that cannot read them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "os/fd.hpp"
#include "segment/log_file_view.hpp"

namespace ringmain::segment {

// A log file, as its partition's broker hands it out.
struct ColdFile {
  os::UniqueFd fd;                // read-only
  std::string name;               // for messages
  std::uint64_t base_offset = 0;  // of its first record
  std::uint64_t end_offset = 0;   // records below it are durable: all of them must be there
};

struct PartitionIdentity {
  TopicId topic_id{};
  std::uint32_t partition = 0;
};

class ColdReader {
 public:
  // Errors: io, kafka_storage_error, version_mismatch (not that partition's log file, or damaged at
  // its start). `cache`: for who opens files again and again.
  static Result<std::unique_ptr<ColdReader>> open(const ColdFile& file, const PartitionIdentity& of,
                                                  HeadCache* cache = nullptr);

  // Stands before the record with this offset, the batch that holds it, or what follows it if it is
  // void. Errors: offset_out_of_range, corrupt_message.
  Status seek(std::uint64_t offset);

  enum class Outcome {
    record,   // frame() is a record or batch
    end,      // all that the file was said to hold is read
    damaged,  // what it was said to hold is not there: see damage()
  };
  // Moves to the next record; frames that carry none are skipped. At `end` and `damaged` it stays.
  Outcome next() noexcept;

  // The frame of the last record that next() moved to, if there was one. Its bytes stay as long as
  // this object.
  bool has_record() const noexcept { return frame_ != nullptr; }
  const format::FrameHeader& frame() const noexcept { return *frame_; }
  std::uint32_t frame_size() const noexcept { return frame_size_; }
  std::uint64_t offset() const noexcept { return offset_; }
  std::uint64_t next_offset() const noexcept { return walk_->place().offset; }

  // Error: corrupt_message, with the file, the place and where sound records may follow; or what kept
  // the heads from there on from being read.
  Error damage() const;
  Error damage(std::uint64_t offset, const std::string& what) const;

  struct Timed {
    std::uint64_t offset = 0;
    std::int64_t timestamp_ns = 0;
  };
  // The first record, or batch, of that time or later, from an offset on; none: the file holds only
  // older ones. Error: corrupt_message. Does not move the reader.
  Result<std::optional<Timed>> find_time(std::int64_t time_ns, std::uint64_t from_offset) const;

  std::uint64_t base_offset() const noexcept { return file_.view().identity().base_offset; }
  std::uint64_t end_offset() const noexcept { return end_offset_; }

 private:
  ColdReader(MappedLogFile file, std::string name, std::uint64_t end_offset)
      : name_(std::move(name)), end_offset_(end_offset), file_(std::move(file)) {
    walk_.emplace(file_.view(), file_.view().first_place());
  }

  Error damage_at(FilePlace place) const;  // where there should be a frame, and is none

  const std::string name_;
  const std::uint64_t end_offset_;
  const MappedLogFile file_;  // the walk refers to it: the object stays where it is
  std::optional<LogFileWalk> walk_;
  const format::FrameHeader* frame_ = nullptr;
  std::uint32_t frame_size_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace ringmain::segment
