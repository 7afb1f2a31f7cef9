// A child process that does one job of a benchmark. It dies with its parent, and its parent
// learns why it failed.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "perf/shared.hpp"

namespace ringmain::tools {

class Child {
 public:
  // Forks: call it before any thread is started. `name` is for errors: "the ponger".
  Child(std::string name, const std::function<void()>& job);
  // Kills it if it still runs.
  ~Child();
  Child(Child&&) noexcept;
  Child& operator=(Child&&) = delete;

  // Until check() or join() has found its end.
  bool is_running() const noexcept { return pid_ >= 0; }

  // Throws Failure, with the child's own words, if it has ended with a failure.
  void check();
  // Waits for its end, and checks.
  void join();

 private:
  struct Words {
    std::array<char, 1024> text{};
  };

  [[noreturn]] void run(const std::function<void()>& job) noexcept;
  void ended(int wait_status);

  std::string name_;
  std::unique_ptr<Shared<Words>> last_words_;
  pid_t pid_ = -1;  // -1: has ended, and was reaped
};

}  // namespace ringmain::tools
