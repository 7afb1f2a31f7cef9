// Out of line: inlined into its callers, g++ 12 warns of parts of the variant that are not in use.
#include "coordination/messages.hpp"

#include <utility>

namespace ringmain::coordination {

void Output::answer(Ticket ticket, Reply reply) {
  answers.push_back({ticket, std::move(reply)});
}

}  // namespace ringmain::coordination
