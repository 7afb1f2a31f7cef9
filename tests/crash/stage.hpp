// The memory that the campaign and its actors share: journals, commands, the broker's gate. A
// plain file mapping that the campaign owns: what an actor has stored in it survives the actor,
// at whatever instruction it is killed.
//
// A journal is a ring with one writer, the actor, and one reader, the campaign. An entry counts
// once `head` has passed it. An actor whose ring is full waits: the campaign sets the pace.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "os/mapping.hpp"

namespace ringmain::crash {

inline constexpr std::uint32_t kMaxActors = 18;
inline constexpr std::uint64_t kJournalEntries = 1 << 15;  // power of two

enum class Role : std::uint32_t {
  none,
  appender_on_drop,
  producer_on_block,   // the Producer class: keys, headers, two partitions
  appender_on_block,
  appender_on_single,
  appender_on_disk,    // waits now and then until its records are on disk
  appender_on_short,   // trims now and then
  reader_on_drop,
  consumer_on_all,     // the Consumer class: block and drop
  reader_on_block,
  reader_on_single,
  reader_on_disk,      // keeps up, in memory as a rule
  rereader_on_disk,    // begins anew at the log's start now and then: from files into memory
  reader_on_short,     // naps, until what it has not read is gone
  forker,              // claims, forks a child that outlives it, waits to be killed
  prober,              // makes topics, uses and deletes them
};
constexpr bool is_producer(Role role) {
  return role >= Role::appender_on_drop && role <= Role::appender_on_short;
}
constexpr bool is_consumer(Role role) { return role >= Role::reader_on_drop && role <= Role::reader_on_short; }
constexpr bool is_on_disk(Role role) {
  return role == Role::appender_on_disk || role == Role::appender_on_short ||
         (role >= Role::reader_on_disk && role <= Role::reader_on_short);
}
const char* role_name(Role role);

enum class Progress : std::uint32_t {
  intended,      // producer: about to send
  acknowledged,  // producer: the bus returned an offset
  aborted,       // producer: gave the claim up; its offset stays void
  aborted_here,  // the same on a topic with one producer: the offset will be used again
  refused,       // producer: the bus said "not now", nothing was sent
  read,          // consumer: saw a record
  lost,          // consumer: was told that `count` are lost
  began_anew,    // consumer: what it reads from here on comes from the log's start
};

struct Entry {
  std::atomic<Progress> progress;
  std::uint32_t log;       // for `intended`: the topic
  std::uint64_t sequence;
  std::atomic<std::uint64_t> offset;  // `lost`: how many
  std::uint32_t producer;
  std::uint32_t count;
};
static_assert(sizeof(Entry) == 32);

struct ActorSlot {
  // Set by the campaign before the actor starts.
  Role role;
  std::uint32_t life;  // number of this process: the producer's or reader's id
  std::uint64_t seed;
  std::uint32_t autostart;
  std::uint32_t sleeps;  // a consumer waits by sleeping, whatever it would draw

  // Commands.
  alignas(64) std::atomic<std::uint32_t> stop;     // end in good order
  std::atomic<std::uint32_t> hold;                 // keep the views at hand, until it is 0 again
  std::atomic<std::uint32_t> corrupt;              // canary: spoil a published record

  // Written by the actor.
  alignas(64) std::atomic<std::uint32_t> holding;  // views are held; counts what it holds
  std::atomic<std::uint32_t> verified;             // times that held views were found intact
  std::atomic<std::int32_t> child;                 // the forker's
  std::atomic<std::uint64_t> done;                 // records acknowledged or read
  std::atomic<std::uint64_t> bytes;                // of them
  std::atomic<std::uint32_t> failed;               // `failure` says what the actor found
  char failure[400];
  char doing[240];                                 // what it waits for, for the watchdog

  alignas(64) std::atomic<std::uint64_t> head;
  alignas(64) std::atomic<std::uint64_t> tail;
  Entry journal[kJournalEntries];

  Entry& entry(std::uint64_t index) { return journal[index & (kJournalEntries - 1)]; }
};

struct Stage {
  std::int32_t campaign_pid;
  char bus[128];
  char shm[128];
  std::atomic<std::uint32_t> gate_closed;  // brokers go at once
  std::atomic<std::uint32_t> fault_set;    // brokers obey `broker_fault`
  char broker_fault[128];
  // Who is or was a broker, the newest at (count - 1) % size. Written before it looks at the gate.
  std::atomic<std::uint32_t> broker_count;
  std::atomic<std::int32_t> brokers[1024];
  std::atomic<std::int32_t> broker_pid;    // of the one that serves
  std::atomic<std::uint32_t> brokers_served;
  ActorSlot actors[kMaxActors];
};

inline constexpr const char* kStageVariable = "RINGMAIN_CRASH_STAGE";

// Maps the stage file at `path`; `create`: makes it.
os::Mapping open_stage_file(const std::string& path, bool create);
inline Stage& stage_in(const os::Mapping& mapping) { return *reinterpret_cast<Stage*>(mapping.data()); }

// The actor's pen.
class Journal {
 public:
  explicit Journal(ActorSlot& slot) : slot_(slot) {}

  // Producers: before anything is sent.
  void intend(std::uint32_t topic, std::uint64_t sequence, std::uint32_t count);
  // What became of the last intention.
  void settle(Progress outcome, std::uint32_t log, std::uint64_t offset);

  void read(std::uint32_t log, std::uint64_t offset, std::uint32_t producer, std::uint64_t sequence);
  void lost(std::uint32_t log, std::uint64_t count);
  void began_anew(std::uint32_t log);

 private:
  void tell(Progress what, std::uint32_t log, std::uint64_t count);
  Entry& next();
  void push() { slot_.head.store(slot_.head.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  ActorSlot& slot_;
};

}  // namespace ringmain::crash
