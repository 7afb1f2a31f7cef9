#include "child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "os/fd.hpp"
#include "os/process.hpp"

namespace ringmain::crash {

pid_t start_self(const std::vector<std::string>& arguments, const std::string& fault,
                 const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  if (fault.empty())
    ::unsetenv("RINGMAIN_FAULT");
  else
    ::setenv("RINGMAIN_FAULT", fault.c_str(), 1);
  const pid_t parent = ::getpid();
  const os::UniqueFd out(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const pid_t pid = ::fork();
  if (pid != 0) {
    ::unsetenv("RINGMAIN_FAULT");
    return pid;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(3);
  ::dup2(out.get(), STDOUT_FILENO);
  ::dup2(out.get(), STDERR_FILENO);
  ::execv("/proc/self/exe", argv.data());
  ::_exit(127);
}

char state_of(pid_t pid) {
  const auto state = os::process_state(pid);
  return state ? state->state : '-';
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

std::string tail_of(const std::string& path, std::size_t lines) {
  std::ifstream file(path);
  std::vector<std::string> all;
  for (std::string line; std::getline(file, line);) all.push_back(line);
  std::string text;
  for (std::size_t i = all.size() > lines ? all.size() - lines : 0; i < all.size(); ++i)
    text += "  " + all[i] + "\n";
  return text;
}

}  // namespace ringmain::crash
