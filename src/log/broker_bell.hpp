// How the log asks for upkeep (more memory, a repair) without knowing who does it.
#pragma once

#include <cstddef>

namespace ringmain::log {

class BrokerBell {
 public:
  virtual ~BrokerBell() = default;
  // Asks for a look at this partition. Never blocks; lost while no broker runs, which is
  // harmless: a broker looks at everything when it starts.
  virtual void ring() noexcept = 0;
  // Told now and then which memory comes into use: a chance to fill page tables all at once.
  virtual void will_use(const std::byte* /*slot*/, std::size_t /*bytes*/) noexcept {}
};

}  // namespace ringmain::log
