// A simulated partition with its actors: producers, readers and a broker, each a virtual thread
// that uses the log's templates as a client or the broker does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "concurrency/oracle.hpp"
#include "concurrency/scheduler.hpp"
#include "concurrency/sim_memory.hpp"
#include "log/exclusive_appender.hpp"
#include "log/reader.hpp"
#include "log/recycler.hpp"
#include "log/repairer.hpp"
#include "log/shared_appender.hpp"
#include "log/waker.hpp"
#include "log_fixture.hpp"

namespace ringmain::sim {

// What a canary plants into the broker.
enum class Mistake {
  none,
  fills_without_asking,  // a repairer that takes every unpublished claim for a dead one's
  forgets_void_offsets,  // its fillers take no offsets
  recycles_despite_intents,
  recycles_despite_pins,
  retires_without_barrier,
  sleeps_without_barrier,
};

// How often the rare paths really ran: a test that never gets there proves nothing.
struct Probes {
  std::uint64_t seeks = 0;          // a reader sought
  std::uint64_t sleeps = 0;         // a reader went to sleep
  std::uint64_t wakes = 0;          // and was woken
  std::uint64_t lost = 0;           // a reader was told of dropped records
  std::uint64_t no_memory = 0;      // an appender found nothing prepared
  std::uint64_t stalled = 0;        // an appender waited for somebody else's final word
  std::uint64_t pending = 0;        // a claim lay beyond the prepared memory
  std::uint64_t abandoned = 0;      // and was given up
  std::uint64_t retries = 0;        // a repair had to wait for a living producer
  std::uint64_t short_repairs = 0;  // a repair had to wait for memory
  std::uint64_t held_by_reader = 0, held_by_producer = 0;  // a retired slot could not be reused

  void add(const Probes& other) noexcept {
    seeks += other.seeks, sleeps += other.sleeps, wakes += other.wakes, lost += other.lost, no_memory += other.no_memory;
    stalled += other.stalled, pending += other.pending, abandoned += other.abandoned;
    retries += other.retries, short_repairs += other.short_repairs;
    held_by_reader += other.held_by_reader, held_by_producer += other.held_by_producer;
  }
};

struct Scenario {
  int producers = 2;
  int successors = 0;  // producers that take over the lines of dead ones
  int readers = 1;
  int brokers = 1;  // the next starts when the last was killed
  std::uint32_t slots = 4;
  std::uint64_t slot_bytes = 1024;
  int records = 6;  // claims of each producer
  bool exclusive = false;
  bool small_steps = false;  // memory is prepared step by step
  bool give_up = false;      // producers abandon claims that wait for memory
  bool seeks = false;        // readers seek where they stand, now and then
  bool fences = false;
  bool pauses = true;  // producers now and then wait until nobody else can go on
  format::FullPolicy policy = format::FullPolicy::drop_oldest;
  Mistake mistake = Mistake::none;
};

class World {
 public:
  World(const Scenario& scenario, const Options& options);

  // True if nothing was wrong.
  bool run();
  std::string report() const;  // what was wrong, and how it came to it

  Scheduler& scheduler() noexcept { return scheduler_; }
  const Oracle& oracle() const noexcept { return oracle_; }
  const Probes& probes() const noexcept { return probes_; }
  // Threads are numbered in this order: producers, successors, readers, brokers.
  int thread_of_producer(int i) const noexcept { return i; }
  int thread_of_reader(int i) const noexcept {
    return scenario_.producers + scenario_.successors + i;
  }
  int thread_of_broker(int i) const noexcept {
    return scenario_.producers + scenario_.successors + scenario_.readers + i;
  }

 private:
  struct Bell final : log::BrokerBell {
    void ring() noexcept override {  // a system call: it drains the store buffer
      if (auto* scheduler = Scheduler::current()) scheduler->fence();
      rung = true;
    }
    bool rung = false;
  };

  void produce(int number, std::uint32_t intent);
  void succeed(int number);
  template <class Appender>
  void append_all(Appender& appender, int thread, std::uint64_t seed);
  template <class Appender>
  void fill_and_publish(Appender& appender, const log::Claim& claim, int thread,
                        std::uint64_t seed);
  void place_record(std::byte* at, std::uint64_t offset, std::uint32_t size, std::uint64_t records,
                    std::uint16_t owner, std::uint32_t tag, std::uint64_t seed);
  void leave_half_written(const log::Claim& claim, std::uint16_t owner);
  void consume(std::uint32_t reader);
  void seek_where_it_stands(log::BasicReader<SimMemory>& log_reader);
  void sleep(std::uint32_t reader, log::BasicReader<SimMemory>& log_reader);
  void tend(int number);
  void retire_below(std::uint64_t segment);
  bool repair_all();
  bool settled(log::RepairOutcome outcome);
  void fill_without_asking(std::uint32_t intent);
  void grow();
  bool prepare_ahead();
  std::optional<std::uint32_t> obtain_slot();
  std::optional<std::uint32_t> collect();
  void ring_readers();
  bool producers_are_done() const;
  bool all_is_done() const;
  bool line_is_dead(std::uint32_t intent) const;

  Scenario scenario_;
  test::LogFixture<SimMemory> fixture_;
  View view_;
  Oracle oracle_;
  Scheduler scheduler_;
  Bell bell_;
  std::vector<int> line_owner_;  // by intent: the thread that holds it; -1: repaired
  std::vector<bool> reader_done_;
  std::vector<const log::BasicReader<SimMemory>*> asleep_;  // by reader; null: awake
  std::vector<int> free_lines_;
  Probes probes_;
};

}  // namespace ringmain::sim
