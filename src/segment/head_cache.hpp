// HeadCache: the heads of log files that were opened lately, so that who opens them again and again
// does not read them again. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "segment/head_run.hpp"

namespace ringmain::segment {

class HeadCache {
 public:
  // Of all files together; what was used longest ago goes. A file with more is not kept.
  explicit HeadCache(std::size_t max_heads) : max_heads_(max_heads) {}

  // Of the file that begins with this very head, as it was when it was kept: it may have grown, its
  // segments have not changed. nullptr: it is not here.
  std::shared_ptr<const HeadRun> find(const format::LogFileHead& first);
  // Requires a head, and no fault. Takes the place of what was kept of that file.
  void keep(std::shared_ptr<const HeadRun> run);

  std::size_t head_count() const noexcept { return head_count_; }

 private:
  using Runs = std::list<std::shared_ptr<const HeadRun>>;

  void drop(Runs::iterator run);

  const std::size_t max_heads_;
  std::size_t head_count_ = 0;
  Runs runs_;  // the one that was used last is first
  std::unordered_map<std::uint64_t, Runs::iterator> by_tag_;
};

}  // namespace ringmain::segment
