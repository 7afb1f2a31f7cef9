// IoUringFiles: which files a ring has registered. A place lets go of its file once the file is
// closed: the kernel keeps a removed file's space for as long as it is registered. One thread.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "os/disk_real_file.hpp"
#include "os/io_uring_ring.hpp"

namespace ringmain::os {

class IoUringFiles {
 public:
  IoUringFiles(IoUringRing& ring, uint32_t places,
               std::shared_ptr<std::atomic<uint64_t>> closed_files);

  // The place of the file's descriptor for direct writes; nothing if the table is full or the
  // kernel refuses: use the descriptor itself.
  std::optional<uint32_t> place_of(const std::shared_ptr<RealFileState>& file);

  // Lets go of files that were closed since the last call.
  void let_go_of_closed();

 private:
  IoUringRing& ring_;
  // By place. A weak pointer also keeps the address from being used again (files come from
  // make_shared), so an address in places_ means one file.
  std::vector<std::weak_ptr<RealFileState>> owners_;
  std::vector<uint32_t> free_places_;
  std::unordered_map<const RealFileState*, uint32_t> places_;
  std::shared_ptr<std::atomic<uint64_t>> closed_files_;
  uint64_t closed_files_seen_ = 0;
};

}  // namespace ringmain::os
