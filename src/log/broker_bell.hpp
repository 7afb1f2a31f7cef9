// How the log asks for upkeep (more memory, a repair) without knowing who does it.
#pragma once

namespace ringmain::log {

class BrokerBell {
 public:
  virtual ~BrokerBell() = default;
  // Asks for a look at this partition. Never blocks; lost while no broker runs, which is
  // harmless: a broker looks at everything when it starts.
  virtual void ring() noexcept = 0;
};

}  // namespace ringmain::log
