// The table of registered files.
#include "os/io_uring_files.hpp"

namespace ringmain::os {

IoUringFiles::IoUringFiles(IoUringRing& ring, uint32_t places,
                           std::shared_ptr<std::atomic<uint64_t>> closed_files)
    : ring_(ring), owners_(places), closed_files_(std::move(closed_files)) {
  for (uint32_t place = places; place > 0; --place) free_places_.push_back(place - 1);
}

std::optional<uint32_t> IoUringFiles::place_of(const std::shared_ptr<RealFileState>& file) {
  const auto found = places_.find(file.get());
  if (found != places_.end()) return found->second;
  if (free_places_.empty()) return std::nullopt;
  const uint32_t place = free_places_.back();
  if (!ring_.register_file(place, file->direct.get())) return std::nullopt;
  free_places_.pop_back();
  owners_[place] = file;
  places_[file.get()] = place;
  return place;
}

void IoUringFiles::let_go_of_closed() {
  const uint64_t closed_files =
      closed_files_->load(std::memory_order_acquire);  // SYNC(closed_files)
  if (closed_files == closed_files_seen_) return;
  closed_files_seen_ = closed_files;
  std::erase_if(places_, [this](const auto& entry) {
    const uint32_t place = entry.second;
    if (!owners_[place].expired()) return false;
    if (!ring_.register_file(place, -1)) return false;  // tried again after the next close
    owners_[place].reset();
    free_places_.push_back(place);
    return true;
  });
}

}  // namespace ringmain::os
