// What a log::Reader reads while its partition is read from disk: a log that is gone. It says
// `deleted` at every look, is always ready(), and pins nothing. So the way of a record that is in
// memory has no branch for those that are not.
#pragma once

#include <array>
#include <cstddef>

#include "log/partition_view.hpp"

namespace ringmain::client {

// One for the process: nothing of it changes but the pin and progress of a line that nobody reads.
class ParkedLog {
 public:
  static const log::PartitionView& view() {
    static ParkedLog parked;
    return parked.view_;
  }

 private:
  ParkedLog() {
    log::Geometry geometry;
    geometry.directory_size = 1;
    view_ = {geometry, file_.data(), &readers_, nullptr};
    view_.control().state.store(static_cast<std::uint32_t>(format::PartitionState::deleted),
                                std::memory_order_relaxed);
  }

  alignas(format::kPageBytes) std::array<std::byte, format::kIntentsAt> file_{};
  format::Readers readers_{};
  log::PartitionView view_;
};

}  // namespace ringmain::client
