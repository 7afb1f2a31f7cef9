// NATS JetStream with a file store: PUB with a reply subject, and the stream's acknowledgement
// there; many on their way at once, as the asynchronous publish of its clients has them. Debian has
// no C client, so this speaks NATS's text protocol itself, over TCP, the only way in.
//
// Servers from 2.10 on are told `sync_interval: always`, so that the acknowledgement comes after
// the sync. 2.9 has no such setting: it acknowledges first and syncs by a timer of its own, and the
// tables say so.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>

#include "adapters/list.hpp"
#include "cli/exit.hpp"
#include "harness/server.hpp"
#include "os/fd.hpp"
#include "os/file.hpp"
#include "perf/report.hpp"

namespace ringmain::bench {
namespace {

using tools::Failure;

// One connection: lines and messages. Blocking.
class NatsConnection {
 public:
  explicit NatsConnection(uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!socket_ ||
        ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      throw Exception(fail_errno("cannot connect to nats-server").value());
    constexpr int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    send(
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":false}\r\nSUB ack "
        "1\r\nPING\r\n");
    flush();
    while (next_line() != "PONG") {  // ends: with the server's answer, or its error
    }
  }

  void send(std::string_view bytes) { out_ += bytes; }
  size_t unsent_bytes() const noexcept { return out_.size(); }

  void flush() {
    for (size_t done = 0; done < out_.size();) {  // ends: with the bytes, or an error
      const ssize_t sent =
          ::send(socket_.get(), out_.data() + done, out_.size() - done, MSG_NOSIGNAL);
      if (sent >= 0) {
        done += static_cast<size_t>(sent);
      } else if (errno != EINTR) {
        throw Exception(fail_errno("cannot write to nats-server").value());
      }
    }
    out_.clear();
  }

  // The next message to this client, which is the answer to something; valid until the next call.
  std::string_view next_message() {
    for (;;) {  // until a message comes, or an error
      const std::string_view line = next_line();
      if (line == "PING") {
        send("PONG\r\n");
        flush();
      }
      if (!line.starts_with("MSG ")) continue;
      const size_t space = line.rfind(' ');
      size_t bytes = 0;
      std::from_chars(line.data() + space + 1, line.data() + line.size(), bytes);
      if (bytes > message_most) throw Failure("nats-server sent a message that is too large");
      need(bytes + 2);
      const std::string_view message(in_.data() + begin_, bytes);
      begin_ += bytes + 2;
      return message;
    }
  }

 private:
  static constexpr size_t message_most = 1 << 20, read_bytes = 64 * 1024;

  // Without its end. A server's error ends all.
  std::string_view next_line() {
    size_t end = 0;
    while ((end = in_.find("\r\n", begin_)) == std::string::npos) {  // until a line is there
      if (in_.size() - begin_ > message_most)
        throw Failure("nats-server sent a line that is too long");
      read_more();
    }
    const std::string_view line(in_.data() + begin_, end - begin_);
    if (line.starts_with("-ERR")) throw Failure(fmt::format("nats-server: {}", line));
    begin_ = end + 2;
    return line;
  }
  void need(size_t bytes) {
    while (in_.size() - begin_ < bytes) read_more();
  }
  void read_more() {
    in_.erase(0, begin_);
    begin_ = 0;
    const size_t had = in_.size();
    in_.resize(had + read_bytes);
    ssize_t got = 0;
    do {  // ends: at anything but a signal
      got = ::recv(socket_.get(), in_.data() + had, read_bytes, 0);
    } while (got < 0 && errno == EINTR);
    in_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) throw Exception(fail_errno("cannot read from nats-server").value());
    if (got == 0) throw Failure("nats-server closed the connection");
  }

  os::UniqueFd socket_;
  std::string out_, in_;
  size_t begin_ = 0;  // of what was not given out yet
};

class Stream final : public DurableLog {
 public:
  Stream(uint16_t port, std::string name) : connection_(port), name_(std::move(name)) {
    ask("$JS.API.STREAM.CREATE." + name_,
        fmt::format(R"({{"name":"{0}","subjects":["{0}"],"storage":"file","num_replicas":1}})",
                    name_));
  }
  ~Stream() override {
    try {
      ask("$JS.API.STREAM.DELETE." + name_, "");
    } catch (const std::exception&) {  // the folder goes with the turn
    }
  }

