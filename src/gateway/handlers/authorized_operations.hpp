// The bit sets of Metadata: what the asking client may do.
#pragma once

#include <cstdint>

#include "gateway/handlers/handler.hpp"

namespace ringmain::gateway {

// Bit n stands for the operation of number n.
int32_t authorized_operations(const RequestContext& context, const Resource& resource);

}  // namespace ringmain::gateway
