// A list in the order of use, and a way into it.
#include "segment/head_cache.hpp"

#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace ringmain::segment {

std::shared_ptr<const HeadRun> HeadCache::find(const format::LogFileHead& first) {
  const auto found = by_tag_.find(first.file_tag);
  if (found == by_tag_.end()) return nullptr;
  const auto run = found->second;
  if (std::memcmp(&(*run)->heads.front(), &first, sizeof(first)) != 0) return nullptr;
  runs_.splice(runs_.begin(), runs_, run);
  return *run;
}

void HeadCache::keep(std::shared_ptr<const HeadRun> run) {
  RINGMAIN_ASSERT(!run->heads.empty() && run->fault == RunFault::none);
  const std::uint64_t tag = run->heads.front().file_tag;
  if (const auto found = by_tag_.find(tag); found != by_tag_.end()) drop(found->second);
  const std::size_t count = run->heads.size();
  if (count > max_heads_) return;
  while (head_count_ + count > max_heads_) drop(std::prev(runs_.end()));
  head_count_ += count;
  by_tag_[tag] = runs_.insert(runs_.begin(), std::move(run));
}

void HeadCache::drop(Runs::iterator run) {
  head_count_ -= (*run)->heads.size();
  by_tag_.erase((*run)->heads.front().file_tag);
  runs_.erase(run);
}

}  // namespace ringmain::segment
