// The adapters' makers, one line each: rivals.cpp puts them together. What was not built in has no
// maker; it stands in the tables as absent.
#pragma once

#include "compare/rival.hpp"

namespace ringmain::bench {

enum class Waits { blocking, spinning };
const char* name_of(Waits waits) noexcept;

enum class Producers { many, one };
enum class Handing { in_place, by_copy };  // claim and commit, or append

std::unique_ptr<Transport> make_ringmain(Producers producers, Handing handing);
std::unique_ptr<Transport> make_pipe(Waits waits);
std::unique_ptr<Transport> make_unix_socket(Waits waits);
std::unique_ptr<Transport> make_boost_queue(Waits waits);
std::unique_ptr<Transport> make_zeromq(Waits waits);
std::unique_ptr<Transport> make_iceoryx();
std::unique_ptr<Transport> make_memory_limit();

std::unique_ptr<LogRival> make_ringmain_log();
std::unique_ptr<LogRival> make_redis();
std::unique_ptr<LogRival> make_nats();
std::unique_ptr<LogRival> make_disk_limit();

}  // namespace ringmain::bench
