// The broker's process: `crash_campaign broker --bus DIR --idle-exit-ms N [--shm DIR]`, started
// by the campaign or by a client. Takes its faults from the stage, so that whoever starts it, the
// one that serves has them.
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <iterator>
#include <string>

#include "actors.hpp"
#include "broker/broker.hpp"
#include "os/fault.hpp"

namespace ringmain::crash {
namespace {

broker::Broker* serving = nullptr;
void stop_serving(int) { serving->stop(); }

// Dies with the campaign. Who starts us is gone soon, and the campaign adopts us: only then.
void belong_to(pid_t campaign) {
  while (::getppid() != campaign) {  // ends when our starter has, or the campaign is dead
    if (::kill(campaign, 0) != 0) std::_Exit(3);
    ::usleep(200);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != campaign) std::_Exit(3);
}

}  // namespace

int serve_as_broker(int argc, char** argv) {
  broker::BrokerOptions options;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--bus") options.directory = argv[i + 1];
    if (name == "--shm") options.shm_directory = argv[i + 1];
  }
  const char* path = ::getenv(kStageVariable);
  if (path == nullptr) return 2;
  const os::Mapping mapping = open_stage_file(path, false);
  Stage& stage = stage_in(mapping);
  belong_to(stage.campaign_pid);
  const std::uint32_t mine = stage.broker_count.fetch_add(1);
  stage.brokers[mine % std::size(stage.brokers)].store(::getpid());
  if (stage.gate_closed.load() != 0) return 4;
  if (const Status set = os::configure_faults(stage.fault_set.load() != 0 ? stage.broker_fault : ""); !set) return 2;
  options.configs = {{"log.retention.check.interval.ms", "30"}};
  options.log = [](const std::string& line) { std::fprintf(stderr, "[%d] %s\n", ::getpid(), line.c_str()); };

  auto started = broker::Broker::start(options);
  if (!started) {
    std::fprintf(stderr, "[%d] %s\n", ::getpid(), started.error().message.c_str());
    return started.error().code == ErrorCode::already_running ? 5 : 1;
  }
  serving = started->get();
  ::signal(SIGTERM, stop_serving);
  stage.broker_pid.store(::getpid());
  stage.brokers_served.fetch_add(1);
  serving->run();
  return 0;
}

}  // namespace ringmain::crash
