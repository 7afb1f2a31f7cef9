// The broker that is measured: a process of its own, with its log in a folder that goes with it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/scratch.hpp"
#include "harness/server.hpp"

namespace ringmain::bench {

class KafkaBroker {
 public:
  // `folder`: where its own is made. Returns when it can be connected to.
  KafkaBroker(const std::string& ringmain, const std::string& folder);

  pid_t pid() const noexcept { return server_.pid(); }
  // HOST:PORT
  const std::string& address() const noexcept { return address_; }
  // A topic of one partition, by the command that a person would use.
  void create_topic(const std::string& name) const;
  void delete_topic(const std::string& name) const;

  int64_t cpu_ns() const;          // of all its threads, so far
  int64_t resident_bytes() const;  // without what the kernel holds for its sockets

 private:
  void run(const std::vector<std::string>& words) const;

  std::string ringmain_;
  Scratch scratch_;
  Server server_;
  std::string address_;
};

}  // namespace ringmain::bench
