// The threads of the broker process (the persister is one of them): where they run, and how much.
// Reads /proc; a thread that ends meanwhile is left out.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace ringmain::tools {

class BrokerThreads {
 public:
  explicit BrokerThreads(pid_t pid);
  // Gives back the cores that pin() took from them.
  ~BrokerThreads();
  BrokerThreads(const BrokerThreads&) = delete;
  BrokerThreads& operator=(const BrokerThreads&) = delete;

  // All of them to one core. Throws Exception.
  void pin(int core);

  // CPU time of all of them so far.
  double cpu_seconds() const;
  // "cores 0-1, last seen on 0,1": what they may use, and what they used last.
  std::string placement() const;

 private:
  struct Thread {
    pid_t id = 0;
    cpu_set_t allowed;  // before pin()
  };

  pid_t pid_;
  std::vector<Thread> threads_;
  bool is_pinned_ = false;
};

}  // namespace ringmain::tools
