// The log's templates over real shared memory, compiled once as a check of all their members.
#include "log/exclusive_appender.hpp"
#include "log/reader.hpp"
#include "log/recycler.hpp"
#include "log/repairer.hpp"
#include "log/shared_appender.hpp"
#include "log/waker.hpp"

namespace ringmain::log {

template class BasicSharedAppender<SharedMemory>;
template class BasicExclusiveAppender<SharedMemory>;
template class BasicReader<SharedMemory>;
template class BasicRecycler<SharedMemory>;
template class BasicRepairer<SharedMemory>;
template class BasicWaker<SharedMemory>;

}  // namespace ringmain::log
