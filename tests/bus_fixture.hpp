// A bus for one test: its folders on tmpfs, and a broker in a thread of the test's own process.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "broker/broker.hpp"
#include "ringmain/ringmain.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::test {

// Waits for a condition, however long it takes.
template <class Condition>
void wait_until(const Condition& condition) {
  while (!condition()) std::this_thread::yield();
}

class TemporaryBus {
 public:
  enum class Start { now, later };

  explicit TemporaryBus(Start start = Start::now) {
    if (start == Start::now) start_broker();
  }
  ~TemporaryBus() { stop_broker(); }
  TemporaryBus(const TemporaryBus&) = delete;
  TemporaryBus& operator=(const TemporaryBus&) = delete;

  std::string directory() const { return scratch_ / "bus"; }
  std::string shm() const { return scratch_ / "shm"; }
  std::string file(const std::string& name) const { return directory() + "/" + name; }

  // Of the next broker that is started.
  broker::BrokerOptions& options() { return options_; }

  // Why it did not start, if it did not.
  std::optional<Error> try_start_broker() {
    options_.directory = directory();
    options_.shm_directory = shm();
    options_.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      log_.push_back(line);
    };
    auto started = broker::Broker::start(options_);
    if (!started) return started.error();
    broker_ = std::move(*started);
    thread_ = std::thread([this] { broker_->run(); });
    return std::nullopt;
  }
  void start_broker() {
    if (const auto error = try_start_broker()) throw Exception(*error);
  }
  void stop_broker() {
    if (!broker_) return;
    broker_->stop();
    thread_.join();
    broker_.reset();
  }
  void restart_broker() {
    stop_broker();
    start_broker();
  }
  broker::Broker& broker() { return *broker_; }

  Bus open() const {
    BusOptions options;
    options.directory = directory();
    options.autostart = false;
    return Bus::open(options);
  }

  std::vector<std::string> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  // The one folder in shm(): the bus's shared memory.
  std::string memory_folder() const {
    return std::filesystem::directory_iterator(shm())->path();
  }
  // The files of the partitions that are in memory, with that ending.
  std::vector<std::string> partition_files(const std::string& ending) const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(memory_folder()))
      if (entry.path().extension() == ending) paths.push_back(entry.path());
    return paths;
  }

 private:
  os::ScratchDirectory scratch_;
  broker::BrokerOptions options_;
  mutable std::mutex mutex_;
  std::vector<std::string> log_;
  std::unique_ptr<broker::Broker> broker_;
  std::thread thread_;
};

// What a call throws; nullopt if it throws nothing.
template <class Call>
std::optional<Error> error_of(const Call& call) {
  try {
    call();
  } catch (const Exception& thrown) {
    return Error{thrown.code(), thrown.what()};
  }
  return std::nullopt;
}

// A call must throw that code, with a sentence that holds these words.
template <class Call>
void expect_error(const Call& call, ErrorCode code, std::initializer_list<const char*> words = {}) {
  const auto error = error_of(call);
  ASSERT_TRUE(error) << "nothing was thrown";
  EXPECT_STREQ(error_name(error->code), error_name(code)) << error->message;
  for (const char* word : words)
    EXPECT_NE(error->message.find(word), std::string::npos) << "\"" << word << "\" is not in: " << error->message;
}

// In memory, with small slots, so that a test fills many.
inline std::map<std::string, std::string> small_slots(std::uint32_t slots = 8) {
  return {{"storage", "memory"}, {"slot.bytes", "65536"}, {"memory.budget.bytes", std::to_string(slots * 65536)}};
}

inline void create_topic(Bus& bus, const std::string& name, std::int32_t partitions = 1,
                         const std::map<std::string, std::string>& configs = small_slots()) {
  NewTopic topic;
  topic.name = name;
  topic.partitions = partitions;
  topic.configs = configs;
  bus.admin().create_topic(topic);
}

inline constexpr std::chrono::hours kForever{1};  // a hang is the test runner's to end
inline constexpr std::chrono::nanoseconds kNow{0};

// Everything that is there now, as "offset:value".
inline std::vector<std::string> read_all(Reader& reader) {
  std::vector<std::string> records;
  for (Bytes value = reader.try_next(); value.data() != nullptr; value = reader.try_next())
    records.push_back(std::to_string(reader.record().offset) + ":" + std::string(value));
  return records;
}

}  // namespace ringmain::test
