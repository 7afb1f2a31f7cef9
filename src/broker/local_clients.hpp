// The processes of this host that use the bus: lets them in, attaches them to partitions, and
// buries them when the kernel says that they are dead. Broker's thread only.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "broker/participants.hpp"
#include "broker/topics.hpp"
#include "gateway/attach_service.hpp"
#include "net/event_loop.hpp"
#include "os/eventfd.hpp"
#include "os/pidfd.hpp"

namespace ringmain::broker {

struct BusIdentity {
  kafka::Uuid id;
  std::optional<gid_t> group;  // besides the owner and root
};

class LocalClients final : public gateway::AttachService {
 public:
  // `tend` is called whenever partitions may need housekeeping.
  LocalClients(net::EventLoop& loop, Participants& participants, Topics& topics, const os::EventFd& bell,
               BusIdentity identity, std::function<void()> tend, Topics::LogLine log);

  // Finds the clients of an earlier broker: buries the dead, watches the living.
  void recover();
  std::size_t count() const noexcept { return watched_.size(); }

  gateway::WithFds<kafka::HelloResponse> hello(net::Connection& client, const kafka::HelloRequest& request) override;
  gateway::WithFds<kafka::AttachResponse> attach(net::Connection& client,
                                                 const kafka::AttachRequest& request) override;
  kafka::DetachResponse detach(net::Connection& client, const kafka::DetachRequest& request) override;
  gateway::WithFds<kafka::LogFileResponse> log_file(net::Connection& client,
                                                    const kafka::LogFileRequest& request) override;
  kafka::LocksResponse locks(net::Connection& client, const kafka::LocksRequest& request) override;
  void closed(net::Connection& client) override;

 private:
  struct Watch {
    std::optional<os::Pidfd> process;   // none: the kernel cannot name it (another pid namespace)
    const net::Connection* greeted_on = nullptr;  // where it said Hello last; none: not to this broker
    net::Registration registration;     // of the pidfd, or of a timer that looks at the lock
  };

  Status may_enter(const net::Connection& client) const;
  Result<kafka::HelloResponse> welcome(net::Connection& client, const kafka::HelloRequest& request,
                                       std::vector<int>& fds);
  Result<kafka::LogFileResponse> open_log_file(net::Connection& client, const kafka::LogFileRequest& request,
                                               os::UniqueFd& file) const;
  void watch(ParticipantId id, std::optional<os::Pidfd> process);
  void look_after(ParticipantId id);
  void bury(ParticipantId id);

  net::EventLoop& loop_;
  Participants& participants_;
  Topics& topics_;
  const os::EventFd& bell_;
  const BusIdentity identity_;
  const std::function<void()> tend_;
  const Topics::LogLine log_;
  std::map<ParticipantId, Watch> watched_;
  os::UniqueFd passing_;  // a lock on its way to its client
};

}  // namespace ringmain::broker
