// A detached process: fork, setsid, fork again, exec.
//
// Between fork and exec only async-signal-safe calls: other threads of the caller may have
// held any lock at the fork.
#include "os/spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "os/file.hpp"

namespace ringmain::os {
namespace {

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

// Everything the child needs, made before the fork.
struct Plan {
  std::vector<char*> argv;  // ends with nullptr
  UniqueFd null;
  UniqueFd log;
  Pipe report;  // the child's pid, then its errno if it could not exec; closed by exec
};

// Out of the way of the child's standard streams, which a caller may have closed.
Result<UniqueFd> above_standard_streams(UniqueFd fd) {
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved) return fail_errno("cannot duplicate a file descriptor");
  return moved;
}

Result<UniqueFd> open_high(const std::string& path, int flags) {
  RINGMAIN_TRY_ASSIGN(file, open_file(path, flags));
  return above_standard_streams(std::move(file));
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot make a pipe");
  UniqueFd low_reader(ends[0]);
  UniqueFd low_writer(ends[1]);
  RINGMAIN_TRY_ASSIGN(reader, above_standard_streams(std::move(low_reader)));
  RINGMAIN_TRY_ASSIGN(writer, above_standard_streams(std::move(low_writer)));
  return Pipe{std::move(reader), std::move(writer)};
}

Result<Plan> make_plan(const std::vector<std::string>& argv, const std::string& log_path) {
  if (argv.empty())
    return fail(ErrorCode::invalid_argument, "cannot start a program without a name");
  Plan plan;
  for (const std::string& argument : argv) plan.argv.push_back(const_cast<char*>(argument.c_str()));
  plan.argv.push_back(nullptr);
  RINGMAIN_TRY_ASSIGN(null, open_high("/dev/null", O_RDONLY));
  RINGMAIN_TRY_ASSIGN(log, open_high(log_path, O_WRONLY | O_CREAT | O_APPEND));
  RINGMAIN_TRY_ASSIGN(report, make_pipe());
  plan.null = std::move(null);
  plan.log = std::move(log);
  plan.report = std::move(report);
  return plan;
}

// Holds back all signals, so that no handler of the caller runs in its child.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

void report_number(int fd, int number) {
  // 4 bytes into a pipe come whole; without a reader there is nobody to tell.
  [[maybe_unused]] const ssize_t written = ::write(fd, &number, sizeof number);
}

std::optional<int> read_number(int fd) {
  int number = 0;
  ssize_t count;
  do {
    count = ::read(fd, &number, sizeof number);
  } while (count < 0 && errno == EINTR);
  if (count != sizeof number) return std::nullopt;
  return number;
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    ::sigaction(signal, &action, nullptr);  // refused for SIGKILL and SIGSTOP
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool take_standard_streams(const Plan& plan) {
  return ::dup2(plan.null.get(), STDIN_FILENO) >= 0 && ::dup2(plan.log.get(), STDOUT_FILENO) >= 0 &&
         ::dup2(plan.log.get(), STDERR_FILENO) >= 0;
}

// In the process that is to become the program.
[[noreturn]] void become_program(const Plan& plan) {
  report_number(plan.report.writer.get(), ::getpid());
  reset_signals();
  // All that is open above goes at the exec, whoever opened it and forgot O_CLOEXEC.
  if (take_standard_streams(plan) &&
      ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
    ::execv(plan.argv[0], plan.argv.data());
  }
  report_number(plan.report.writer.get(), errno);
  ::_exit(127);
}

// In the first child: a session without a terminal, and a child that init adopts.
[[noreturn]] void detach(const Plan& plan) {
  ::setsid();  // cannot fail: a new process leads no group
  const pid_t pid = ::fork();
  if (pid == 0) become_program(plan);
  if (pid < 0) {
    const int error = errno;
    report_number(plan.report.writer.get(), 0);
    report_number(plan.report.writer.get(), error);
  }
  ::_exit(0);
}

}  // namespace

Result<pid_t> spawn_detached(const std::vector<std::string>& argv, const std::string& log_path) {
  RINGMAIN_TRY_ASSIGN(plan, make_plan(argv, log_path));
  pid_t intermediate;
  {
    const SignalsBlocked blocked;
    intermediate = ::fork();
    if (intermediate == 0) detach(plan);
  }
  if (intermediate < 0) return fail_errno("cannot start " + argv[0]);
  plan.report.writer.reset();
  // The host program may reap all children in a loop of its own; then it is gone already.
  while (::waitpid(intermediate, nullptr, 0) < 0 && errno == EINTR) {
  }
  const std::optional<int> pid = read_number(plan.report.reader.get());
  if (!pid) return fail(ErrorCode::io, "cannot start " + argv[0] + ": it was killed at once");
  if (const auto error = read_number(plan.report.reader.get())) {
    return fail_errno("cannot start " + argv[0], *error);
  }
  return static_cast<pid_t>(*pid);
}

}  // namespace ringmain::os
