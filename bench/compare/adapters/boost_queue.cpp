// Boost.Interprocess message_queue, one for each direction. Its documentation offers send/receive,
// which wait on a condition, and try_send/try_receive, which are called again at once where it
// spins. It copies in and out of its shared memory; the queue holds up to 1 MiB, so it stays in the
// caches.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/version.hpp>
#include <optional>

#include "adapters/list.hpp"
#include "cli/exit.hpp"
#include "compare/match.hpp"
#include "os/cpu.hpp"

namespace ringmain::bench {
namespace {

namespace ipc = boost::interprocess;

constexpr size_t queue_bytes = 1 << 20, messages_least = 16, messages_most = 1024;

class Queues {
 public:
  Queues(ipc::message_queue& in, ipc::message_queue& out, size_t message_bytes, Waits waits)
      : in_(in), out_(out), waits_(waits), room_(message_bytes), arrived_(message_bytes) {}

  char* claim() noexcept { return room_.data(); }

  void publish() {
    if (waits_ == Waits::blocking) return out_.send(room_.data(), room_.size(), 0);
    while (!out_.try_send(room_.data(), room_.size(), 0)) os::pause();
  }

  const char* receive() {
    size_t bytes = 0;
    unsigned priority = 0;
    if (waits_ == Waits::blocking) {
      in_.receive(arrived_.data(), arrived_.size(), bytes, priority);
    } else {
      while (!in_.try_receive(arrived_.data(), arrived_.size(), bytes, priority)) os::pause();
    }
    if (bytes != arrived_.size())
      throw tools::Failure(fmt::format("a message of {} bytes arrived", bytes));
    return arrived_.data();
  }

  void release() noexcept {}

 private:
  ipc::message_queue& in_;
  ipc::message_queue& out_;
  const Waits waits_;
  std::vector<char> room_, arrived_;
};

// With what it owns.
class OwnedQueues : public Queues {
 public:
  using Queue = std::unique_ptr<ipc::message_queue>;
  OwnedQueues(Queue in, Queue out, size_t message_bytes, Waits waits)
      : Queues(*in, *out, message_bytes, waits),
        in_owned_(std::move(in)),
        out_owned_(std::move(out)) {}

 private:
  Queue in_owned_, out_owned_;
};

class BoostQueue final : public Transport {
 public:
  explicit BoostQueue(Waits waits)
      : Transport({"boost-queue", "Boost.Interprocess message_queue", name_of(waits),
                   "max_num_msg 1 MiB of messages, from 16 to 1024; priority 0"}),
        waits_(waits) {}

  std::string version() override {
    return fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000,
                       BOOST_VERSION % 100);
  }

  void start(const Site& site) override {
    for (const size_t bytes : site.sizes) {
      for (const char* direction : {"there", "back"}) {
        names_.push_back(name_of_queue(direction, bytes));
        ipc::message_queue::remove(names_.back().c_str());
      }
    }
  }
  void stop() override {
    for (const std::string& name : names_) ipc::message_queue::remove(name.c_str());
    names_.clear();
  }

  void play(Match& match, const Site&) override {
    match.play([&](size_t bytes) {
      const auto queue = [&](const char* direction) {
        const std::string name = name_of_queue(direction, bytes);
        const size_t messages = std::clamp(queue_bytes / bytes, messages_least, messages_most);
        return match.is_first()
                   ? std::make_unique<ipc::message_queue>(ipc::create_only, name.c_str(), messages,
                                                          bytes)
                   : std::make_unique<ipc::message_queue>(ipc::open_only, name.c_str());
      };
      if (!match.is_first()) match.meet();  // they are there
      auto there = queue("there"), back = queue("back");
      if (match.is_first()) match.meet();
      return match.is_first()
                 ? std::make_unique<OwnedQueues>(std::move(back), std::move(there), bytes, waits_)
                 : std::make_unique<OwnedQueues>(std::move(there), std::move(back), bytes, waits_);
    });
  }

 private:
  std::string name_of_queue(const char* direction, size_t bytes) const {
    return fmt::format("ringmain-compare-{}-{}-{}-{}", owner_, bench::name_of(waits_), direction,
                       bytes);
  }

  const Waits waits_;
  const pid_t owner_ = ::getpid();  // the parent: both processes must find the same queues
  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<Transport> make_boost_queue(Waits waits) {
  return std::make_unique<BoostQueue>(waits);
}

}  // namespace ringmain::bench
