// The processes of the campaign: each is this program again, with a role and a place on the stage.
#pragma once

#include <string>

#include "ringmain/bus.hpp"
#include "stage.hpp"

namespace ringmain::crash {

// Do their part until they are told to stop, or killed. The result is the exit status.
int act(std::uint32_t actor);
int serve_as_broker(int argc, char** argv);  // `broker --bus DIR --idle-exit-ms N [--shm DIR]`

// Thrown by an actor that has seen what must not be.
struct Finding {
  std::string text;
};

void produce(Stage& stage, ActorSlot& slot);
void consume(Stage& stage, ActorSlot& slot);
void fork_and_wait(Stage& stage, ActorSlot& slot);
void probe(Stage& stage, ActorSlot& slot);

// A bus, as soon as there is one.
Bus open_bus(const Stage& stage, ActorSlot& slot);
// Tries again while the broker is away, or the last single producer is not buried yet.
bool will_pass(ErrorCode code);
void say(ActorSlot& slot, const char* doing);

template <class Make>
auto until_it_works(ActorSlot& slot, const char* doing, Make make) -> decltype(make()) {
  say(slot, doing);
  for (;;) {  // until it works, fails for good, or the campaign kills us
    try {
      auto made = make();
      say(slot, "");
      return made;
    } catch (const Exception& error) {
      if (!will_pass(error.code())) throw;
      if (slot.stop.load() != 0) throw;
      say(slot, (std::string(doing) + ": " + error.what()).c_str());
    }
  }
}

}  // namespace ringmain::crash
