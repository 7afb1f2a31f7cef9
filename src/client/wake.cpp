#include "client/wake.hpp"

#include "ringmain/error.hpp"

namespace ringmain::client {

Wake Wake::make() {
  auto bell = os::EventFd::create();
  if (!bell) throw Exception(bell.error());
  return {std::move(*bell), false};
}

}  // namespace ringmain::client
