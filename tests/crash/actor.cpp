// What all actors share: finding the stage, opening the bus, reporting what went wrong.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "actors.hpp"

namespace ringmain::crash {
namespace {

void report(ActorSlot& slot, const std::string& text) {
  std::snprintf(slot.failure, sizeof(slot.failure), "%s", text.c_str());
  slot.failed.store(1, std::memory_order_release);
}

}  // namespace

void say(ActorSlot& slot, const char* doing) { std::snprintf(slot.doing, sizeof(slot.doing), "%s", doing); }

bool will_pass(ErrorCode code) {
  const bool passes = code == ErrorCode::broker_unavailable || code == ErrorCode::exclusive_taken ||
                      code == ErrorCode::closed || code == ErrorCode::request_timed_out ||
                      code == ErrorCode::no_space ||
                      code == ErrorCode::io;  // the broker that we started was killed at once
  if (passes) ::usleep(1000);
  return passes;
}

Bus open_bus(const Stage& stage, ActorSlot& slot) {
  BusOptions options;
  options.directory = stage.bus;
  options.shm_directory = stage.shm;
  options.autostart = slot.autostart != 0;
  options.client_id = fmt::format("crash-{}", slot.life);
  return until_it_works(slot, "open the bus", [&] { return Bus::open(options); });
}

int act(std::uint32_t actor) {
  const char* path = ::getenv(kStageVariable);
  if (path == nullptr || actor >= kMaxActors) return 2;
  const os::Mapping mapping = open_stage_file(path, false);
  Stage& stage = stage_in(mapping);
  ActorSlot& slot = stage.actors[actor];
  ::unsetenv("RINGMAIN_FAULT");  // it is ours: a broker that we start has the stage's
  ::signal(SIGINT, SIG_IGN);     // of a terminal: the campaign ends us
  try {
    if (is_producer(slot.role)) produce(stage, slot);
    if (is_consumer(slot.role)) consume(stage, slot);
    if (slot.role == Role::forker) fork_and_wait(stage, slot);
    if (slot.role == Role::prober) probe(stage, slot);
    return 0;
  } catch (const Finding& finding) {
    report(slot, finding.text);
  } catch (const Exception& error) {
    // Told to end while no broker is there, which is what it was for.
    if (slot.role == Role::prober && slot.stop.load() != 0 && will_pass(error.code())) return 0;
    report(slot, fmt::format("{} ({})", error.what(), error_name(error.code())));
  } catch (const std::exception& error) {
    report(slot, error.what());
  }
  return 1;
}

}  // namespace ringmain::crash
