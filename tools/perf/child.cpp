// Forking and reaping.
#include "perf/child.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "cli/exit.hpp"

namespace ringmain::tools {

Child::Child(std::string name, const std::function<void()>& job)
    : name_(std::move(name)), last_words_(std::make_unique<Shared<Words>>()) {
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw Exception(fail_errno("cannot start " + name_).value());
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before it could take us along
  // A Ctrl-C reaches the whole group: the parent decides what follows.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  run(job);
}

Child::Child(Child&& other) noexcept
    : name_(std::move(other.name_)),
      last_words_(std::move(other.last_words_)),
      pid_(std::exchange(other.pid_, -1)) {}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Child::run(const std::function<void()>& job) noexcept {
  std::string words;
  try {
    job();
    ::_exit(0);  // not exit(): the buffers of the parent are not ours to flush
  } catch (const std::exception& error) {
    words = error.what();
  }
  auto& text = (*last_words_)->text;
  std::memcpy(text.data(), words.data(), std::min(words.size(), text.size() - 1));
  ::_exit(1);
}

void Child::check() {
  if (pid_ < 0) return;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) ended(status);
}

void Child::join() {
  int status = 0;
  while (pid_ >= 0) {  // until it has ended
    if (::waitpid(pid_, &status, 0) == pid_) ended(status);
  }
}

void Child::ended(int wait_status) {
  pid_ = -1;
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) return;
  const char* words = (*last_words_)->text.data();
  if (WIFSIGNALED(wait_status)) {
    throw Failure(fmt::format("{} was killed by signal {}", name_, WTERMSIG(wait_status)));
  }
  throw Failure(*words == '\0' ? name_ + " failed" : fmt::format("{}: {}", name_, words));
}

}  // namespace ringmain::tools
