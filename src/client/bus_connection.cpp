#include "client/bus_connection.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "kafka/generated/hello.hpp"
#include "os/file.hpp"
#include "os/membarrier.hpp"
#include "os/process.hpp"
#include "os/spawn.hpp"

namespace ringmain::client {
namespace {

constexpr std::int32_t kProtocolVersion = 1;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kConnectTimeout = 15 * kSecond;
constexpr std::int64_t kAnswerTimeout = 30 * kSecond;
// A broker that was started may have met the last one's lock, or died again; one more than needed does no harm.
constexpr std::int64_t kStartAgainNs = kSecond / 4;
constexpr std::size_t kResponseMaxBytes = 64 << 20;
constexpr const char* kSocketName = "broker.sock";
constexpr const char* kSettingsName = "broker.conf";
constexpr const char* kBrokerIdleExitMs = "10000";

// What a broker that could not start has left in its log.
std::string last_words(const std::string& path) {
  constexpr std::streamoff kTailBytes = 4096;
  std::ifstream log(path, std::ios::ate);
  if (!log) return "there is no log of it at " + path;
  log.seekg(std::max<std::streamoff>(static_cast<std::streamoff>(log.tellg()) - kTailBytes, 0));
  std::string last;
  for (std::string line; std::getline(log, line);)
    if (!line.empty()) last = line;
  return last.empty() ? fmt::format("its log {} is empty", path) : fmt::format("its log {} ends with: {}", path, last);
}

os::EventFd make_eventfd() {
  auto created = os::EventFd::create();
  if (!created) throw Exception(created.error());
  return std::move(*created);
}

// The `ringmain` program: beside this one, or on the PATH.
Result<std::string> find_program() {
  if (const char* path = std::getenv("RINGMAIN_PROGRAM"); path != nullptr && *path != '\0') return std::string(path);
  if (const auto self = os::executable_path()) {
    const std::string beside = self->substr(0, self->rfind('/')) + "/ringmain";
    if (::access(beside.c_str(), X_OK) == 0) return beside;
  }
  const char* path_variable = std::getenv("PATH");
  const std::string path = path_variable == nullptr ? "/usr/local/bin:/usr/bin" : path_variable;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    const std::string candidate = path.substr(at, end - at) + "/ringmain";
    if (end > at && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return fail(ErrorCode::broker_unavailable,
              "no broker runs, and the program `ringmain` to start one is neither beside this program nor on the PATH; "
              "set RINGMAIN_PROGRAM to its path, or start a broker yourself");
}

}  // namespace

std::string default_bus_directory() {
  if (const char* bus = std::getenv("RINGMAIN_BUS"); bus != nullptr && *bus != '\0') return bus;
  if (::geteuid() == 0) return "/var/lib/ringmain";
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0')
    return std::string(data) + "/ringmain";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "." : home) + "/.local/share/ringmain";
}

BusConnection::BusConnection(const BusOptions& options, std::string directory)
    : options_(options), directory_(std::move(directory)), client_id_(options.client_id), close_(make_eventfd()) {}

Result<std::shared_ptr<BusConnection>> BusConnection::open(const BusOptions& options) {
  std::string directory = options.directory.empty() ? default_bus_directory() : options.directory;
  if (directory.front() != '/') {
    char here[PATH_MAX];
    if (::getcwd(here, sizeof(here)) != nullptr) directory = std::string(here) + "/" + directory;
  }
  if (os::global_barrier_supported()) RINGMAIN_TRY(os::register_for_global_barrier());
  std::shared_ptr<BusConnection> connection(new BusConnection(options, std::move(directory)));
  RINGMAIN_TRY(connection->connect(os::Deadline::after_ns(kConnectTimeout)));
  connection->opened_ = true;
  connection->keeper_ = std::thread([raw = connection.get()] { raw->keep(); });
  return connection;
}

BusConnection::~BusConnection() {
  closing_.store(true);
  close_.ring();
  if (keeper_.joinable()) keeper_.join();
  life_.reset();  // before the socket: the broker then knows that this was no death
}

// Tries until the deadline; starts a broker where nobody listens. Without the lock: callers and
// those who give lines back do not wait for it.
Status BusConnection::connect(os::Deadline deadline) {
  std::int64_t pause_us = 500;
  std::int64_t start_at_ns = 0;  // when to start a broker, unless one is there
  for (;;) {  // until the deadline
    Error last;
    auto directory = os::open_place(directory_);
    if (!directory && options_.autostart && start_at_ns == 0) {
      RINGMAIN_TRY(os::make_directories(directory_, 0700));
      directory = os::open_place(directory_);
    }
    if (directory) {
      auto socket = os::connect_unix_at(directory->get(), kSocketName, deadline);
      if (socket) {
        const Status introduced = introduce(std::move(*socket));
        if (introduced) return {};
        last = introduced.error();
        const bool passing = last.code == ErrorCode::closed || last.code == ErrorCode::io;
        if (!passing) return introduced;  // it answered, and refused
      } else {
        last = socket.error();
        if (last.code == ErrorCode::permission_denied) return tl::make_unexpected(last);
      }
    } else {
      last = directory.error();
      if (last.code == ErrorCode::permission_denied) return tl::make_unexpected(last);
    }
    if (!options_.autostart && !opened_)
      return fail(ErrorCode::broker_unavailable,
                  fmt::format("no broker serves {} and auto-start is off; start one with `ringmain broker --bus {}`",
                              directory_, directory_));
    if (options_.autostart && now_steady_ns() >= start_at_ns) {
      RINGMAIN_TRY(start_broker());
      start_at_ns = now_steady_ns() + kStartAgainNs;
    }
    if (deadline.poll_timeout_ms() == 0)
      return fail(ErrorCode::broker_unavailable,
                  fmt::format("no broker came up for {}: {}; {}", directory_, last.message, last_words(directory_ + "/broker.log")));
    ::usleep(static_cast<useconds_t>(pause_us));
    pause_us = std::min<std::int64_t>(pause_us * 2, 50'000);
    if (closing_.load()) return fail(ErrorCode::closed, "the bus is being closed");
  }
}

Status BusConnection::start_broker() const {
  RINGMAIN_TRY_ASSIGN(program, find_program());
  std::vector<std::string> arguments = {program,  "broker", "--bus", directory_, "--idle-exit-ms", kBrokerIdleExitMs};
  if (!options_.shm_directory.empty()) {
    arguments.push_back("--shm");
    arguments.push_back(options_.shm_directory);
  }
  // Whoever starts the bus's broker, it has the same settings.
  if (const std::string settings = directory_ + "/" + kSettingsName; ::access(settings.c_str(), F_OK) == 0) {
    arguments.push_back("--config-file");
    arguments.push_back(settings);
  }
  RINGMAIN_TRY(os::spawn_detached(arguments, directory_ + "/broker.log"));
  return {};
}

Status BusConnection::introduce(os::UniqueFd socket) {
  kafka::HelloRequest hello;
  hello.protocol_version = kProtocolVersion;
  hello.client_id = client_id_;
  hello.participant_id = participant() == 0 ? -1 : static_cast<std::int32_t>(participant());
  hello.participant_nonce = nonce_;
  const kafka::RequestOptions options{0, 0, client_id_};
  RINGMAIN_TRY_ASSIGN(frame, kafka::request_frame(hello, options));
  std::vector<os::UniqueFd> fds;
  RINGMAIN_TRY_ASSIGN(message, exchange_on(socket.get(), frame, fds));
  RINGMAIN_TRY_ASSIGN(response, kafka::decode_response<kafka::HelloResponse>(message, options));
  if (response.error_code != 0)
    return fail(static_cast<ErrorCode>(response.error_code), response.error_message.value_or("the broker refused"));

  // A number alone proves nothing: a broker with new memory counts from the start again.
  const bool same = participant() != 0 && response.participant_nonce == nonce_;
  const std::uint64_t bells_bytes = sizeof(format::Doorbell) * format::kMaxParticipants;
  if (fds.size() != (same ? 2u : 3u) || response.participant_id <= 0 ||
      response.participant_id >= static_cast<std::int32_t>(format::kMaxParticipants) ||
      response.doorbells_bytes != static_cast<std::int64_t>(bells_bytes))
    return fail(ErrorCode::version_mismatch, "the broker's greeting makes no sense; is it of the same version?");
  if (!opened_) RINGMAIN_TRY(check_shm_directory(fds[0].get()));
  if (!same) {
    RINGMAIN_TRY_ASSIGN(doorbells, os::Mapping::map(fds[0].get(), 0, bells_bytes, os::Access::read_write));
    doorbells_files_.push_back(std::move(doorbells));
    doorbells_.store(reinterpret_cast<format::Doorbell*>(doorbells_files_.back().data()), std::memory_order_release);
    life_ = std::move(fds[2]);
    if (participant() != 0) incarnation_.fetch_add(1);
  }
  bell_.store(fds[1].get(), std::memory_order_release);
  bells_.push_back(std::move(fds[1]));
  nonce_ = response.participant_nonce;
  participant_.store(static_cast<std::uint32_t>(response.participant_id), std::memory_order_release);
  broker_pid_.store(response.broker_pid, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (!same) owed_.clear();  // that memory is gone, and its lines with it
  socket_ = std::move(socket);
  pay_debts();
  connected_.notify_all();
  return {};
}

// Who names a folder for the bus's memory shall not be served from another without a word. By the
// doorbells' name, if that is good here: a container may not see the folder at all.
Status BusConnection::check_shm_directory(int doorbells_fd) const {
  if (options_.shm_directory.empty()) return {};
  const std::filesystem::path doorbells = os::describe_fd(doorbells_fd);
  struct stat named {}, opened {};
  if (::stat(doorbells.c_str(), &named) != 0 || ::fstat(doorbells_fd, &opened) != 0 || named.st_dev != opened.st_dev ||
      named.st_ino != opened.st_ino)
    return {};
  const std::filesystem::path folder = doorbells.parent_path().parent_path();
  std::error_code error;
  if (std::filesystem::equivalent(folder, options_.shm_directory, error)) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("BusOptions::shm_directory is {}, but the shared memory of the bus {} is in {}: leave the option "
                          "empty, or stop the bus's broker and start one with `--shm {}` (with empty topics)",
                          options_.shm_directory, directory_, folder.string(), options_.shm_directory));
}

Result<kafka::Bytes> BusConnection::exchange(std::span<const std::byte> frame, std::vector<os::UniqueFd>& fds) {
  std::unique_lock lock(mutex_);
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (!socket_ &&
        !connected_.wait_for(lock, std::chrono::nanoseconds(kConnectTimeout), [this] { return bool{socket_}; }))
      break;
    fds.clear();
    auto message = exchange_on(socket_.get(), frame, fds);
    if (message) return message;
    // Whatever is on that socket now is not an answer to anything. The keeper sees its end, too.
    socket_.reset();
    close_.ring();
    if (message.error().code == ErrorCode::request_timed_out) return message;
  }
  return fail(ErrorCode::broker_unavailable,
              fmt::format("the broker of {} is gone and none has come back; its log is {}/broker.log", directory_,
                          directory_));
}

void BusConnection::give_back(const kafka::DetachRequest& line) {
  const std::lock_guard lock(mutex_);
  owed_.push_back(line);
  pay_debts();
}

// Under the lock. What stays unpaid is for the next broker: it takes a line back only from its owner,
// and nobody attaches before.
void BusConnection::pay_debts() {
  while (socket_ && !owed_.empty()) {
    std::vector<os::UniqueFd> fds;
    const auto frame = kafka::request_frame(owed_.back(), kafka::RequestOptions{0, 0, client_id_});
    if (frame && !exchange_on(socket_.get(), *frame, fds)) {
      socket_.reset();
      close_.ring();
      return;
    }
    owed_.pop_back();
  }
}

Result<kafka::Bytes> BusConnection::exchange_on(int socket, std::span<const std::byte> frame,
                                                std::vector<os::UniqueFd>& fds) {
  const os::Deadline deadline = os::Deadline::after_ns(kAnswerTimeout);
  RINGMAIN_TRY(os::send_with_fds(socket, frame, {}, deadline));
  std::array<std::byte, 4> size_bytes{};
  RINGMAIN_TRY(os::recv_fully(socket, size_bytes, fds, deadline));
  RINGMAIN_TRY_ASSIGN(size, kafka::frame_size_bytes(size_bytes, kResponseMaxBytes));
  kafka::Bytes message(size);
  RINGMAIN_TRY(os::recv_fully(socket, message, fds, deadline));
  return kafka::Bytes(std::move(message));
}

void BusConnection::ring() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(bell_.load(std::memory_order_acquire), &one, sizeof(one));
}

// The keeper: sleeps until the broker's socket ends, then finds the next broker.
void BusConnection::keep() {
  while (!closing_.load()) {
    int socket = -1;
    {
      const std::lock_guard lock(mutex_);
      socket = socket_.get();
    }
    if (socket < 0 && connect(os::Deadline::after_ns(kConnectTimeout))) continue;
    if (socket < 0) {  // no broker and none to be had: look again in a while
      pollfd wait{close_.fd(), POLLIN, 0};
      ::poll(&wait, 1, 100);
      close_.drain();
      continue;
    }
    pollfd watched[2] = {{socket, POLLRDHUP, 0}, {close_.fd(), POLLIN, 0}};
    ::poll(watched, 2, -1);
    close_.drain();
    if (closing_.load()) return;
    const std::lock_guard lock(mutex_);
    if ((watched[0].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0 && socket_.get() == socket)
      socket_.reset();
  }
}

}  // namespace ringmain::client
