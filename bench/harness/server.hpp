// A server program that the harness starts for a turn, and stops after it: it dies with the
// harness, however that ends. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ringmain::bench {

class Server {
 public:
  // argv[0] is a path. Output and errors go to the file at `log_path`; `cores`: where it may run.
  Server(std::string name, const std::vector<std::string>& argv, std::string log_path,
         const std::vector<int>& cores);
  // SIGTERM; SIGKILL if it is still there after a while. Reaped.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Asks `is_ready` until it says yes. `check` is called meanwhile, and may throw. Throws Failure,
  // with the end of its log, if the program has ended, or is not ready after a minute.
  void await(const std::function<bool()>& is_ready, const std::function<void()>& check);

  // Whether its log has this text.
  bool has_said(const std::string& text) const;
  // What it has written to its log.
  std::string said() const;
  pid_t pid() const noexcept { return pid_; }

 private:
  [[noreturn]] void fail(const std::string& what) const;

  std::string name_, log_path_;
  pid_t pid_ = -1;  // -1: has ended, and was reaped
};

// The path of a program on the PATH, or where Debian puts servers; empty if there is none.
std::string find_program(const std::string& name);

// What it prints on standard output when run with one argument: "redis-server --version".
std::string output_of(const std::string& program, const std::string& argument);

// A TCP port of 127.0.0.1 that nobody uses now.
uint16_t free_loopback_port();

}  // namespace ringmain::bench
