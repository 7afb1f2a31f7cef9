// A Unix stream socket. unix(7), socket(7): SOCK_STREAM, because one read may then take many small
// messages; SO_SNDBUF as large as a user may have it (net.core.wmem_max); O_NONBLOCK where it
// spins.
#include <sys/socket.h>

#include <array>

#include "adapters/byte_stream.hpp"
#include "compare/match.hpp"
#include "os/fd.hpp"
#include "os/host.hpp"

namespace ringmain::bench {
namespace {

constexpr int buffer_bytes = 1 << 20;  // the kernel takes net.core.wmem_max if that is less

class UnixSocket final : public Transport {
 public:
  explicit UnixSocket(Waits waits)
      : Transport({"unix-socket", "Unix socket", name_of(waits),
                   "AF_UNIX, SOCK_STREAM, SO_SNDBUF 1 MiB or net.core.wmem_max; one write for each "
                   "message, reads of "
                   "up to 64 KiB"}),
        waits_(waits) {}

  std::string version() override { return "kernel " + os::kernel_release(); }

  void start(const Site&) override {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
      throw Exception(fail_errno("cannot make a socket pair").value());
    for (size_t i = 0; i < ends_.size(); ++i) {
      ends_[i].reset(fds[i]);
      ::setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
      set_waiting(fds[i], waits_);
    }
  }
  void stop() override { ends_ = {}; }

  void play(Match& match, const Site&) override {
    const int mine = ends_[match.is_first() ? 0 : 1].get();
    match.play([&](size_t bytes) { return std::make_unique<ByteStream>(mine, mine, bytes); });
  }

 private:
  const Waits waits_;
  std::array<os::UniqueFd, 2> ends_;
};

}  // namespace

std::unique_ptr<Transport> make_unix_socket(Waits waits) {
  return std::make_unique<UnixSocket>(waits);
}

}  // namespace ringmain::bench
