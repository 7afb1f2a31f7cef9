// Members of a group as processes of their own, and a board in shared memory on which each notes
// which partitions it has. Forked before the broker of the test's own process starts.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "bus_fixture.hpp"

namespace ringmain::crash {

inline constexpr std::int32_t kMostPartitions = 100;
inline constexpr int kMostMembers = 10;
inline constexpr int kNobody = -1;

struct Board {
  std::atomic<bool> bus_is_there{false};
  std::atomic<bool> ends{false};
  std::atomic<int> owners[kMostPartitions];
  std::atomic<int> lost[kMostMembers];             // how often it was told that it lost its part
  std::atomic<int> refused_commits[kMostMembers];  // by the coordinator
};

// Notes on the board what a member has. It takes nothing from others' notes: who is dead or stopped
// cannot wipe its own.
class BoardWriter final : public RebalanceListener {
 public:
  BoardWriter(Board& board, int member) : board_(board), member_(member) {}
  void on_assigned(const std::vector<TopicPartition>& partitions) override {
    for (const auto& one : partitions) board_.owners[one.partition] = member_;
  }
  void on_revoked(const std::vector<TopicPartition>& partitions) override {
    for (const auto& one : partitions) {
      int mine = member_;
      board_.owners[one.partition].compare_exchange_strong(mine, kNobody);
    }
  }
  void on_lost(const std::vector<TopicPartition>& partitions) override {
    on_revoked(partitions);
    ++board_.lost[member_];
  }

 private:
  Board& board_;
  const int member_;
};

class Company {
 public:
  using Work = std::function<void(Consumer&, Board&, int member)>;  // after each poll

  Company(int members, std::int32_t partitions, Config config, Work work = nullptr)
      : bus(test::TemporaryBus::Start::later), partitions_(partitions) {
    void* memory =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    board = new (memory) Board;
    for (auto& owner : board->owners) owner = kNobody;
    config["group.id"] = "g";
    config.emplace("auto.offset.reset", "earliest");
    for (int i = 0; i < members; ++i) start(i, config, work);
    bus.options().configs = {{"group.initial.rebalance.delay.ms", "0"},
                             {"group.min.session.timeout.ms", "1"},
                             {"offsets.topic.num.partitions", "1"}};
    // On a disk, if one is named: the folders of tests are on tmpfs, where a sync is free.
    if (const char* disk = std::getenv("RINGMAIN_PERF_DISK")) {
      disk_folder_ = std::string(disk) + "/ringmain-group.XXXXXX";
      if (::mkdtemp(disk_folder_.data()) == nullptr) std::abort();
      std::filesystem::create_directory_symlink(disk_folder_, bus.directory());
    }
    bus.start_broker();
    Bus mine = bus.open();
    test::create_topic(mine, "t", partitions);
    board->bus_is_there = true;
  }
  ~Company() {
    board->ends = true;
    for (const pid_t pid : pids_) {
      if (pid <= 0) continue;
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    ::munmap(board, sizeof(Board));
    bus.stop_broker();
    if (!disk_folder_.empty()) std::filesystem::remove_all(disk_folder_);
  }
  Company(const Company&) = delete;
  Company& operator=(const Company&) = delete;

  void send(int member, int number) { ::kill(pids_[static_cast<std::size_t>(member)], number); }
  void kill(int member) {
    pid_t& pid = pids_[static_cast<std::size_t>(member)];
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    pid = 0;
  }

  // Whether each partition is with a member for whom `is_good(member)`.
  template <class IsGood>
  bool all_owned_by(const IsGood& is_good) const {
    for (std::int32_t i = 0; i < partitions_; ++i) {
      const int owner = board->owners[i].load();
      if (owner == kNobody || !is_good(owner)) return false;
    }
    return true;
  }
  bool each_has_one() const {
    std::vector<int> counts(pids_.size());
    for (std::int32_t i = 0; i < partitions_; ++i)
      if (const int owner = board->owners[i].load(); owner != kNobody)
        ++counts[static_cast<std::size_t>(owner)];
    return std::ranges::none_of(counts, [](int count) { return count == 0; });
  }
  void wait_until_shared() const {
    test::wait_until([this] { return all_owned_by([](int) { return true; }) && each_has_one(); });
  }

  test::TemporaryBus bus;
  Board* board = nullptr;

 private:
  void start(int member, const Config& config, const Work& work) {
    const pid_t pid = ::fork();
    if (pid != 0) return pids_.push_back(pid);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      while (!board->bus_is_there) ::usleep(1000);
      Bus mine = bus.open();
      Consumer consumer(mine, config);
      consumer.subscribe({"t"}, std::make_shared<BoardWriter>(*board, member));
      while (!board->ends) {
        consumer.poll(std::chrono::milliseconds(work ? 5 : 1000));
        if (work) work(consumer, *board, member);
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "member %d: %s\n", member, error.what());
    }
    ::_exit(0);
  }

  const std::int32_t partitions_;
  std::string disk_folder_;
  std::vector<pid_t> pids_;
};

// From the death of one member of ten to the moment when each of a hundred partitions has a living
// owner again.
inline double rebalance_ms(const std::string& assignor) {
  Company company(10, 100,
                  {{"partition.assignment.strategy", assignor}, {"session.timeout.ms", "1800000"}});
  company.wait_until_shared();
  constexpr int kDoomed = 3;
  const std::int64_t start_ns = now_steady_ns();
  company.send(kDoomed, SIGKILL);
  test::wait_until(
      [&] { return company.all_owned_by([](int owner) { return owner != kDoomed; }); });
  const std::int64_t end_ns = now_steady_ns();
  company.kill(kDoomed);
  return static_cast<double>(end_ns - start_ns) / 1e6;
}

}  // namespace ringmain::crash
