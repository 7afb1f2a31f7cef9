// How a client comes to a broker: the one it starts, the one it finds, and the one that dies over
// its request.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bus_fixture.hpp"
#include "os/fault.hpp"

namespace ringmain::test {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Autostart, gives_the_broker_the_settings_that_lie_in_the_bus_directory) {
  TemporaryBus folders(TemporaryBus::Start::later);
  std::filesystem::create_directories(folders.directory());
  std::ofstream(folders.file("broker.conf")) << "num.partitions = 3\n";
  const std::string program = folders.file("program"), said = folders.file("said");
  std::ofstream(program) << "#!/bin/sh\necho \"$@\" >> " << said << "\n";
  ASSERT_EQ(::chmod(program.c_str(), 0700), 0);
  ::setenv("RINGMAIN_PROGRAM", program.c_str(), 1);
  std::thread starter([&] {
    wait_until([&] { return content_of(said).ends_with('\n'); });
    folders.start_broker();
  });
  BusOptions options;
  options.directory = folders.directory();
  const auto error = error_of([&] { Bus::open(options); });
  starter.join();
  ::unsetenv("RINGMAIN_PROGRAM");
  EXPECT_FALSE(error) << error->message;
  const std::string arguments = content_of(said);
  EXPECT_NE(arguments.find("broker --bus " + folders.directory()), std::string::npos) << arguments;
  EXPECT_NE(arguments.find("--config-file " + folders.file("broker.conf")), std::string::npos)
      << arguments;
}

TEST(SharedMemoryFolder, that_is_not_the_one_of_the_running_broker_is_an_error_that_names_both) {
  TemporaryBus folders;
  BusOptions options;
  options.directory = folders.directory();
  options.autostart = false;
  for (const std::string& other : {folders.directory(), folders.directory() + "/not-there"}) {
    options.shm_directory = other;
    expect_error([&] { Bus::open(options); }, ErrorCode::invalid_argument,
                 {other.c_str(), folders.shm().c_str(), "leave the option empty"});
  }
  const std::string link = folders.directory() + "/link";
  std::filesystem::create_directory_symlink(folders.shm(), link);
  for (const std::string& same : {folders.shm(), folders.shm() + "/", link}) {
    options.shm_directory = same;
    EXPECT_EQ(Bus::open(options).broker_pid(), ::getpid()) << same;
  }
}

TEST(CreateTopic, succeeds_if_the_broker_dies_over_its_answer_and_another_comes) {
  TemporaryBus folders(TemporaryBus::Start::later);
  const pid_t first = os::start_child([&] {
    if (!os::configure_faults("catalogue.was_put:kill")) return 1;
    folders.start_broker();
    for (;;) ::pause();  // until the fault
  });
  std::optional<Bus> bus;
  wait_until([&] { return !error_of([&] { bus.emplace(folders.open()); }); });
  std::thread successor([&] {
    os::wait_for_child(first);
    folders.start_broker();
  });
  const auto error = error_of([&] { create_topic(*bus, "log", 2); });
  successor.join();
  EXPECT_FALSE(error) << error->message;
  EXPECT_EQ(bus->admin().describe_topic("log").partitions, 2);
  expect_error([&] { create_topic(*bus, "log", 2); }, ErrorCode::topic_already_exists, {"log"});
}

}  // namespace
}  // namespace ringmain::test
