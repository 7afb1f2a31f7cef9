// Keeping two processes in step and on their cores.
#include "compare/match.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "cli/exit.hpp"
#include "os/host.hpp"

namespace ringmain::bench {

using tools::Failure;
using tools::value_or_throw;

Match::Match(const MatchPlan& plan, MatchBoard& board, Side side)
    : plan_(plan), board_(board), side_(side), all_cores_(os::available_cores()) {}

void Match::pin() const {
  value_or_throw(os::pin_to_core(plan_.cores[is_first() ? 0 : 1]));
}

void Match::unpin() const {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (const int core : all_cores_) CPU_SET(static_cast<unsigned>(core), &all);
  if (::sched_setaffinity(0, sizeof(all), &all) != 0)
    throw Failure(fmt::format("cannot free a process from its core: error {}", errno));
}

void Match::agree_on_count(uint64_t rounds, int64_t elapsed_ns, double wanted_ns) {
  if (is_first()) {
    const double count = static_cast<double>(rounds) * wanted_ns /
                         static_cast<double>(std::max<int64_t>(elapsed_ns, 1));
    board_.count = std::clamp(static_cast<uint64_t>(count), rounds_least, rounds_most);
  }
  meet();
}

void Match::wrong_message(size_t message_bytes) const {
  throw Failure(fmt::format("message {} ({} bytes) arrived damaged or out of order", sequence_,
                            message_bytes));
}

}  // namespace ringmain::bench
