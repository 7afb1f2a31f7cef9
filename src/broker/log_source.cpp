#include "broker/log_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "os/file.hpp"

namespace ringmain::broker {
namespace {

using log::ReadOutcome;
using log::SeekOutcome;
using segment::ColdReader;

constexpr std::uint32_t kLine = 0;  // of our own lines: what it says, nobody reads
constexpr int kAttempts =
    3;  // to open a file that retention may have taken, or a compaction replaced

}  // namespace

LogSource::LogSource(const partition::Partition& partition, format::Readers& lines, segment::HeadCache& heads)
    : partition_(partition), view_(partition.view().with_readers(lines)), heads_(heads) {}

Error LogSource::damage(std::uint64_t offset) const {
  return {ErrorCode::corrupt_memory,
          fmt::format("the log of partition {} is damaged near offset {}", partition_.name().text(),
                      offset)};
}

// A slot takes another segment only once the log starts behind its own.
bool LogSource::is_in_memory(const log::Reader& reader) const noexcept {
  return reader.segment() >= view_.control().log_start.load(std::memory_order_acquire);
}

std::uint64_t LogSource::oldest_in_memory() const noexcept {
  const auto slot = view_.find(view_.control().log_start.load(std::memory_order_acquire));
  return slot ? view_.segment_in(*slot).base_offset.load(std::memory_order_acquire)
              : format::kNoOffset;
}

Result<std::uint64_t> LogSource::end_offset() {
  if (!tail_ || !is_in_memory(*tail_)) {
    if (tail_) passed_bytes_ += view_.geometry().slot_bytes;  // it has missed at least so much
    tail_.emplace(view_, kLine);
    if (tail_->seek_end() != SeekOutcome::ok) {
      tail_.reset();
      return tl::make_unexpected(damage(0));
    }
  }
  for (;;) {  // until it has caught up with those who append, and who are slower
    switch (tail_->next()) {
      case ReadOutcome::record:
        passed_bytes_ += tail_->frame_size();
        break;
      case ReadOutcome::rolled:
        break;
      case ReadOutcome::empty:
      case ReadOutcome::segment_end:
        return tail_->next_offset();
      case ReadOutcome::lost:
      case ReadOutcome::corrupt:
      case ReadOutcome::deleted: {
        const Error error = damage(tail_->next_offset());
        tail_.reset();
        return tl::make_unexpected(error);
      }
    }
  }
}

std::optional<log::Reader> LogSource::in_memory_at(std::uint64_t offset) const {
  log::Reader reader(view_, kLine);
  if (reader.seek(offset) != SeekOutcome::ok) return std::nullopt;
  return reader;
}

// One that stands there from the last time, or the one that was used longest ago, which then seeks.
log::Reader* LogSource::hot_place(std::uint64_t offset) {
  ++requests_;
  Place* oldest = &places_.front();
  for (Place& place : places_) {
    if (place.reader && !is_in_memory(*place.reader)) place.reader.reset();
    if (place.reader && place.reader->next_offset() == offset) {
      place.used = requests_;
      return &*place.reader;
    }
    if (place.used < oldest->used) oldest = &place;
  }
  auto reader = in_memory_at(offset);
  oldest->reader.reset();
  oldest->used = 0;
  if (!reader) return nullptr;
  oldest->reader.emplace(*reader);
  oldest->used = requests_;
  return &*oldest->reader;
}

Result<std::shared_ptr<ColdReader>> LogSource::on_disk_at(std::uint64_t offset) const {
  Error last{ErrorCode::offset_out_of_range,
             fmt::format("offset {} of {} is not on disk", offset, partition_.name().text())};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto entry = partition_.log_file(offset);
    if (!entry || offset < entry->base_offset || offset >= entry->end_offset) break;
    auto fd = os::open_file(entry->path, O_RDONLY | O_NOFOLLOW);
    if (!fd) {
      last = fd.error();
      continue;
    }
    const segment::ColdFile file{std::move(*fd), entry->path, entry->base_offset,
                                 entry->end_offset};
    auto opened = ColdReader::open(file, {partition_.name().topic_id, partition_.name().partition}, &heads_);
    if (!opened) return tl::make_unexpected(opened.error());
    RINGMAIN_TRY((*opened)->seek(offset));
    return std::shared_ptr<ColdReader>(std::move(*opened));
  }
  if (last.code == ErrorCode::not_found) last.code = ErrorCode::offset_out_of_range;
  return tl::make_unexpected(last);
}

