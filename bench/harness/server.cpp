// Starting, watching and ending a server program.
#include "harness/server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "base/clock.hpp"
#include "cli/exit.hpp"
#include "os/fd.hpp"
#include "os/file.hpp"

namespace ringmain::bench {
namespace {

using tools::Failure;
using tools::value_or_throw;

constexpr useconds_t look_us = 5'000;
constexpr int64_t start_limit_ns = 60'000'000'000, stop_limit_ns = 10'000'000'000;
constexpr size_t log_tail_bytes = 600;

// The child's side, between fork and exec: only calls that a signal handler may make.
[[noreturn]] void become(pid_t parent, int input, int output, const cpu_set_t& cores,
                         char* const* argv) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // a Ctrl-C is the harness's
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::sched_setaffinity(0, sizeof(cores), &cores);
  if (::getppid() == parent && ::dup2(input, STDIN_FILENO) >= 0 &&
      ::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(output, STDERR_FILENO) >= 0)
    ::execv(argv[0], argv);
  ::_exit(127);
}

std::string log_of(const std::string& path) {
  auto text = os::read_small_file(path, uint64_t{64} << 20);
  return text ? std::move(*text) : std::string{};
}

bool has_ended(pid_t pid) {
  int status = 0;
  return ::waitpid(pid, &status, WNOHANG) == pid;
}

}  // namespace

Server::Server(std::string name, const std::vector<std::string>& argv, std::string log_path,
               const std::vector<int>& cores)
    : name_(std::move(name)), log_path_(std::move(log_path)) {
  const os::UniqueFd input = value_or_throw(os::open_file("/dev/null", O_RDONLY));
  const os::UniqueFd output =
      value_or_throw(os::open_file(log_path_, O_WRONLY | O_CREAT | O_APPEND));
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  for (const int core : cores) CPU_SET(static_cast<unsigned>(core), &allowed);
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(parent, input.get(), output.get(), allowed, pointers.data());
  if (pid_ < 0) throw Exception(fail_errno("cannot start " + name_).value());
}

Server::~Server() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  const int64_t give_up_ns = now_steady_ns() + stop_limit_ns;
  while (!has_ended(pid_)) {  // ends: it is killed when the time is up
    if (now_steady_ns() > give_up_ns) ::kill(pid_, SIGKILL);
    ::usleep(look_us);
  }
}

void Server::await(const std::function<bool()>& is_ready, const std::function<void()>& check) {
  const int64_t give_up_ns = now_steady_ns() + start_limit_ns;
  while (!is_ready()) {  // ends with the time
    check();
    if (has_ended(pid_)) {
      pid_ = -1;
      fail("ended instead of getting ready");
    }
    if (now_steady_ns() > give_up_ns) fail("did not get ready within a minute");
    ::usleep(look_us);
  }
}

bool Server::has_said(const std::string& text) const {
  return said().find(text) != std::string::npos;
}

std::string Server::said() const { return log_of(log_path_); }

void Server::fail(const std::string& what) const {
  const std::string log = log_of(log_path_);
  throw Failure(fmt::format(
      "{} {}. The end of its log: {}", name_, what,
      log.empty() ? "(nothing)" : log.substr(log.size() - std::min(log.size(), log_tail_bytes))));
}

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "") +
                             ":/usr/sbin:/usr/local/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string program = folder + "/" + name;
    if (!folder.empty() && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

std::string output_of(const std::string& program, const std::string& argument) {
  const std::string command = "'" + program + "' " + argument + " 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> output(::popen(command.c_str(), "re"), ::pclose);
  std::string text;
  char part[512];
  while (output && std::fgets(part, sizeof(part), output.get()) != nullptr) text += part;
  return text;
}

uint16_t free_loopback_port() {
  const os::UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (!probe || ::bind(probe.get(), any, size) != 0 || ::getsockname(probe.get(), any, &size) != 0)
    throw Exception(fail_errno("cannot find a free port of 127.0.0.1").value());
  return ntohs(address.sin_port);
}

}  // namespace ringmain::bench
