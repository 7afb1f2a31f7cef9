// Brokers that die in the midst of compaction and retention, at each step in turn: what a client
// sees of the log stays what was published, with memory kept and with memory lost.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <random>

#include "bus_fixture.hpp"

namespace ringmain::crash {
namespace {

using test::kForever;

// `ringmain broker` as a process of its own, which looks at its logs all the time.
class BrokerProcess {
 public:
  BrokerProcess(const std::string& bus, const std::string& shm, const std::string& fault) {
    const std::string log = bus + "/broker.log";
    const os::UniqueFd out(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const std::string variable = "RINGMAIN_FAULT=" + fault;
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(out.get(), STDOUT_FILENO);
    ::dup2(out.get(), STDERR_FILENO);
    if (!fault.empty()) ::putenv(const_cast<char*>(variable.c_str()));
    ::execl(RINGMAIN_COMMAND, RINGMAIN_COMMAND, "broker", "--bus", bus.c_str(), "--shm",
            shm.c_str(), "--config", "log.retention.check.interval.ms=3", "--config",
            "log.cleaner.backoff.ms=3", nullptr);
    ::_exit(127);
  }
  ~BrokerProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;

  // True once it has died of its fault; a test fails if it ended in another way.
  bool died() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    pid_ = 0;
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "the broker ended by itself, status " << status;
    return true;
  }

 private:
  pid_t pid_ = 0;
};

class UpkeepDeath : public ::testing::TestWithParam<const char*> {
 protected:
  UpkeepDeath() { std::filesystem::create_directories(bus_folder); }

  void serve(const std::string& fault = "") {
    broker.reset();
    broker.emplace(bus_folder, shm_folder, fault);
  }
  Bus open() {
    BusOptions options;
    options.directory = bus_folder;
    options.autostart = false;
    for (;;) {  // until the broker listens
      try {
        return Bus::open(options);
      } catch (const Exception& error) {
        if (error.code() != ErrorCode::broker_unavailable) throw;
        std::this_thread::yield();
      }
    }
  }
  void create(Bus& bus, std::map<std::string, std::string> more) {
    std::map<std::string, std::string> configs = {{"storage", "disk"},
                                                  {"slot.bytes", "65536"},
                                                  {"memory.budget.bytes", "262144"},
                                                  {"segment.bytes", "131072"}};
    configs.merge(more);
    test::create_topic(bus, "log", 1, configs);
  }
  // Publishes until the broker is dead, at each of these passages in turn, and has `check` look at
  // what the next one serves.
  template <class Publish, class Check>
  void die_often(Bus& bus, const Publish& publish, const Check& check) {
    AppenderOptions options;
    options.max_block =
        std::chrono::milliseconds(50);  // memory is used up, and nobody there to use it again
    Appender appender(bus, log, options);
    for (const int nth : {1, 2, 5, 9}) {
      SCOPED_TRACE(nth);
      serve(std::string(GetParam()) + ":kill:" + std::to_string(nth));
      while (!broker->died()) try {
          publish(appender);
        } catch (const Exception& error) {
          ASSERT_EQ(error.code(), ErrorCode::no_space) << error.what();
        }
      serve();
      check(bus);
      if (HasFailure()) return;
    }
    ASSERT_TRUE(appender.wait_durable(end - 1, kForever));
  }
  void lose_memory() {
    broker.reset();
    std::filesystem::remove_all(shm_folder);
    serve();
  }

  os::ScratchDirectory scratch;
  const std::string bus_folder = scratch / "bus", shm_folder = scratch / "shm";
  const TopicPartition log{"log", 0};
  std::optional<BrokerProcess> broker;
  std::int64_t end = 0;  // of what is published
};

class DeathInCompaction : public UpkeepDeath {};

TEST_P(DeathInCompaction, keeps_the_newest_value_of_each_key) {
  serve();
  std::map<std::string, std::string> newest;
  std::mt19937 random(11);
  const auto publish = [&](Appender& appender) {
    for (int i = 0; i < 200; ++i, ++end) {
      const std::string key = "key-" + std::to_string(random() % 40);
      if (random() % 10 == 0) {
        ASSERT_EQ(appender.append({.topic = "log", .key = key}), end);
        newest.erase(key);
      } else {
        const std::string value = std::to_string(end) + std::string(random() % 900, 'v');
        ASSERT_EQ(appender.append({.topic = "log", .key = key, .value = value}), end);
        newest[key] = value;
      }
    }
  };
  const auto check = [&](Bus& bus) {
    std::map<std::string, std::string> found;
    std::int64_t last = -1;
    Reader reader(bus, log);
    while (last + 1 < end) {
      ASSERT_NE(reader.next(kForever).data(), nullptr);
      const ConsumerRecord record = reader.record();
      ASSERT_GT(record.offset, last);
      last = record.offset;
      if (record.value)
        found[std::string(*record.key)] = *record.value;
      else
        found.erase(std::string(*record.key));
    }
    EXPECT_EQ(found, newest);
    EXPECT_EQ(reader.lost(), 0u);
  };
  {
    Bus bus = open();
    create(bus, {{"cleanup.policy", "compact"},
                 {"min.cleanable.dirty.ratio", "0"},
                 {"delete.retention.ms", "0"}});
    die_often(bus, publish, check);
  }
  lose_memory();
  Bus bus = open();
  check(bus);
}

INSTANTIATE_TEST_SUITE_P(at, DeathInCompaction,
                         testing::Values("compaction.segment", "compaction.drafted",
                                         "compaction.log_renamed", "compaction.renamed"),
                         [](const auto& each) {
                           return std::string(each.param).substr(sizeof("compaction"));
                         });

class DeathInRetention : public UpkeepDeath {};

TEST_P(DeathInRetention, leaves_a_log_without_gaps_and_a_start_that_was_not_trimmed_back) {
  serve();
  std::int64_t trimmed_to = 0;
  const auto publish = [&](Appender& appender) {
    for (int i = 0; i < 200; ++i, ++end)
      ASSERT_EQ(appender.append(std::to_string(end) + std::string(900, 'x')), end);
  };
  const auto check = [&](Bus& bus) {
    const std::int64_t wanted = end - 150;
    ASSERT_GE(bus.admin().delete_records("log", 0, wanted), wanted);
    trimmed_to = wanted;
    Reader reader(bus, log);
    std::int64_t last = -1;
    while (last + 1 < end) {
      const Bytes value = reader.next(kForever);
      ASSERT_NE(value.data(), nullptr);
      const std::int64_t offset = reader.record().offset;
      if (last < 0)
        EXPECT_GE(offset, trimmed_to);
      else
        ASSERT_EQ(offset, last + 1);
      ASSERT_EQ(value, std::to_string(offset) + std::string(900, 'x'));
      last = offset;
    }
  };
  {
    Bus bus = open();
    create(bus, {{"retention.bytes", "400000"}});
    die_often(bus, publish, check);
  }
  lose_memory();
  Bus bus = open();
  EXPECT_GE(Reader(bus, log).log_start_offset(), trimmed_to);
  check(bus);
}

INSTANTIATE_TEST_SUITE_P(at, DeathInRetention,
                         testing::Values("retention.announced", "retention.indexes_gone",
                                         "retention.log_gone"),
                         [](const auto& each) {
                           return std::string(each.param).substr(sizeof("retention"));
                         });

}  // namespace
}  // namespace ringmain::crash
