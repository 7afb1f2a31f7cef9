// Which program this is: `ringmain --version` and every benchmark print it.
#pragma once

namespace ringmain::tools {

const char* version() noexcept;  // "0.1.0"
const char* commit() noexcept;   // that it was built from, 12 digits; "unknown" outside of a git checkout

}  // namespace ringmain::tools
