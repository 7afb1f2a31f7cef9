// iceoryx 2 with its daemon, iox-roudi: the untyped publisher loans a chunk, the message is written
// there and read there, nothing is copied. The subscriber polls take(). So that nothing is lost, as
// with everybody else: ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER and
// QueueFullPolicy::BLOCK_PRODUCER. queueCapacity is the default and the most, 256; historyCapacity
// 0. The memory pools have one size for each message size, as its documentation advises.
#include <fmt/format.h>
#include <grp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/iceoryx_posh_types.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <iceoryx_versions.hpp>
#include <set>
#include <utility>

#include "adapters/list.hpp"
#include "cli/exit.hpp"
#include "compare/match.hpp"
#include "harness/server.hpp"
#include "os/cpu.hpp"
#include "perf/report.hpp"

namespace ringmain::bench {
namespace {

using tools::Failure;

constexpr size_t chunks_of_a_size = 1024;  // two full queues, and those in use
constexpr size_t chunk_rounding = 64;
constexpr const char* runtime_names[] = {"ringmain-compare-1", "ringmain-compare-2"};

class Ports {
 public:
  Ports(const std::string& in, const std::string& out, size_t message_bytes)
      : message_bytes_(static_cast<uint32_t>(message_bytes)),
        publisher_(service(out, message_bytes), publishing()),
        subscriber_(service(in, message_bytes), subscribing()) {
    // Both sides are there before either goes on: the harness lets them meet then.
    while (!publisher_.hasSubscribers() ||
           subscriber_.getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
      ::usleep(1000);
  }

  char* claim() {
    void* room = nullptr;
    publisher_.loan(message_bytes_)
        .and_then([&](void* chunk) { room = chunk; })
        .or_else([](iox::popo::AllocationError) { throw Failure("iceoryx has no chunk left"); });
    room_ = room;
    return static_cast<char*>(room);
  }

  void publish() { publisher_.publish(room_); }

  const char* receive() {
    for (;;) {  // until something comes, or an error
      auto chunk = subscriber_.take();
      if (!chunk.has_error()) {
        arrived_ = chunk.value();
        return static_cast<const char*>(arrived_);
      }
      if (chunk.get_error() != iox::popo::ChunkReceiveResult::NO_CHUNK_AVAILABLE)
        throw Failure("iceoryx cannot take a chunk");
      os::pause();
    }
  }

  void release() { subscriber_.release(arrived_); }

 private:
  static iox::capro::ServiceDescription service(const std::string& direction, size_t bytes) {
    const std::string whose = "ringmain-compare";
    return {{iox::cxx::TruncateToCapacity, whose},
            {iox::cxx::TruncateToCapacity, direction},
            {iox::cxx::TruncateToCapacity, std::to_string(bytes)}};
  }
  static iox::popo::PublisherOptions publishing() {
    iox::popo::PublisherOptions options;
    options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    return options;
  }
  static iox::popo::SubscriberOptions subscribing() {
    iox::popo::SubscriberOptions options;
    options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
    return options;
  }

  const uint32_t message_bytes_;
  iox::popo::UntypedPublisher publisher_;
  iox::popo::UntypedSubscriber subscriber_;
  void* room_ = nullptr;
  const void* arrived_ = nullptr;
};

class Iceoryx final : public Transport {
 public:
  Iceoryx()
      : Transport(
            {"iceoryx", "iceoryx 2", "",
             "untyped publisher and subscriber, polling take(); WAIT_FOR_CONSUMER, BLOCK_PRODUCER, "
             "queueCapacity "
             "256, historyCapacity 0, a memory pool for each size; iox-roudi at its defaults"}) {}

  std::string absence() override {
    return find_program("iox-roudi").empty() ? "not installed (Debian: iceoryx)" : "";
  }
  std::string version() override { return ICEORYX_LATEST_RELEASE_VERSION; }

  void start(const Site& site) override {
    std::set<size_t> chunks;
    for (const size_t bytes : site.sizes)
      chunks.insert((bytes + chunk_rounding - 1) / chunk_rounding * chunk_rounding);
    std::string config = "[general]\nversion = 1\n\n[[segment]]\n";
    for (const size_t bytes : chunks)
      config +=
          fmt::format("\n[[segment.mempool]]\nsize = {}\ncount = {}\n", bytes, chunks_of_a_size);
    const std::string path = site.folder + "/roudi.toml";
    tools::write_file(path, config);
    daemon_ =
        std::make_unique<Server>("iox-roudi",
                                 std::vector<std::string>{find_program("iox-roudi"), "--kill-delay",
                                                          "1", "--config-file", path},
                                 site.folder + "/roudi.log", site.server_cores);
    daemon_->await([&] { return daemon_->has_said("RouDi is ready for clients"); }, site.check);
    was_ready_ = true;
  }
  void stop() override {
    daemon_.reset();
    if (std::exchange(was_ready_, false)) remove_leftovers();
  }

  void play(Match& match, const Site&) override {
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(
        iox::log::LogLevel::kWarn, iox::log::LogLevelOutput::kHideLogLevel);
    const std::string name = runtime_names[match.is_first() ? 0 : 1];
    iox::runtime::PoshRuntime::initRuntime({iox::cxx::TruncateToCapacity, name});
    match.play([&](size_t bytes) {
      return match.is_first() ? std::make_unique<Ports>("back", "there", bytes)
                              : std::make_unique<Ports>("there", "back", bytes);
    });
    std::exit(0);  // not _exit(), as the harness would: the runtime's destructor takes leave of the
                   // daemon
  }

 private:
  // The daemon leaves its files when its clients were killed. They have fixed names, one set for
  // each machine; a daemon that got ready held their lock, so they are its own.
  static void remove_leftovers() {
    for (const char* name : runtime_names)
      for (const char* end : {"", ".lock"}) ::unlink(fmt::format("/tmp/{}{}", name, end).c_str());
    for (const char* path : {"/tmp/roudi", "/tmp/roudi.lock", "/tmp/iox-unique-roudi.lock"})
      ::unlink(path);
    ::shm_unlink("/iceoryx_mgmt");
    const group* own = ::getgrgid(::getegid());  // its payload segment is named after the group
    if (own != nullptr) ::shm_unlink(fmt::format("/{}", own->gr_name).c_str());
  }

  std::unique_ptr<Server> daemon_;
  bool was_ready_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_iceoryx() {
  return std::make_unique<Iceoryx>();
}

}  // namespace ringmain::bench
