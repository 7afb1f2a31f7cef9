// ZeroMQ over ipc://, PUSH to PULL in each direction, as its own perf/local_thr and remote_thr do.
// Messages are built in place (zmq_msg_init_size) and read in place (zmq_msg_data). ZMQ_SNDHWM and
// ZMQ_RCVHWM are at their default, 1000; ZMQ_IO_THREADS at 1. Where it spins: ZMQ_DONTWAIT, called
// again at once.
#include <fmt/format.h>
#include <zmq.h>

#include "adapters/list.hpp"
#include "cli/exit.hpp"
#include "compare/match.hpp"
#include "os/cpu.hpp"

namespace ringmain::bench {
namespace {

using tools::Failure;

[[noreturn]] void fail(const char* what) {
  throw Failure(fmt::format("ZeroMQ cannot {}: {}", what, ::zmq_strerror(::zmq_errno())));
}

class Sockets {
 public:
  // Each side binds where it receives.
  Sockets(const std::string& in, const std::string& out, size_t message_bytes, Waits waits)
      : message_bytes_(message_bytes),
        flags_(waits == Waits::spinning ? ZMQ_DONTWAIT : 0),
        context_(::zmq_ctx_new()),
        in_(::zmq_socket(context_, ZMQ_PULL)),
        out_(::zmq_socket(context_, ZMQ_PUSH)) {
    ::zmq_msg_init(&arrived_);
    constexpr int no_linger = 0;
    ::zmq_setsockopt(out_, ZMQ_LINGER, &no_linger, sizeof(no_linger));
    if (::zmq_bind(in_, in.c_str()) != 0) fail("bind");
    if (::zmq_connect(out_, out.c_str()) != 0) fail("connect");
  }
  ~Sockets() {
    ::zmq_msg_close(&arrived_);
    ::zmq_close(in_);
    ::zmq_close(out_);
    ::zmq_ctx_term(context_);
  }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  char* claim() {
    if (::zmq_msg_init_size(&room_, message_bytes_) != 0) fail("make a message");
    return static_cast<char*>(::zmq_msg_data(&room_));
  }

  void publish() {
    while (::zmq_msg_send(&room_, out_, flags_) <
           0) {  // ends: when there is room, or with an error
      if (::zmq_errno() != EAGAIN && ::zmq_errno() != EINTR) fail("send");
      os::pause();
    }
  }

  const char* receive() {
    while (::zmq_msg_recv(&arrived_, in_, flags_) < 0) {  // likewise
      if (::zmq_errno() != EAGAIN && ::zmq_errno() != EINTR) fail("receive");
      os::pause();
    }
    if (::zmq_msg_size(&arrived_) != message_bytes_)
      throw Failure("a message of another size arrived");
    return static_cast<const char*>(::zmq_msg_data(&arrived_));
  }

  void release() noexcept {}  // the next receive does

 private:
  const size_t message_bytes_;
  const int flags_;
  void* context_;
  void* in_;
  void* out_;
  zmq_msg_t room_{}, arrived_{};
};

class ZeroMq final : public Transport {
 public:
  explicit ZeroMq(Waits waits)
      : Transport({"zeromq", "ZeroMQ ipc://", name_of(waits),
                   "PUSH to PULL, zmq_msg_t built and read in place, ZMQ_SNDHWM and ZMQ_RCVHWM "
                   "1000, ZMQ_IO_THREADS 1"}),
        waits_(waits) {}

  std::string version() override {
    int major = 0, minor = 0, patch = 0;
    ::zmq_version(&major, &minor, &patch);
    return fmt::format("{}.{}.{}", major, minor, patch);
  }

  void play(Match& match, const Site& site) override {
    match.play([&](size_t bytes) {
      const std::string there = fmt::format("ipc://{}/there-{}", site.memory_folder, bytes);
      const std::string back = fmt::format("ipc://{}/back-{}", site.memory_folder, bytes);
      return match.is_first() ? std::make_unique<Sockets>(back, there, bytes, waits_)
                              : std::make_unique<Sockets>(there, back, bytes, waits_);
    });
  }

 private:
  const Waits waits_;
};

}  // namespace

std::unique_ptr<Transport> make_zeromq(Waits waits) {
  return std::make_unique<ZeroMq>(waits);
}

}  // namespace ringmain::bench
