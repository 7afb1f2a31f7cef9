// The only file that is compiled anew for another commit.
#include "cli/build_info.hpp"

namespace ringmain::tools {

const char* version() noexcept { return RINGMAIN_VERSION; }
const char* commit() noexcept { return RINGMAIN_COMMIT; }

}  // namespace ringmain::tools
