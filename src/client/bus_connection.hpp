// The control connection of one process to its broker: calls, the participant's identity, and a
// keeper thread that finds the next broker when this one dies. Thread safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "client/call.hpp"
#include "format/readers.hpp"
#include "kafka/frame.hpp"
#include "kafka/generated/detach.hpp"
#include "log/broker_bell.hpp"
#include "os/eventfd.hpp"
#include "os/mapping.hpp"
#include "os/unix_socket.hpp"
#include "ringmain/bus.hpp"

namespace ringmain::client {

template <class Response>
struct Answer {
  Response response;
  std::vector<os::UniqueFd> fds;
};

class BusConnection final : public log::BrokerBell, public Call {
 public:
  // Connects, starting a broker if none runs and the options allow it.
  static Result<std::shared_ptr<BusConnection>> open(const BusOptions& options);
  ~BusConnection() override;

  // Sends a request and waits for its answer; waits for the next broker if there is none now.
  // Errors: broker_unavailable, and whatever the socket or the codec says. The response's own
  // error code is the caller's. `client_id`: who asks; empty: the bus's client.
  template <class Response, class Request>
  Result<Answer<Response>> call(const Request& request, std::int16_t version, const std::string& client_id = {}) {
    const std::int32_t correlation = next_correlation_.fetch_add(1, std::memory_order_relaxed) & 0x7fffffff;
    const kafka::RequestOptions options{version, correlation, client_id.empty() ? client_id_ : client_id};
    RINGMAIN_TRY_ASSIGN(frame, kafka::request_frame(request, options));
    std::vector<os::UniqueFd> fds;
    RINGMAIN_TRY_ASSIGN(message, exchange(frame, fds));
    RINGMAIN_TRY_ASSIGN(response, kafka::decode_response<Response>(message, options));
    return Answer<Response>{std::move(response), std::move(fds)};
  }

  bool is_local() const noexcept override { return true; }
  Result<std::vector<To>> all_brokers() override { return std::vector{To::any()}; }

  // Gives a line back: now, or as soon as the next broker is there. Waits for none.
  void give_back(const kafka::DetachRequest& line);

  // Whether there is a broker to ask right now.
  bool is_online() noexcept {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    return lock.owns_lock() && socket_;
  }

  // Asks the broker for a look at the partitions.
  void ring() noexcept override;

  std::uint32_t participant() const noexcept { return participant_.load(std::memory_order_acquire); }
  format::Doorbell* doorbells() const noexcept { return doorbells_.load(std::memory_order_acquire); }
  format::Doorbell& doorbell() const noexcept { return doorbells()[participant()]; }
  // Counts up when the bus's shared memory is not the one it was: attachments are void then.
  std::uint32_t incarnation() const noexcept { return incarnation_.load(std::memory_order_relaxed); }

  const std::string& directory() const noexcept { return directory_; }
  const std::string& client_id() const noexcept { return client_id_; }
  int broker_pid() const noexcept { return broker_pid_.load(std::memory_order_relaxed); }

 private:
  explicit BusConnection(const BusOptions& options, std::string directory);

  // Client and broker of a bus are of one version.
  Result<std::int16_t> best_version(To, std::int16_t, Versions versions) override { return versions.most; }
  Result<kafka::Bytes> exchange(To, std::span<const std::byte> frame) override {
    std::vector<os::UniqueFd> none;
    return exchange(frame, none);
  }
  const std::string& own_client_id() const noexcept override { return client_id_; }
  Result<kafka::Bytes> exchange(std::span<const std::byte> frame, std::vector<os::UniqueFd>& fds);
  Result<kafka::Bytes> exchange_on(int socket, std::span<const std::byte> frame, std::vector<os::UniqueFd>& fds);
  Status connect(os::Deadline deadline);
  void pay_debts();
  Status introduce(os::UniqueFd socket);
  Status start_broker() const;
  Status check_shm_directory(int doorbells_fd) const;
  void keep();

  const BusOptions options_;
  const std::string directory_;
  const std::string client_id_;
  std::atomic<std::int32_t> next_correlation_{1};

  std::mutex mutex_;  // guards socket_, what is exchanged over it, and owed_
  std::condition_variable connected_;
  os::UniqueFd socket_;  // empty while there is no broker
  std::vector<kafka::DetachRequest> owed_;  // lines to give back to the next broker

  std::atomic<std::uint32_t> participant_{0};
  std::atomic<format::Doorbell*> doorbells_{nullptr};
  // The keeper's own, and open()'s before there is one.
  std::int64_t nonce_ = 0;
  os::UniqueFd life_;  // its lock is this process's proof of life; never used otherwise
  std::vector<os::Mapping> doorbells_files_;  // the newest last; attachments of old memory may still look at theirs
  std::atomic<int> bell_{-1};           // the broker's eventfd
  std::vector<os::UniqueFd> bells_;     // the keeper's; all there were: one may be being rung
  std::atomic<std::uint32_t> incarnation_{0};
  std::atomic<int> broker_pid_{0};

  std::atomic<bool> closing_{false};
  bool opened_ = false;  // a broker has been there; written before the keeper starts
  os::EventFd close_;
  std::thread keeper_;
};

// "$RINGMAIN_BUS", else the user's data folder, or the system's for root.
std::string default_bus_directory();

}  // namespace ringmain::client
