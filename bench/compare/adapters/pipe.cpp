// A pipe for each direction. pipe(7): F_SETPIPE_SZ to 1 MiB, the most that a user may have by
// default (/proc/sys/fs/pipe-max-size); O_NONBLOCK where it spins.
#include <fcntl.h>

#include <array>

#include "adapters/byte_stream.hpp"
#include "compare/match.hpp"
#include "os/fd.hpp"
#include "os/host.hpp"

namespace ringmain::bench {
namespace {

constexpr int pipe_bytes = 1 << 20;

class Pipe final : public Transport {
 public:
  explicit Pipe(Waits waits)
      : Transport({"pipe", "pipe", name_of(waits),
                   "a pipe for each direction, F_SETPIPE_SZ 1 MiB; one write for each message, "
                   "reads of up to 64 KiB"}),
        waits_(waits) {}

  std::string version() override { return "kernel " + os::kernel_release(); }

  void start(const Site&) override {
    for (Ends& ends : directions_) {
      int fds[2];
      if (::pipe2(fds, O_CLOEXEC) != 0) throw Exception(fail_errno("cannot make a pipe").value());
      ends.reading.reset(fds[0]);
      ends.writing.reset(fds[1]);
      if (::fcntl(fds[1], F_SETPIPE_SZ, pipe_bytes) < 0)
        throw Exception(
            fail_errno("cannot make a pipe of 1 MiB (/proc/sys/fs/pipe-max-size)").value());
      for (const int fd : fds) set_waiting(fd, waits_);
    }
  }
  void stop() override { directions_ = {}; }

  void play(Match& match, const Site&) override {
    Ends& mine = directions_[match.is_first() ? 0 : 1];
    Ends& others = directions_[match.is_first() ? 1 : 0];
    match.play([&](size_t bytes) {
      return std::make_unique<ByteStream>(others.reading.get(), mine.writing.get(), bytes);
    });
  }

 private:
  struct Ends {
    os::UniqueFd reading, writing;
  };
  const Waits waits_;
  std::array<Ends, 2> directions_;  // written by the first, by the second
};

}  // namespace

std::unique_ptr<Transport> make_pipe(Waits waits) {
  return std::make_unique<Pipe>(waits);
}

}  // namespace ringmain::bench