  void append(Bytes record) override {
    connection_.send(fmt::format("PUB {} ack {}\r\n", name_, record.size()));
    connection_.send(record);
    connection_.send("\r\n");
    if (connection_.unsent_bytes() >= bytes_per_write) connection_.flush();
  }

  void await(uint64_t count) override {
    connection_.flush();
    for (; acknowledged_ < count; ++acknowledged_) {
      const std::string_view answer = connection_.next_message();
      if (answer.find("\"seq\"") == std::string_view::npos)
        throw Failure(fmt::format("JetStream refused a record: {}", answer));
    }
  }

  uint64_t stored() override {
    const std::string answer = ask("$JS.API.STREAM.INFO." + name_, "");
    constexpr std::string_view key = "\"messages\":";
    const size_t at = answer.find(key);
    uint64_t records = 0;
    if (at != std::string::npos)
      std::from_chars(answer.data() + at + key.size(), answer.data() + answer.size(), records);
    return records;
  }

 private:
  static constexpr size_t bytes_per_write =
      16 * 1024;  // the default of NATS's own clients is 32 KiB

  std::string ask(const std::string& subject, const std::string& request) {
    connection_.send(fmt::format("PUB {} ack {}\r\n{}\r\n", subject, request.size(), request));
    connection_.flush();
    std::string answer(connection_.next_message());
    if (answer.find("\"error\"") != std::string::npos) throw Failure("JetStream: " + answer);
    return answer;
  }

  NatsConnection connection_;
  const std::string name_;
  uint64_t acknowledged_ = 0;
};

class Nats final : public LogRival {
 public:
  Nats()
      : LogRival({"nats", "NATS JetStream", "",
                  "file store, one replica, sync_interval always where the server knows it; text "
                  "protocol over TCP, "
                  "asynchronous publish"}) {}

  std::string absence() override {
    return find_program("nats-server").empty() ? "not installed (Debian: nats-server)" : "";
  }
  std::string version() override {  // "nats-server: v2.9.10"
    const std::string text = output_of(find_program("nats-server"), "--version");
    const size_t at = text.find(": v");
    return at == std::string::npos ? "?"
                                   : text.substr(at + 3, text.find_first_of("\r\n", at) - at - 3);
  }
  std::string acknowledgement() override {
    return syncs_always() ? "synced"
                          : "NOT synced: written; synced later by a timer (before 2.10 there is no "
                            "other setting)";
  }

  void start(const Site& site) override {
    port_ = free_loopback_port();
    const std::string config = site.folder + "/nats.conf";
    tools::write_file(
        config, fmt::format("listen: 127.0.0.1:{}\njetstream {{ store_dir: \"{}/jetstream\"{} }}\n",
                            port_, site.folder, syncs_always() ? ", sync_interval: always" : ""));
    server_ = std::make_unique<Server>(
        "nats-server", std::vector<std::string>{find_program("nats-server"), "-c", config},
        site.folder + "/nats.log", site.server_cores);
    server_->await([&] { return server_->has_said("Server is ready"); }, site.check);
  }
  void stop() override { server_.reset(); }

  std::unique_ptr<DurableLog> open(const Site&, size_t) override {
    return std::make_unique<Stream>(port_, fmt::format("stream-{}", ++streams_));
  }

 private:
  bool syncs_always() {
    unsigned major = 0, minor = 0;
    if (std::sscanf(version().c_str(), "%u.%u", &major, &minor) != 2) return false;
    return major > 2 || (major == 2 && minor >= 10);
  }

  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
  int streams_ = 0;
};

}  // namespace

std::unique_ptr<LogRival> make_nats() {
  return std::make_unique<Nats>();
}

}  // namespace ringmain::bench
