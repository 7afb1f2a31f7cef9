#include "broker/local_clients.hpp"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "broker/locks_report.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"

namespace ringmain::broker {
namespace {

constexpr std::int32_t kProtocolVersion = 1;
constexpr auto kLockLook = std::chrono::seconds(1);  // for clients that no pidfd can name

struct LocalSession final : net::SessionState {
  explicit LocalSession(ParticipantId participant_id) : participant(participant_id) {}
  ParticipantId participant;
};

ParticipantId participant_of(net::Connection& client) {
  const auto* session = dynamic_cast<LocalSession*>(client.session().get());
  return session == nullptr ? 0 : session->participant;
}

template <class Response>
void set_error(Response& response, const Error& error) {
  response.error_code = static_cast<std::int16_t>(error.code);  // private APIs carry our own codes
  response.error_message = error.message;
}

}  // namespace

LocalClients::LocalClients(net::EventLoop& loop, Participants& participants, Topics& topics,
                           const os::EventFd& bell, BusIdentity identity, std::function<void()> tend,
                           Topics::LogLine log)
    : loop_(loop), participants_(participants), topics_(topics), bell_(bell), identity_(identity),
      tend_(std::move(tend)), log_(std::move(log)) {}

void LocalClients::recover() {
  std::set<ParticipantId> known;
  for (const ParticipantId id : participants_.all()) {
    known.insert(id);
    const auto pid = participants_.pid(id);
    std::optional<os::Pidfd> process;
    bool dead = !participants_.holds_lock(id);
    if (!dead && pid && *pid > 0) {
      if (auto opened = os::Pidfd::open(*pid)) process = std::move(*opened);
      // Asked after the pidfd was opened: it is the admitted process, or that one is dead, and a
      // child that it left holds the lock.
      dead = !process || !participants_.is_same_process(id);
    }
    if (dead)
      bury(id);
    else
      watch(id, std::move(process));
  }
  std::set<ParticipantId> unknown;
  topics_.for_each_open([&](partition::Partition& partition) {
    for (const ParticipantId id : partition.participants())
      if (!known.contains(id)) unknown.insert(id);
  });
  // Not in the table, but alive: the table was lost, not the client.
  for (const ParticipantId id : unknown) {
    if (participants_.holds_lock(id))
      watch(id, std::nullopt);
    else
      bury(id);
  }
}

void LocalClients::watch(ParticipantId id, std::optional<os::Pidfd> process) {
  Watch& watch = watched_[id];
  watch.registration.cancel();
  watch.process = std::move(process);
  if (watch.process) {
    auto registered = loop_.watch_readable(watch.process->fd(), [this, id] { look_after(id); });
    if (registered) {
      watch.registration = std::move(*registered);
      return;
    }
    log_(registered.error().message);
  }
  watch.registration = loop_.call_every(kLockLook, [this, id] {
    if (!participants_.holds_lock(id)) bury(id);
  });
}

// A wake-up may be stray: the reactor can hand an event of a watch that has ended to the one that
// took its place. Only the kernel's own word buries.
void LocalClients::look_after(ParticipantId id) {
  if (const auto found = watched_.find(id); found != watched_.end() && found->second.process->is_dead()) bury(id);
}

void LocalClients::bury(ParticipantId id) {
  watched_.erase(id);
  topics_.for_each_open([id](partition::Partition& partition) { partition.participant_died(id); });
  os::fault_point("broker.buried");
  participants_.forget(id);
  tend_();
}

Status LocalClients::may_enter(const net::Connection& client) const {
  const auto& who = client.credentials();
  if (!who) return fail(ErrorCode::permission_denied, "only processes of this host can attach");
  if (who->uid == ::geteuid() || who->uid == 0) return {};
  if (identity_.group) return {};  // the socket's mode let only its group connect
  return fail(ErrorCode::permission_denied,
              fmt::format("uid {} may not use this bus: it belongs to uid {}; its owner can admit a group with the "
                          "broker setting bus.group",
                          who->uid, ::geteuid()));
}

Result<kafka::HelloResponse> LocalClients::welcome(net::Connection& client, const kafka::HelloRequest& request,
                                                   std::vector<int>& fds) {
  if (request.protocol_version != kProtocolVersion)
    return fail(ErrorCode::version_mismatch,
                fmt::format("client {} speaks version {} of the bus's protocol, this broker speaks {}; use the same "
                            "version of Ringmain",
                            request.client_id, request.protocol_version, kProtocolVersion));
  RINGMAIN_TRY(may_enter(client));
  if (participant_of(client) != 0) return fail(ErrorCode::invalid_request, "this connection has said Hello already");
  std::optional<os::Pidfd> process;
  auto opened = client.open_peer_pidfd();
  if (opened)
    process = std::move(*opened);
  else if (opened.error().code == ErrorCode::closed)  // it died while its greeting waited for us
    return tl::make_unexpected(opened.error());
  kafka::HelloResponse response;
  const auto asked = static_cast<ParticipantId>(std::max(request.participant_id, 0));
  fds = {participants_.doorbells_fd(), bell_.fd()};
  if (participants_.recognise(asked, static_cast<std::uint64_t>(request.participant_nonce))) {
    response.participant_id = request.participant_id;
    response.participant_nonce = request.participant_nonce;
    topics_.for_each_open([asked](partition::Partition& partition) { partition.take_back_unconfirmed(asked); });
  } else {
    RINGMAIN_TRY_ASSIGN(admitted, participants_.admit(client.credentials()->pid, client.credentials()->uid));
    response.participant_id = static_cast<std::int32_t>(admitted.id);
    response.participant_nonce = static_cast<std::int64_t>(admitted.nonce);
    passing_ = std::move(admitted.lock);
    fds.push_back(passing_.get());
    loop_.post([this] { passing_.reset(); });  // by then the reply has a copy
  }
  const auto id = static_cast<ParticipantId>(response.participant_id);
  watch(id, std::move(process));
  watched_[id].greeted_on = &client;
  client.session() = std::make_unique<LocalSession>(id);
  response.bus_id = identity_.id;
  response.broker_pid = ::getpid();
  response.broker_version = "0.1.0";
  response.doorbells_bytes = static_cast<std::int64_t>(participants_.doorbells_bytes());
  return response;
}

gateway::WithFds<kafka::HelloResponse> LocalClients::hello(net::Connection& client,
                                                           const kafka::HelloRequest& request) {
  gateway::WithFds<kafka::HelloResponse> answer;
  auto welcomed = welcome(client, request, answer.fds);
  if (welcomed) {
    answer.response = std::move(*welcomed);
  } else {
    answer.fds.clear();
    set_error(answer.response, welcomed.error());
  }
  return answer;
}

gateway::WithFds<kafka::AttachResponse> LocalClients::attach(net::Connection& client,
                                                             const kafka::AttachRequest& request) {
  gateway::WithFds<kafka::AttachResponse> answer;
  auto& response = answer.response;
  if (request.protocol_version != kProtocolVersion) {
    set_error(response, {ErrorCode::version_mismatch,
                         fmt::format("this client asks for {}-{} by version {} of the bus's protocol, this broker speaks "
                                     "{}; use the same version of Ringmain",
                                     request.topic, request.partition, request.protocol_version, kProtocolVersion)});
    return answer;
  }
  const ParticipantId participant = participant_of(client);
  // The dead leave requests behind, and so does a connection that its client has given up: nobody
  // would ever free what is attached for those.
  const auto watched = watched_.find(participant);
  if (watched == watched_.end() || watched->second.greeted_on != &client) {
    set_error(response, {ErrorCode::invalid_request, "say Hello before Attach"});
    return answer;
  }
  auto found = topics_.partition(request.topic, request.partition);
  if (!found) {
    set_error(response, found.error());
    return answer;
  }
  partition::Partition& partition = **found;
  const bool observes = request.role == static_cast<std::int8_t>(gateway::AttachRole::observer);
  const bool consumes = observes || request.role == static_cast<std::int8_t>(gateway::AttachRole::consumer);
  partition.tend();  // a line whose owner has just died is free again
  const auto index = consumes ? partition.add_reader(participant, observes ? partition::Partition::Purpose::observe
                                                                            : partition::Partition::Purpose::consume)
                              : partition.add_producer(participant);
  if (!index) {
    set_error(response, index.error());
    return answer;
  }
  os::fault_point("broker.attached");
  response.topic_id = kafka::Uuid{partition.name().topic_id};
  response.partition = request.partition;
  response.entry_index = static_cast<std::int32_t>(*index);
  response.participant_id = static_cast<std::int32_t>(participant);
  response.log_bytes = static_cast<std::int64_t>(partition.files().log_bytes());
  response.readers_bytes = static_cast<std::int64_t>(partition.files().readers_bytes());
  answer.fds = {consumes ? partition.files().consumer_fd() : partition.files().producer_fd(),
                partition.files().readers_fd()};
  return answer;
}

kafka::DetachResponse LocalClients::detach(net::Connection& client, const kafka::DetachRequest& request) {
  kafka::DetachResponse response;
  const ParticipantId participant = participant_of(client);
  partition::Partition* partition = topics_.open_partition(request.topic_id.bytes, request.partition);
  if (partition == nullptr || participant == 0) return response;  // deleted meanwhile: nothing to give back
  const auto index = static_cast<std::uint32_t>(request.entry_index);
  const Status removed = request.role == static_cast<std::int8_t>(gateway::AttachRole::consumer) ||
                                 request.role == static_cast<std::int8_t>(gateway::AttachRole::observer)
                             ? partition->remove_reader(participant, index)
                             : partition->remove_producer(participant, index);
  if (!removed) set_error(response, removed.error());
  os::fault_point("broker.detached");
  tend_();
  return response;
}

Result<kafka::LogFileResponse> LocalClients::open_log_file(net::Connection& client, const kafka::LogFileRequest& request,
                                                           os::UniqueFd& file) const {
  if (participant_of(client) == 0) return fail(ErrorCode::invalid_request, "say Hello before LogFile");
  const std::string name = fmt::format("{}-{}", request.topic, request.partition);
  const partition::Partition* partition = topics_.open_partition(request.topic_id.bytes, request.partition);
  // The name is what was authorized, so both must be the same topic's.
  if (partition == nullptr || partition->name().topic != request.topic)
    return fail(ErrorCode::unknown_topic_or_partition,
                fmt::format("{} is not open, or its topic was deleted and made again: open it anew", name));
  const auto& control = partition->view().control();
  if (control.storage.load(std::memory_order_acquire) == static_cast<std::uint32_t>(format::StorageState::none))
    return fail(ErrorCode::invalid_state, name + " lies in memory only: nothing of it is on disk");
  const auto offset = static_cast<std::uint64_t>(request.offset);
  if (const std::uint64_t start = control.start_offset.load(std::memory_order_acquire); offset < start)
    return fail(ErrorCode::offset_out_of_range,
                fmt::format("offset {} of {} is gone: its log starts at {}", offset, name, start));
  const auto found = partition->log_file(offset);
  if (!found || offset < found->base_offset || offset >= found->end_offset)
    return fail(ErrorCode::offset_out_of_range, fmt::format("offset {} of {} is not on disk", offset, name));
  RINGMAIN_TRY_ASSIGN(opened, os::open_file(found->path, O_RDONLY | O_NOFOLLOW));
  file = std::move(opened);
  kafka::LogFileResponse response;
  response.base_offset = static_cast<std::int64_t>(found->base_offset);
  response.end_offset = static_cast<std::int64_t>(found->end_offset);
  response.size_bytes = static_cast<std::int64_t>(found->size_bytes);
  return response;
}

gateway::WithFds<kafka::LogFileResponse> LocalClients::log_file(net::Connection& client,
                                                                const kafka::LogFileRequest& request) {
  gateway::WithFds<kafka::LogFileResponse> answer;
  auto file = std::make_shared<os::UniqueFd>();
  auto opened = open_log_file(client, request, *file);
  if (!opened) {
    set_error(answer.response, opened.error());
    return answer;
  }
  answer.response = std::move(*opened);
  answer.fds = {file->get()};
  loop_.post([file] { file->reset(); });  // by then the reply has a copy
  return answer;
}

kafka::LocksResponse LocalClients::locks(net::Connection&, const kafka::LocksRequest& request) {
  kafka::LocksResponse response;
  if (request.topic && !topics_.find(*request.topic)) {
    set_error(response, {ErrorCode::unknown_topic_or_partition,
                         fmt::format("there is no topic {}; `ringmain topic list` shows those there are", *request.topic)});
    return response;
  }
  response.json = locks_report(topics_, participants_, request.topic);
  return response;
}

void LocalClients::closed(net::Connection& client) {
  const ParticipantId id = participant_of(client);
  if (const auto found = watched_.find(id); found != watched_.end() && found->second.greeted_on == &client)
    found->second.greeted_on = nullptr;
  // A client that ends in good order lets go of its lock first. One that dies holds it for a
  // moment yet: its pidfd tells. One that lives on without its connection will come back.
  if (id != 0 && watched_.contains(id) && !participants_.holds_lock(id)) bury(id);
}

}  // namespace ringmain::broker
