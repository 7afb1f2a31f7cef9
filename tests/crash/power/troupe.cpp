#include "troupe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "broker/broker.hpp"
#include "load.hpp"
#include "os/fd.hpp"

namespace ringmain::crash {
namespace {

using namespace std::chrono_literals;

// Far more than a recovery or a full disk takes: only what hangs takes longer.
constexpr std::int64_t kPatienceNs = 120'000'000'000;
constexpr useconds_t kPauseUs = 200;

broker::Broker* serving = nullptr;
void stop_serving(int) {
  serving->stop();
}

int serve(PowerStage& stage) {
  const os::UniqueFd out(::open(stage.broker_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  ::dup2(out.get(), STDOUT_FILENO);
  ::dup2(out.get(), STDERR_FILENO);
  broker::BrokerOptions options;
  options.directory = stage.bus;
  options.shm_directory = stage.shm;
  options.log = [](const std::string& line) {
    std::fprintf(stderr, "[%d] %s\n", ::getpid(), line.c_str());
  };
  auto started = broker::Broker::start(options);
  if (!started) {
    std::snprintf(stage.broker_failure, sizeof(stage.broker_failure), "%s",
                  started.error().message.c_str());
    std::fprintf(stderr, "[%d] %s\n", ::getpid(), started.error().message.c_str());
    stage.broker_failed.store(1);
    return 1;
  }
  serving = started->get();
  ::signal(SIGTERM, stop_serving);
  stage.broker_pid.store(::getpid());
  serving->run();
  stage.broker_pid.store(0);
  started->reset();
  return 0;
}

// A disk that works again is tried again only now and then.
bool is_durable(Appender& appender, std::int64_t offset) {
  try {
    return appender.wait_durable(offset, 1s);
  } catch (const Exception& error) {
    if (error.code() != ErrorCode::no_space && error.code() != ErrorCode::kafka_storage_error)
      throw;
    return false;
  }
}

template <std::size_t Size>
void write_words(char (&into)[Size], const std::string& words) {
  std::snprintf(into, Size, "%s", words.c_str());
}

}  // namespace

Troupe::Troupe(const std::string& bus, const std::string& folder, std::vector<LogPlan> logs)
    : folder_(folder), logs_(std::move(logs)), stage_(make_power_stage()) {
  write_words(stage_.bus, bus);
  write_words(stage_.shm, folder + "/shm");
  write_words(stage_.broker_log, folder + "/broker.log");
}

Troupe::~Troupe() {
  try {
    kill_everybody();
  } catch (...) {  // they go with us all the same
  }
}

pid_t Troupe::start(const std::function<int()>& body) {
  const pid_t parent = ::getpid();
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw Failure{"cannot fork"};
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(3);
  ::_exit(body());
}

void Troupe::begin_broker() {
  stage_.broker_pid.store(0);
  stage_.broker_failed.store(0);
  broker_ = start([this] { return serve(stage_); });
  children_[broker_] = "broker";
}

std::optional<std::string> Troupe::try_start_broker() {
  begin_broker();
  expected_[broker_] = "refuses to start";
  wait_until(
      [this] { return stage_.broker_pid.load() == broker_ || stage_.broker_failed.load() != 0; },
      "a broker that serves");
  if (stage_.broker_failed.load() == 0) {
    expected_.erase(broker_);
    return std::nullopt;
  }
  const pid_t gone = broker_;
  wait_until([this, gone] { return !children_.contains(gone); },
             "the end of a broker that refused");
  return std::string(stage_.broker_failure);
}

void Troupe::start_broker() {
  if (const auto refusal = try_start_broker())
    throw Failure{"the broker does not start: " + *refusal};
}

void Troupe::kill_broker() {
  expected_[broker_] = "killed";
  ::kill(broker_, SIGKILL);
  wait_until([this] { return !children_.contains(broker_); }, "the broker's death");
}

void Troupe::stop_broker() {
  expected_[broker_] = "told to stop";
  ::kill(broker_, SIGTERM);
  wait_until([this] { return !children_.contains(broker_); }, "the broker's end");
}

void Troupe::start_producers(std::uint64_t seed, std::uint64_t budget_bytes) {
  stage_.stop.store(0);
  stage_.is_cut.store(0);
  loads_ = 0;
  for (std::uint32_t log = 0; log < logs_.size(); ++log)
    for (const How how : logs_[log].producers) {
      if (loads_ == kMaxLoads) throw Failure{"more producers than the stage has room for"};
      Load& load = stage_.loads[loads_++];
      for (std::uint64_t number = 0; number < load.sent.load(); ++number) load.offsets[number].store(0);
      for (auto* word : {&load.sent, &load.published, &load.durable_end, &load.bytes, &load.waits,
                         &load.refusals, &load.out_of_memory})
        word->store(0);
      load.failed.store(0);
      load.refused_as.store(0);
      load.refused[0] = load.failure[0] = '\0';
      LoadOrders& orders = load.orders;
      write_words(orders.topic, logs_[log].topic);
      orders.partition = logs_[log].partition;
      orders.log = log;
      orders.producer = ++lives_;
      orders.seed = SplitMix64(seed + lives_)();
      orders.largest_bytes = logs_[log].largest_bytes;
      orders.budget_bytes = budget_bytes;
      orders.how = how;
      const pid_t pid = start([this, &load] { return produce_load(stage_, load); });
      children_[pid] =
          fmt::format("producer {} of {}-{}", orders.producer, orders.topic, orders.partition);
    }
}

void Troupe::stop_producers() {
  for (const auto& [pid, name] : children_)
    if (pid != broker_) expected_[pid] = "told to stop";
  stage_.stop.store(1);
  wait_until([this] { return children_.size() == children_.count(broker_); }, "the producers' end");
}

void Troupe::kill_everybody() {
  stage_.is_cut.store(1);
  for (const auto& [pid, name] : children_) {
    expected_[pid] = "killed";
    ::kill(pid, SIGKILL);
  }
  wait_until([this] { return children_.empty(); }, "everybody's death");
}

void Troupe::remove_memory() {
  std::filesystem::remove_all(stage_.shm);
}

void Troupe::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto child = children_.find(pid);
    if (child == children_.end()) continue;
    const std::string name = child->second;
    children_.erase(child);
    const auto expected = expected_.find(pid);
    const bool in_order = WIFEXITED(status) &&
                          (WEXITSTATUS(status) == 0 ||
                           (expected != expected_.end() && expected->second == "refuses to start"));
    const bool was_killed = expected != expected_.end() && expected->second == "killed";
    if (expected != expected_.end()) expected_.erase(expected);
    if (was_killed || (in_order && expected != expected_.end())) continue;
    if (WIFSIGNALED(status))
      throw Failure{fmt::format("{} died by signal {}", name, WTERMSIG(status))};
    look();  // has better words, perhaps
    if (!in_order) throw Failure{fmt::format("{} ended with status {}", name, WEXITSTATUS(status))};
  }
}

void Troupe::look() {
  if (stage_.is_cut.load() != 0) return;
  for (std::uint32_t i = 0; i < loads_; ++i)
    if (stage_.loads[i].failed.load() != 0)
      throw Failure{fmt::format("producer {} of {}-{}: {}", stage_.loads[i].orders.producer,
                                stage_.loads[i].orders.topic, stage_.loads[i].orders.partition,
                                stage_.loads[i].failure)};
}

void Troupe::wait_until(const std::function<bool()>& condition, const std::string& what) {
  const std::int64_t give_up_ns = now_steady_ns() + kPatienceNs;
  for (;;) {  // until it holds, or nobody believes it any more
    reap();
    look();
    if (condition()) return;
    if (now_steady_ns() > give_up_ns) throw Failure{"waited in vain for " + what};
    ::usleep(kPauseUs);
  }
}

void Troupe::carry_to_oracle() {
  for (std::uint32_t i = 0; i < loads_; ++i) {
    Load& load = stage_.loads[i];
    const LoadOrders& orders = load.orders;
    oracle_.sends(orders.log, orders.producer, load.sent.load());
    for (std::uint64_t number = 0; number < load.sent.load(); ++number) {
      const std::int64_t known = load.offsets[number].load(std::memory_order_acquire);
      if (known == 0) continue;  // nobody knows
      const std::int64_t offset = known - kKnown;
      if (offset == kRefused)
        oracle_.refused(orders.log, orders.producer, number);
      else
        oracle_.published(orders.log, orders.producer, number, static_cast<std::uint64_t>(offset));
    }
    oracle_.durable(orders.log, load.durable_end.load());
    tally_ += {load.bytes.load(), load.waits.load(), load.refusals.load()};
  }
  loads_ = 0;
}

void Troupe::audit(Voids voids) {
  Bus bus = open_bus();
  for (std::uint32_t log = 0; log < logs_.size(); ++log) {
    oracle_.begins(log, voids);
    const TopicPartition partition{logs_[log].topic, logs_[log].partition};
    const auto where = [&] { return fmt::format("{}-{}", partition.topic, partition.partition); };
    try {
      // One that only looks: what it waits for is the end of what is there, and that this is on
      // disk.
      Reader reader(bus, partition);
      if (reader.log_start_offset() != 0)
        throw Failure{fmt::format("{} starts at offset {}", where(), reader.log_start_offset())};
      std::int64_t next = 0;
      for (Bytes value = reader.try_next(); value.data() != nullptr; value = reader.try_next()) {
        const std::int64_t offset = reader.record().offset;
        const auto origin = read_value(value);
        if (!origin || origin->topic != log)
          throw Failure{fmt::format("{}: torn or foreign bytes at offset {}", where(), offset)};
        oracle_.reads(log, static_cast<std::uint64_t>(offset), *origin);
        next = offset + 1;
      }
      if (reader.lost() != 0)
        throw Failure{fmt::format("{}: {} records lost", where(), reader.lost())};
      wait_until([&] { return reader.durable_offset() >= next; },
                 fmt::format("{} to be on disk up to offset {}", where(), next));
    } catch (const Exception& error) {
      throw Failure{
          fmt::format("reading {}: {}: {}", where(), error_name(error.code()), error.what())};
    }
    oracle_.ends(log);
  }
  check_oracle("after this reading");
}

void Troupe::check_oracle(const char* when) {
  if (oracle_.complaints().empty()) return;
  std::string text = fmt::format("the oracle complains {}:", when);
  for (const std::string& complaint : oracle_.complaints()) text += "\n  " + complaint;
  throw Failure{text};
}

void Troupe::append_one_each() {
  Bus bus = open_bus();
  for (std::uint32_t log = 0; log < logs_.size(); ++log) {
    try {
      Appender appender(bus, {logs_[log].topic, logs_[log].partition});
      const std::uint32_t producer = ++lives_;
      oracle_.sends(log, producer, 1);
      const std::int64_t offset =
          appender.append(load_value(log, producer, 0, producer, logs_[log].largest_bytes));
      oracle_.published(log, producer, 0, static_cast<std::uint64_t>(offset));
      wait_until([&] { return is_durable(appender, offset); }, "a record to be on disk");
      oracle_.durable(log, static_cast<std::uint64_t>(offset) + 1);
    } catch (const Exception& error) {
      throw Failure{fmt::format("{}-{} does not go on: {}: {}", logs_[log].topic,
                                logs_[log].partition, error_name(error.code()), error.what())};
    }
  }
}

Bus Troupe::open_bus() const {
  BusOptions options;
  options.directory = stage_.bus;
  options.autostart = false;
  return Bus::open(options);
}

void Troupe::create_topic(const std::string& name, std::int32_t partitions,
                          const std::map<std::string, std::string>& configs) {
  Bus bus = open_bus();
  NewTopic topic;
  topic.name = name;
  topic.partitions = partitions;
  topic.configs = configs;
  bus.admin().create_topic(topic);
}

std::uint64_t Troupe::bytes_sent() const {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < loads_; ++i) sum += stage_.loads[i].bytes.load();
  return sum;
}

std::vector<std::string> Troupe::broker_said(const std::string& words) const {
  std::vector<std::string> lines;
  std::ifstream file(stage_.broker_log);
  for (std::string line; std::getline(file, line);)
    if (line.find(words) != std::string::npos) lines.push_back(line);
  return lines;
}

std::string Troupe::told() const {
  std::string text;
  for (std::uint32_t i = 0; i < loads_; ++i) {
    const Load& load = stage_.loads[i];
    text += fmt::format(
        "  producer {} of {}-{}: {} sent, {} published, durable below {}, {} waits, {} refusals, "
        "the last: {}\n",
        load.orders.producer, load.orders.topic, load.orders.partition, load.sent.load(),
        load.published.load(), load.durable_end.load(), load.waits.load(), load.refusals.load(),
        load.refused);
  }
  return text;
}

void Troupe::print_everything() const {
  fmt::print("producers:\n{}the end of the brokers' log:\n", told());
  const std::vector<std::string> lines = broker_said("");
  for (std::size_t i = lines.size() > 40 ? lines.size() - 40 : 0; i < lines.size(); ++i)
    fmt::print("  {}\n", lines[i]);
}

}  // namespace ringmain::crash
