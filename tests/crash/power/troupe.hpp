// The processes around one bus: a broker and producers, forked from this program, which must have
// no threads then. Starts, kills and reaps them; carries what producers were told to the oracle;
// reads the logs as a client does.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "durable_oracle.hpp"
#include "power_stage.hpp"
#include "ringmain/ringmain.hpp"

namespace ringmain::crash {

// The bus, or the harness, did what must not be.
struct Failure {
  std::string text;
};

struct LogPlan {  // one partition with producers
  std::string topic;
  std::int32_t partition = 0;
  std::vector<How> producers;
  std::uint32_t largest_bytes = 0;
};

struct LoadTally {
  std::uint64_t bytes = 0, waits = 0, refusals = 0;
  LoadTally& operator+=(const LoadTally& other) {
    bytes += other.bytes;
    waits += other.waits;
    refusals += other.refusals;
    return *this;
  }
};

class Troupe {
 public:
  // `bus`: the bus directory; memory, the broker's log and what else is no matter of the disk go to
  // `folder`.
  Troupe(const std::string& bus, const std::string& folder, std::vector<LogPlan> logs);
  ~Troupe();  // kills and reaps whatever is left
  Troupe(const Troupe&) = delete;
  Troupe& operator=(const Troupe&) = delete;

  void start_broker();  // and waits until it serves
  void begin_broker();  // and does not wait
  // Its words, if it refuses to start.
  std::optional<std::string> try_start_broker();
  void kill_broker();
  void stop_broker();  // in good order
  void start_producers(std::uint64_t seed, std::uint64_t budget_bytes);
  void stop_producers();  // in good order
  void kill_everybody();
  void remove_memory();  // of the bus: what loss of power does to it

  void wait_until(const std::function<bool()>& condition, const std::string& what);
  // Throws Failure if a producer has met what it must not, or somebody died who should not.
  void look();

  // Who sent what, and what they were told; once, when they are dead.
  void carry_to_oracle();
  // Reads every log from its start to its end, and has the oracle judge. With a broker that serves,
  // and no producer.
  void audit(Voids voids);
  // Each log takes a record, and has it on disk.
  void append_one_each();

  Bus open_bus() const;
  void create_topic(const std::string& name, std::int32_t partitions,
                    const std::map<std::string, std::string>& configs);
  PowerStage& stage() { return stage_; }
  DurableOracle& oracle() { return oracle_; }
  const std::vector<LogPlan>& logs() const { return logs_; }
  std::uint64_t bytes_sent() const;                  // by the producers of now
  const LoadTally& tally() const { return tally_; }  // of those before
  // The lines of the brokers' log that hold these words.
  std::vector<std::string> broker_said(const std::string& words) const;
  void print_everything() const;
  std::string told() const;  // what all producers were told last

 private:
  pid_t start(const std::function<int()>& body);
  void reap();
  void check_oracle(const char* when);

  const std::string folder_;
  const std::vector<LogPlan> logs_;
  PowerStage& stage_;
  DurableOracle oracle_;
  LoadTally tally_;
  std::map<pid_t, std::string> children_;  // alive, or not reaped yet
  std::map<pid_t, std::string> expected_;  // who may end now
  pid_t broker_ = 0;
  std::uint32_t loads_ = 0;  // of the stage's, in use
  std::uint32_t lives_ = 0;
};

}  // namespace ringmain::crash
