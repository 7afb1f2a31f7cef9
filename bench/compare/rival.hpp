// What a rival is: the one interface behind which each adapter in adapters/ stands, so that a
// reader can check that it is fair, and add another. docs/benchmarks.md, "Add a rival".
//
// The harness calls start() and stop() in its own process, once for each turn of the rival; what is
// measured runs between them in processes of its own, which are killed if one of them fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringmain/bytes.hpp"

namespace ringmain::bench {

enum class Role { ours, rival, limit };

struct Label {
  std::string key;       // for --only: "zeromq"
  std::string name;      // of its row: "ZeroMQ ipc://"
  std::string variant;   // "spinning": of several variants of one name the tables show the faster
  std::string settings;  // as its own documentation names them
  Role role = Role::rival;
};

// Where a turn takes place.
struct Site {
  std::string folder;  // the turn's own, empty, on the disk that is measured; removed after it
  std::string memory_folder;  // likewise, on tmpfs
  std::vector<size_t> sizes;  // of the messages
  std::vector<int> cores;     // first: of the sender, or client; second: of the receiver
  std::vector<int> server_cores;
  std::string ringmain;         // the program
  std::function<void()> check;  // to be called now and then while waiting; throws on a stop signal
};

class Rival {
 public:
  virtual ~Rival() = default;

  const Label& label() const noexcept { return label_; }
  // Why it cannot take part: "not installed (libzmq3-dev)". Empty: it can.
  virtual std::string absence() { return {}; }
  // Asked only if it can take part.
  virtual std::string version() = 0;

  virtual void start(const Site&) {}
  virtual void stop() {}

 protected:
  explicit Rival(Label label) : label_(std::move(label)) {}
  Label label_;
};

enum class Side { first, second };
class Match;

// Carries messages between two processes.
class Transport : public Rival {
 public:
  // In each of the two processes: opens its end for every size, and has it measured:
  //   match.play([&](size_t message_bytes) { return std::make_unique<MyChannel>(...); });
  virtual void play(Match& match, const Site& site) = 0;

 protected:
  using Rival::Rival;
};

// One process's end of a two-way connection for messages of one size. Every call waits, in the way
// that is fastest for this transport, until it can be done: the harness kills who waits in vain.
template <class T>
concept Channel = requires(T channel) {
  // Room for one message. Shared memory, where the transport offers it in place; else a buffer.
  { channel.claim() } -> std::same_as<char*>;
  // Sends what is there now.
  channel.publish();
  // The next message, in place if the transport can; valid until release().
  { channel.receive() } -> std::same_as<const char*>;
  channel.release();
};

// A log that acknowledges what is on disk. Used by one process.
class DurableLog {
 public:
  virtual ~DurableLog() = default;
  // Sends one record on its way; may return before anything is acknowledged.
  virtual void append(Bytes record) = 0;
  // Returns when at least `count` of all that this object has appended are acknowledged. Throws if
  // one was refused.
  virtual void await(uint64_t count) = 0;
  // How many records the log says that it holds: asked at the end, and compared.
  virtual uint64_t stored() = 0;
};

struct DurablePlan;
struct DurableBoard;

class LogRival : public Rival {
 public:
  // In the client's process: measures all (durable.cpp).
  virtual void play(const Site& site, const DurablePlan& plan, DurableBoard& board);

  // What its acknowledgement promises: "synced", or honestly less.
  virtual std::string acknowledgement() = 0;
  // In the client's process. Called once for each measurement: a fresh log each time.
  virtual std::unique_ptr<DurableLog> open(const Site& site, size_t record_bytes) = 0;

 protected:
  using Rival::Rival;
};

// Those that were built in, in the order of the tables; what is missing stands among them with its
// absence. Ringmain first, the limits last.
struct Field {
  std::vector<std::unique_ptr<Transport>> transports;
  std::vector<std::unique_ptr<LogRival>> logs;
};
Field all_rivals();

}  // namespace ringmain::bench
