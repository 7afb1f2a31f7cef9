// Redis Streams: XADD with an automatic id. redis.conf: appendonly yes, appendfsync always, so that
// the answer comes after the sync; save "" and auto-aof-rewrite-percentage 0, so that no snapshot
// disturbs it. The client is hiredis over a Unix socket (unixsocket), which Redis's latency guide
// advises on one host; the stream is pipelined, and Redis syncs once for all commands that it has
// read.
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <unistd.h>

#include "adapters/list.hpp"
#include "cli/exit.hpp"
#include "harness/server.hpp"

namespace ringmain::bench {
namespace {

using tools::Failure;

struct FreeReply {
  void operator()(redisReply* reply) const noexcept { ::freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

class Stream final : public DurableLog {
 public:
  Stream(const std::string& socket, std::string name)
      : name_(std::move(name)), context_(::redisConnectUnix(socket.c_str())) {
    if (context_ == nullptr || context_->err != 0) fail("connect");
  }
  ~Stream() override {
    // Not for the figures: the next measurement begins with an empty server.
    if (::redisAppendCommand(context_, "DEL %s", name_.c_str()) == REDIS_OK) try_reply();
    ::redisFree(context_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void append(Bytes record) override {
    const char* words[] = {"XADD", name_.c_str(), "*", "v", record.data()};
    const size_t sizes[] = {4, name_.size(), 1, 1, record.size()};
    if (::redisAppendCommandArgv(context_, 5, words, sizes) != REDIS_OK) fail("append");
    // Puts on its way what has gathered, as an asynchronous client does: not one system call for
    // each.
    if (++unsent_ < records_per_write) return;
    flush();
  }

  void await(uint64_t count) override {
    flush();
    for (; acknowledged_ < count; ++acknowledged_) {
      if (next_reply()->type != REDIS_REPLY_STRING) throw Failure("Redis refused a record");
    }
  }

  uint64_t stored() override {
    if (::redisAppendCommand(context_, "XLEN %s", name_.c_str()) != REDIS_OK) fail("ask");
    flush();
    const Reply reply = next_reply();
    if (reply->type != REDIS_REPLY_INTEGER)
      throw Failure("Redis does not say how many records it holds");
    return static_cast<uint64_t>(reply->integer);
  }

 private:
  static constexpr uint32_t records_per_write = 64;

  void flush() {
    int is_done = 0;
    while (is_done == 0) {  // ends: the socket blocks until all is taken
      if (::redisBufferWrite(context_, &is_done) != REDIS_OK) fail("write");
    }
    unsent_ = 0;
  }
  Reply next_reply() {
    Reply reply = try_reply();
    if (reply == nullptr) fail("read");
    if (reply->type == REDIS_REPLY_ERROR) throw Failure(fmt::format("Redis: {}", reply->str));
    return reply;
  }
  Reply try_reply() {
    void* reply = nullptr;
    return ::redisGetReply(context_, &reply) == REDIS_OK ? Reply(static_cast<redisReply*>(reply))
                                                         : nullptr;
  }
  [[noreturn]] void fail(const char* what) const {
    throw Failure(fmt::format("hiredis cannot {}: {}", what,
                              context_ != nullptr ? context_->errstr : "no memory"));
  }

  const std::string name_;
  redisContext* context_;
  uint64_t acknowledged_ = 0;
  uint32_t unsent_ = 0;
};

class Redis final : public LogRival {
 public:
  Redis()
      : LogRival({"redis", "Redis Streams", "",
                  "XADD, appendonly yes, appendfsync always, save \"\", "
                  "auto-aof-rewrite-percentage 0; hiredis over a "
                  "Unix socket, pipelined"}) {}

  std::string absence() override {
    return find_program("redis-server").empty() ? "not installed (Debian: redis-server)" : "";
  }
  std::string version() override {  // "Redis server v=7.0.15 sha=..."
    const std::string text = output_of(find_program("redis-server"), "--version");
    const size_t at = text.find("v=");
    return at == std::string::npos ? "?" : text.substr(at + 2, text.find(' ', at) - at - 2);
  }
  std::string acknowledgement() override { return "synced"; }

  void start(const Site& site) override {
    server_ = std::make_unique<Server>(
        "redis-server",
        std::vector<std::string>{find_program("redis-server"), "--port", "0", "--unixsocket",
                                 socket(site), "--dir", site.folder, "--appendonly", "yes",
                                 "--appendfsync", "always", "--save", "",
                                 "--auto-aof-rewrite-percentage", "0", "--daemonize", "no"},
        site.folder + "/redis.log", site.server_cores);
    server_->await(
        [&] {
          return server_->has_said("eady to accept connections") &&
                 ::access(socket(site).c_str(), F_OK) == 0;
        },
        site.check);
  }
  void stop() override { server_.reset(); }

  std::unique_ptr<DurableLog> open(const Site& site, size_t) override {
    return std::make_unique<Stream>(socket(site), fmt::format("stream-{}", ++streams_));
  }

 private:
  static std::string socket(const Site& site) { return site.memory_folder + "/redis.socket"; }

  std::unique_ptr<Server> server_;
  int streams_ = 0;
};

}  // namespace

std::unique_ptr<LogRival> make_redis() {
  return std::make_unique<Redis>();
}

}  // namespace ringmain::bench
