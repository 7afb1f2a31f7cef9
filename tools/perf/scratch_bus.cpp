// Folders, and a broker as a child process.
#include "perf/scratch_bus.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "broker/bus_directory.hpp"
#include "cli/exit.hpp"
#include "os/deadline.hpp"
#include "os/file.hpp"
#include "os/pidfd.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"

namespace ringmain::tools {
namespace {

constexpr int64_t look_ns = 100'000'000;

std::string new_folder(const std::string& parent) {
  std::string path = parent + "/ringmain-perf-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    throw Exception(fail_errno("cannot make a folder in " + parent).value());
  return path;
}

// The child's side, between fork and exec: only calls that a signal handler may make.
[[noreturn]] void become_broker(pid_t parent, int output, int log, char* const* argv) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // a Ctrl-C is the benchmark's
  if (::getppid() == parent && ::dup2(output, STDOUT_FILENO) >= 0 &&
      ::dup2(log, STDERR_FILENO) >= 0)
    ::execv(argv[0], argv);
  ::_exit(127);
}

}  // namespace

ScratchBus::ScratchBus(const std::string& parent) : folder_(new_folder(parent)) {
  const std::string shm = broker::default_shm_directory();
  value_or_throw(broker::make_private_directory(shm));
  shm_folder_ = shm + "/" + std::filesystem::path(folder_).filename().string();
}

ScratchBus::~ScratchBus() {
  kill_broker();
  static_cast<void>(os::remove_tree(folder_));
  static_cast<void>(os::remove_tree(shm_folder_));
}

void ScratchBus::start_broker(const std::function<void()>& check) {
  std::string program = value_or_throw(os::executable_path());
  std::vector<std::string> words{program,  "--json", "--bus",    folder_,
                                 "broker", "--shm",  shm_folder_};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Exception(fail_errno("cannot make a pipe").value());
  const os::UniqueFd reading(ends[0]);
  os::UniqueFd writing(ends[1]);
  const os::UniqueFd log =
      value_or_throw(os::open_file(folder_ + "/perf-broker.log", O_WRONLY | O_CREAT | O_APPEND));
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become_broker(parent, writing.get(), log.get(), argv.data());
  if (pid_ < 0) throw Exception(fail_errno("cannot start a broker").value());
  writing.reset();
  // It prints its one line when it can be connected to.
  for (;;) {  // until it is ready, or gone
    if (os::wait_ready(reading.get(), POLLIN, os::Deadline::after_ns(look_ns)) ==
        os::PollWait::timed_out) {
      check();
      continue;
    }
    char line[512];
    const ssize_t got = ::read(reading.get(), line, sizeof(line));
    if (got > 0) return;
    if (got < 0 && errno == EINTR) continue;
    const auto words_of_broker = os::read_small_file(folder_ + "/perf-broker.log");
    kill_broker();
    throw Failure(fmt::format("the benchmark's broker did not start: {}",
                              words_of_broker ? *words_of_broker : "it left no word"));
  }
}

void ScratchBus::kill_broker() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void ScratchBus::stop_broker(const std::function<void()>& check) {
  if (pid_ < 0) return;
  const os::Pidfd broker = value_or_throw(os::Pidfd::open(pid_));
  ::kill(pid_, SIGTERM);
  while (broker.wait(os::Deadline::after_ns(look_ns)) == os::Pidfd::Wait::timed_out) check();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Failure("the benchmark's broker did not stop cleanly");
}

void ScratchBus::remove_shared_memory() const {
  value_or_throw(os::remove_tree(shm_folder_));
}

Bus ScratchBus::open() const {
  BusOptions options;
  options.directory = folder_;
  options.autostart = false;
  options.client_id = "ringmain-cli";
  return Bus::open(options);
}

}  // namespace ringmain::tools
