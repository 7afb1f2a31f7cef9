#include "storage/log_files.hpp"

#include <algorithm>

namespace ringmain::storage {

void LogFiles::append(LogFileEntry entry) {
  const std::lock_guard lock(mutex_);
  while (!entries_.empty() && entries_.back().base_offset >= entry.base_offset) entries_.pop_back();
  entries_.push_back(std::move(entry));
}

std::vector<LogFileEntry> LogFiles::behind(std::uint64_t base_offset) const {
  const std::lock_guard lock(mutex_);
  const auto first = std::partition_point(entries_.begin(), entries_.end(), [=](const LogFileEntry& entry) {
    return entry.base_offset <= base_offset;
  });
  return {first, entries_.end()};
}

void LogFiles::update(std::uint64_t base_offset, std::uint64_t end_offset, std::uint64_t size_bytes,
                      std::int64_t largest_ns) {
  const std::lock_guard lock(mutex_);
  const auto entry = std::find_if(entries_.rbegin(), entries_.rend(),
                                  [=](const LogFileEntry& each) { return each.base_offset == base_offset; });
  if (entry == entries_.rend()) return;  // retention was faster
  entry->end_offset = std::max(entry->end_offset, end_offset);
  entry->size_bytes = std::max(entry->size_bytes, size_bytes);
  entry->largest_ns = std::max(entry->largest_ns, largest_ns);
}

bool LogFiles::replace(std::uint64_t base_offset, std::uint64_t size_bytes, std::int64_t largest_ns) {
  const std::lock_guard lock(mutex_);
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [=](const LogFileEntry& each) { return each.base_offset == base_offset; });
  if (entry == entries_.end()) return false;
  entry->size_bytes = size_bytes;
  entry->largest_ns = largest_ns;
  return true;
}

std::optional<LogFileEntry> LogFiles::find(std::uint64_t offset) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::partition_point(entries_.begin(), entries_.end(),
                                          [offset](const LogFileEntry& entry) { return entry.end_offset <= offset; });
  return found == entries_.end() ? std::nullopt : std::optional(*found);
}

std::optional<LogFileEntry> LogFiles::oldest_to_take() const {
  const std::lock_guard lock(mutex_);
  if (entries_.size() < 2 || entries_[0].end_offset < entries_[1].base_offset) return std::nullopt;
  return entries_.front();
}

std::optional<LogFileEntry> LogFiles::take_oldest() {
  auto oldest = oldest_to_take();  // nobody else takes, and what may be taken stays so
  if (!oldest) return std::nullopt;
  const std::lock_guard lock(mutex_);
  entries_.erase(entries_.begin());
  return oldest;
}

std::vector<LogFileEntry> LogFiles::all() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

std::uint64_t LogFiles::total_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const LogFileEntry& entry : entries_) sum += entry.size_bytes;
  return sum;
}

}  // namespace ringmain::storage