Result<LogSource::ColdPlace*> LogSource::cold_place(std::uint64_t offset) {
  ++requests_;
  ColdPlace* oldest = &cold_places_.front();
  for (ColdPlace& place : cold_places_) {
    if (place.file && place.next_offset() == offset && offset < place.file->end_offset()) {
      place.used = requests_;
      return &place;
    }
    if (place.used < oldest->used) oldest = &place;
  }
  RINGMAIN_TRY_ASSIGN(file, on_disk_at(offset));
  *oldest = {std::move(file), false, requests_};
  return oldest;
}

Status LogSource::read(std::uint64_t offset, std::size_t max_bytes, BatchCollector::First first,
                       Reading& into) {
  BatchCollector collector(into, max_bytes, first);
  while (offset < oldest_in_memory() && partition_.is_on_disk()) {  // a file a turn
    RINGMAIN_TRY_ASSIGN(place, cold_place(offset));
    const auto file = place->file;
    into.files.push_back(file);
    const auto at_end = read_file(*place, collector);
    collector.finish();
    if (!into.records.empty()) return {};  // what is sound is given; damage behind it is the next request's
    if (!at_end) {
      *place = {};  // the next request looks anew: disks recover, and files are mended
      return tl::make_unexpected(at_end.error());
    }
    if (!*at_end) return {};
    // Nothing was left in it, as compaction does: what comes behind it is wanted then.
    into.files.pop_back();
    if (file->end_offset() <= offset) return tl::make_unexpected(damage(offset));
    offset = file->end_offset();
  }
  log::Reader* reader = hot_place(offset);
  if (reader == nullptr) return tl::make_unexpected(damage(offset));
  const auto at_end = read_memory(*reader, collector);
  if (at_end && *at_end)
    collector.finish_at_end(offset, reader->next_offset());
  else
    collector.finish();
  if (!at_end && into.records.empty()) return tl::make_unexpected(at_end.error());
  return {};
}

Result<bool> LogSource::read_memory(log::Reader& reader, BatchCollector& collector) {
  for (;;) {  // bounded by the collector's bytes, and by what there is
    const log::Reader before = reader;
    const auto go_back = [&] {
      std::destroy_at(&reader);
      std::construct_at(&reader, before);
    };
    switch (reader.next()) {
      case ReadOutcome::record:
        break;
      case ReadOutcome::rolled:
        continue;
      case ReadOutcome::empty:
      case ReadOutcome::segment_end:
        return true;
      default:
        go_back();
        return tl::make_unexpected(damage(before.next_offset()));
    }
    const auto taken = collector.add(reader.frame(), reader.frame_size(), reader.offset());
    if (taken == BatchCollector::Outcome::taken) continue;
    go_back();
    if (taken == BatchCollector::Outcome::damaged)
      return tl::make_unexpected(damage(before.next_offset()));
    return false;
  }
}

Result<bool> LogSource::read_file(ColdPlace& place, BatchCollector& collector) {
  ColdReader& file = *place.file;
  for (;;) {  // bounded by the collector's bytes, and by the file
    if (!std::exchange(place.is_held, false)) {
      switch (file.next()) {
        case ColdReader::Outcome::end:
          return true;
        case ColdReader::Outcome::damaged:
          return tl::make_unexpected(file.damage());
        case ColdReader::Outcome::record:
          break;
      }
    }
    const auto taken = collector.add(file.frame(), file.frame_size(), file.offset());
    if (taken == BatchCollector::Outcome::taken) continue;
    place.is_held = true;
    if (taken == BatchCollector::Outcome::full) return false;
    return tl::make_unexpected(
        file.damage(file.offset(), "what is there is no record that a Kafka client can read"));
  }
}

}  // namespace ringmain::broker
