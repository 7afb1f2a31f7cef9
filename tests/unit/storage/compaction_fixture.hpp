// A partition's log on a simulated disk, made as the persister leaves it, and the model that
// compaction is held to.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/record_body.hpp"
#include "os/simulated_disk.hpp"
#include "segment/file_name.hpp"
#include "segment/log_file_view.hpp"
#include "segment/log_folder.hpp"
#include "storage/compaction_file.hpp"
#include "storage/compactor.hpp"
#include "unit/segment/fixture.hpp"

namespace ringmain::storage::test {

using segment::test::Bytes;
using segment::test::HotSegment;
using segment::test::kSlotBytes;

inline constexpr const char* kFolder = "/log/topic-3";
inline constexpr std::int64_t kDayMs = 24ll * 3600 * 1000;
inline constexpr std::int64_t kNowMs = 1'790'000'000'000;

inline std::uint64_t first_seed() {
  const char* seed = std::getenv("RINGMAIN_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

inline bool go_on(const CompactionProgress&) {
  return true;
}

inline StoreOwner owner() {
  StoreOwner owner;
  for (std::uint8_t i = 0; i < 16; ++i) owner.topic_id[i] = static_cast<std::uint8_t>(0xa0 + i);
  owner.partition = 3;
  owner.name = "topic-3";
  owner.folder = kFolder;
  return owner;
}

struct Put {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::int64_t time_ns = kNowMs * 1'000'000;
  std::string headers{};  // encoded
  friend bool operator==(const Put&, const Put&) = default;
};

// A frame of a segment to be.
struct PlannedFrame {
  format::FrameType type = format::FrameType::record;
  Put put;                   // record
  std::int64_t offsets = 0;  // filler, batch
  std::uint32_t filler_bytes = 32;
  bool contradictory = false;  // a record whose sizes do not fit together
};
inline PlannedFrame put(std::string key, std::optional<std::string> value) {
  return {format::FrameType::record, {std::move(key), std::move(value)}, 0, 32, false};
}
inline PlannedFrame keyless(std::string value) {
  return {format::FrameType::record, {std::nullopt, std::move(value)}, 0, 32, false};
}
inline PlannedFrame filler(std::int64_t offsets, std::uint32_t bytes = 32) {
  return {format::FrameType::filler, {}, offsets, bytes, false};
}
inline PlannedFrame batch(std::int64_t records) {
  return {format::FrameType::batch, {}, records, 32, false};
}
using SegmentFrames = std::vector<PlannedFrame>;

inline void publish(HotSegment& segment, const PlannedFrame& frame) {
  if (frame.type == format::FrameType::filler) {
    segment.filler(frame.filler_bytes, frame.offsets);
    return;
  }
  if (frame.type == format::FrameType::batch) {
    segment.batch(kNowMs, kNowMs, static_cast<std::int32_t>(frame.offsets));
    return;
  }
  format::RecordParts parts;
  if (frame.put.key) parts.key = *frame.put.key;
  if (frame.put.value) parts.value = *frame.put.value;
  parts.headers = frame.put.headers;
  Bytes body(parts.body_bytes());
  format::write_body(body.data(), parts);
  if (frame.contradictory && body.size() >= 8) body[body.size() - 5] = std::byte{0x7f};
  const auto at = segment.add(format::FrameType::record, frame.put.time_ns, body);
  segment.frame_at(at.units)[offsetof(format::FrameHeader, flags)] = std::byte{parts.flags()};
}

// One file is closed with each add_file(). The last one is never compacted, so a test ends with one
// that it does not care for.
class TestLog {
 public:
  explicit TestLog(os::Disk& disk) : disk_(disk) { EXPECT_TRUE(disk_.make_directories(kFolder)); }

  void add_file(const std::vector<SegmentFrames>& segments,
                segment::test::Closing last = segment::test::Closing::complete) {
    const std::uint64_t base_offset = end_offset;
    Bytes bytes;
    std::int64_t largest_ns = format::kNoLargestNs;
    for (std::uint32_t index = 0; index < segments.size(); ++index) {
      HotSegment hot(sequence_++, end_offset);
      hot.placement().index_in_file = index;
      hot.placement().file_tag = 0xf11e0000 + base_offset;
      for (const PlannedFrame& frame : segments[index]) publish(hot, frame);
      std::vector<segment::FrameNote> notes;
      const Bytes image = disk_image(
          hot, index + 1 < segments.size() ? segment::test::Closing::complete : last, &notes);
      for (const auto& note : notes) largest_ns = std::max(largest_ns, note.times.largest_ns);
      bytes.insert(bytes.end(), image.begin(), image.end());
      end_offset = hot.end().offset;
    }
    const std::string path = std::string(kFolder) + "/" +
                             segment::file_name({base_offset, segment::FileKind::log, false});
    const auto file = disk_.create(path).value();
    EXPECT_TRUE(file->write(0, bytes));
    EXPECT_TRUE(file->sync());
    EXPECT_TRUE(disk_.sync_directory(kFolder));
    files.append({path, base_offset, end_offset, bytes.size(), kNowMs, largest_ns});
  }
  void add_last_file() { add_file({{keyless("being written")}}); }

  LogFiles files;
  std::uint64_t end_offset = 100;

 private:
  os::Disk& disk_;
  std::uint64_t sequence_ = 5;
};

inline Bytes contents(os::Disk& disk, const std::string& path) {
  const auto file = disk.open(path, os::DiskOpen::read).value();
  Bytes bytes(file->size_bytes().value());
  EXPECT_TRUE(file->read(0, bytes));
  return bytes;
}

// All that a reader finds in the log, from its start to its end.
struct Reading {
  std::map<std::uint64_t, Put> records;           // by offset
  std::map<std::uint64_t, std::uint32_t> opaque;  // batches: how many offsets each takes
  std::map<std::string, std::pair<std::uint64_t, std::optional<std::string>>> newest;  // by key
  std::uint64_t start = 0, end = 0;
  std::uint64_t bytes = 0;  // occupied
  std::vector<LogFileEntry> entries;
  std::string fault;  // empty: it could be read

  // What the keys that are there say.
  std::map<std::string, std::string> state() const {
    std::map<std::string, std::string> values;
    for (const auto& [key, last] : newest)
      if (last.second) values[key] = *last.second;
    return values;
  }
};

inline void read_file(const Bytes& bytes, const std::string& name, Reading& reading) {
  const auto view = segment::LogFileView::parse(bytes, name);
  if (!view || view->fault() != segment::RunFault::none) {
    reading.fault = name + (view ? view->error().message : view.error().message);
    return;
  }
  segment::LogFileWalk walk(*view, view->first_place());
  segment::WalkOutcome outcome;
  while ((outcome = walk.next()) == segment::WalkOutcome::frame) {
    const auto& note = walk.note();
    if (note.place.offset != reading.end)
      reading.fault += fmt::format("offset {} instead of {}; ", note.place.offset, reading.end);
    reading.end = note.next().offset;
    if (note.type == format::FrameType::batch) reading.opaque[note.place.offset] = note.offsets;
    if (note.type != format::FrameType::record) continue;
    const auto body = walk.frame().subspan(format::kFrameHeaderBytes);
    const auto flags = std::to_integer<std::uint8_t>(walk.frame()[29]);
    const auto parts =
        format::read_body(body.data(), static_cast<std::uint32_t>(body.size()), flags);
    Put record;
    record.time_ns = note.times.largest_ns;
    if (!parts) {
      record.headers = "contradictory";
    } else {
      record.headers = std::string(parts->headers);
      if (parts->key) record.key = std::string(*parts->key);
      if (parts->value) record.value = std::string(*parts->value);
    }
    if (record.key) reading.newest[*record.key] = {note.place.offset, record.value};
    reading.records[note.place.offset] = std::move(record);
  }
  if (outcome == segment::WalkOutcome::damaged) reading.fault += name + " is damaged; ";
  for (const auto& head : view->heads()) reading.bytes += occupied_bytes(head);
  reading.entries.push_back({std::string(kFolder) + "/" + name, view->identity().base_offset,
                             reading.end, bytes.size(),
                             static_cast<std::int64_t>(view->heads().front().created_ms),
                             view->heads().back().largest_ns});
}

// As the broker does when it starts.
inline Reading read_log(os::Disk& disk) {
  std::vector<segment::ListedFile> listing;
  const auto names = disk.list(kFolder).value();
  for (const auto& entry : names)
    listing.push_back(
        {entry.name, disk.file_size_bytes(std::string(kFolder) + "/" + entry.name).value()});
  const auto read = [&](const std::string& name, std::uint64_t at,
                        std::span<std::byte> into) -> Result<std::size_t> {
    const Bytes bytes = contents(disk, std::string(kFolder) + "/" + name);
    const std::size_t count = std::min<std::uint64_t>(
        into.size(), bytes.size() - std::min<std::uint64_t>(at, bytes.size()));
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
    return count;
  };
  const auto folder = segment::survey_folder({owner().topic_id, 3, kFolder}, listing, read);
  Reading reading;
  for (const auto& finding : folder.findings)
    if (!segment::is_harmless(finding.fault)) reading.fault += finding.message + "; ";
  if (folder.files.empty()) {
    reading.fault += "no file";
    return reading;
  }
  reading.start = reading.end = folder.files.front().base_offset();
  for (const auto& file : folder.files)
    read_file(contents(disk, std::string(kFolder) + "/" + file.name), file.name, reading);
  return reading;
}

inline LogFiles* refill(LogFiles& files, const Reading& reading) {
  for (const auto& entry : reading.entries) files.append(entry);
  return &files;
}

// What compaction has done to a log that it must not do; empty: nothing. Tombstones may have gone.
inline std::string breaches(const Reading& before, const Reading& after) {
  std::string found = after.fault;
  if (after.start != before.start || after.end != before.end)
    found += fmt::format("offsets {} to {} became {} to {}; ", before.start, before.end,
                         after.start, after.end);
  if (after.opaque != before.opaque) found += "batches changed; ";
  if (after.state() != before.state()) found += "the keys have other values; ";
  for (const auto& [offset, record] : after.records) {
    const auto was = before.records.find(offset);
    if (was == before.records.end() || was->second != record)
      found += fmt::format("the record at {} is another; ", offset);
  }
  for (const auto& [offset, record] : before.records)
    if (!record.key && !after.records.contains(offset))
      found += fmt::format("the record without a key at {} is gone; ", offset);
  for (const auto& [key, last] : before.newest)
    if (last.second && (!after.newest.contains(key) || after.newest.at(key) != last))
      found += fmt::format("the newest record of {} is not at {} any more; ", key, last.first);
  return found;
}

// A whole round, if one is due.
struct RoundResult {
  std::vector<CleaningReport> reports;
  std::optional<Error> error;
  std::uint64_t covered_to = 0;
  FilterCounts counts() const {
    FilterCounts sum;
    for (const auto& report : reports) {
      sum.replaced += report.counts.replaced;
      sum.tombstones += report.counts.tombstones;
      sum.unreadable += report.counts.unreadable;
    }
    return sum;
  }
};
inline RoundResult run_round(Compactor& compactor, std::int64_t now_ms = kNowMs) {
  RoundResult result;
  const auto plan = compactor.plan(now_ms, UINT64_MAX);
  if (!plan) {
    result.error = plan.error();
    return result;
  }
  if (plan->empty()) return result;
  auto round = compactor.begin(*plan, now_ms, go_on);
  if (!round) {
    result.error = round.error();
    return result;
  }
  result.covered_to = (*round)->covered_to();
  while (!(*round)->done()) {
    auto report = compactor.run_one(**round, go_on);
    if (!report) {
      result.error = report.error();
      return result;
    }
    result.reports.push_back(*report);
  }
  return result;
}

// A log of random frames, many of few keys.
inline SegmentFrames random_segment(Random& random, std::uint64_t frames = 30) {
  SegmentFrames segment;
  for (std::uint64_t i = 0; i < frames; ++i) {
    const std::string key = "key " + std::to_string(random.below(12));
    const std::uint64_t kind = random.below(20);
    if (kind == 0)
      segment.push_back(filler(static_cast<std::int64_t>(random.below(5)),
                               static_cast<std::uint32_t>(32 + random.below(300))));
    else if (kind == 1)
      segment.push_back(keyless(std::string(random.below(50), 'v')));
    else if (kind < 6)
      segment.push_back(put(key, std::nullopt));
    else
      segment.push_back(
          put(key, fmt::format("{} {}", random(), std::string(random.below(200), 'x'))));
    if (segment.back().type == format::FrameType::record) {
      segment.back().put.time_ns -= static_cast<std::int64_t>(random.below(1'000'000'000'000));
      if (random.below(4) == 0) segment.back().put.headers = "\x01";
    }
  }
  return segment;
}

}  // namespace ringmain::storage::test
