#include "broker/broker.hpp"

#include <grp.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "base/random.hpp"
#include "broker/bus_directory.hpp"
#include "broker/groups.hpp"
#include "broker/local_clients.hpp"
#include "broker/records.hpp"
#include "gateway/gateway.hpp"
#include "net/server.hpp"
#include "os/file.hpp"
#include "os/file_system.hpp"
#include "os/membarrier.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::broker {
namespace {

constexpr auto kFirstRetry = std::chrono::milliseconds(1);
constexpr auto kLongestRetry = std::chrono::milliseconds(64);

Result<std::optional<gid_t>> group_id(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const struct group* found = ::getgrnam(name.c_str());
  if (found == nullptr)
    return fail(ErrorCode::invalid_config, fmt::format("bus.group={}: this system has no such group", name));
  return std::optional<gid_t>(found->gr_gid);
}

Result<kafka::Uuid> bus_id(Catalogue& catalogue, std::string& hex) {
  RINGMAIN_TRY_ASSIGN(stored, catalogue.fact("bus.id"));
  if (!stored) {
    hex = fmt::format("{:016x}{:016x}", os_entropy64(), os_entropy64());
    RINGMAIN_TRY(catalogue.set_fact("bus.id", hex));
  } else {
    hex = *stored;
  }
  if (hex.size() != 32 || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(ErrorCode::corrupt_memory, "the bus's id in its catalogue is damaged: " + hex);
  kafka::Uuid id;
  for (std::size_t i = 0; i < 16; ++i)
    id.bytes[i] = static_cast<std::uint8_t>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  return id;
}

// The folder that the bus's memory was in last; it may be gone after a reboot, and is made again.
Result<std::string> choose_shm_folder(Catalogue& catalogue, const BrokerOptions& options, const std::string& bus_hex) {
  RINGMAIN_TRY_ASSIGN(last, catalogue.fact("shm.dir"));
  const std::string& wanted = options.shm_directory;
  const std::string preset = default_shm_directory();
  if (last && options.log) {
    if (!wanted.empty() && !is_same_folder(wanted, *last))
      options.log(fmt::format("the shared memory of this bus was in {} and is in {} from now on, as --shm says: its "
                              "topics are empty there, their records stay behind",
                              *last, wanted));
    if (wanted.empty() && is_shm_directory_given() && !is_same_folder(preset, *last))
      options.log(fmt::format("RINGMAIN_SHM={} is not followed: the shared memory of this bus is in {}; `ringmain broker "
                              "--shm {}` moves the bus there, with empty topics",
                              preset, *last, preset));
  }
  const std::string parent = !wanted.empty() ? wanted : last ? *last : preset;
  RINGMAIN_TRY(make_private_directory(parent));
  const std::string folder = parent + "/" + bus_hex;
  RINGMAIN_TRY(make_private_directory(folder));
  static const std::set<std::string> kDisks = {"ext4", "xfs", "btrfs", "overlay"};
  if (const auto found = os::file_system_of(folder); options.log && found && kDisks.contains(found->type))
    options.log(fmt::format("the shared memory of this bus lies on {}, not on a tmpfs: the kernel writes it to a disk over and over, "
                            "which makes everything slower",
                            os::describe(*found)));
  if (!last || *last != parent) RINGMAIN_TRY(catalogue.set_fact("shm.dir", parent));
  return folder;
}

}  // namespace

class Broker::Impl final : public gateway::BrokerView, private log::BrokerBell {
 public:
  Impl(BrokerOptions options, BrokerConfig config, BusDirectory directory, Catalogue catalogue, std::string shm_folder,
       Participants participants, os::EventFd bell, os::EventFd stop_bell, bool fences, std::unique_ptr<storage::Storage> storage,
       std::shared_ptr<DurableNews> durable_news)
      : durable_news_(std::move(durable_news)), options_(std::move(options)), config_(std::move(config)), directory_(std::move(directory)),
        catalogue_(std::move(catalogue)), participants_(std::move(participants)), bell_(std::move(bell)), stop_bell_(std::move(stop_bell)),
        storage_(std::move(storage)),
        topics_(catalogue_, std::move(shm_folder), config_, options_.configs, fences, participants_.doorbells(),
                [this](const std::string& line) { log(line); }, *storage_) {}

  // From here on it is the broker that closes connections: that says nothing of members of groups.
  ~Impl() override {
    if (groups_) groups_->stop();
  }

  Status start(BusIdentity identity, const std::string& cluster_id) {
    cluster_id_ = cluster_id;
    RINGMAIN_TRY(topics_.recover());
    clients_ = std::make_unique<LocalClients>(
        loop_, participants_, topics_, bell_, identity, [this] { tend(); },
        [this](const std::string& line) { log(line); });
    clients_->recover();
    records_ = std::make_unique<Records>(
        Records::Links{loop_, topics_, *this, participants_.doorbells()[format::kBroker], *durable_news_},
        static_cast<std::size_t>(config_.fetch_max_bytes));
    groups_ = std::make_unique<Groups>(Groups::Links{loop_, topics_, *records_, [this](const std::string& line) { log(line); }},
                                       GroupsConfig{config_.groups, config_.offsets_partitions});
    topics_.on_topic_removal([this](const std::string& topic) { groups_->topic_deleted(topic); });
    const auto net_log = [this](net::LogLevel, std::string_view line) { log(std::string(line)); };
    gateway_ = std::make_unique<gateway::Gateway>(gateway::Services{topics_, *records_, *this, *clients_, authorizer_, groups_.get()},
                                                  gateway::GatewayOptions{config_.auto_create_topics}, net_log);
    server_ = std::make_unique<net::Server>(loop_, *gateway_, net_log, static_cast<std::size_t>(config_.connections_memory_bytes));
    for (const std::string& text : options_.listeners) {
      RINGMAIN_TRY_ASSIGN(endpoint, net::parse_endpoint(text));
      RINGMAIN_TRY_ASSIGN(listener, net::Listener::on_tcp(endpoint));
      addresses_.push_back(net::to_string(listener.bound()));
      const net::Endpoint bound = listener.bound();
      net::Limits limits = net::Limits::for_tcp();
      limits.request_max_bytes = static_cast<std::uint32_t>(config_.request_max_bytes);
      limits.connections_max = static_cast<std::uint32_t>(config_.connections_max);
      limits.idle_max = std::chrono::milliseconds(config_.connections_max_idle_ms);
      RINGMAIN_TRY_ASSIGN(id, server_->serve(std::move(listener), limits));
      bound_.emplace(id, bound);
    }
    RINGMAIN_TRY_ASSIGN(watch, loop_.watch_readable(bell_.fd(), [this] {
      bell_.drain();
      tend();
    }));
    bell_watch_ = std::move(watch);
    RINGMAIN_TRY_ASSIGN(stop_watch, loop_.watch_readable(stop_bell_.fd(), [this] { loop_.stop(); }));
    stop_watch_ = std::move(stop_watch);
    RINGMAIN_TRY_ASSIGN(durable_watch, loop_.watch_readable(durable_news_->bell.fd(), [this] {
      durable_news_->bell.drain();
      records_->became_durable();
    }));
    durable_watch_ = std::move(durable_watch);
    // Last: who can connect finds a broker that is ready.
    RINGMAIN_TRY_ASSIGN(socket, os::listen_unix_at(directory_.fd(), kSocketName, identity.group ? 0660 : 0600));
    if (identity.group && ::fchownat(directory_.fd(), kSocketName, static_cast<uid_t>(-1), *identity.group, 0) != 0)
      return fail_errno("cannot open the bus's socket to its group");
    net::Limits unix_limits = net::Limits::for_unix_socket();
    unix_limits.request_max_bytes = static_cast<std::uint32_t>(config_.request_max_bytes);
    RINGMAIN_TRY_ASSIGN(unix_id, server_->serve(net::Listener::on_unix_socket(std::move(socket), directory_.file(kSocketName)),
                                                unix_limits));
    static_cast<void>(unix_id);
    if (options_.idle_exit_ms > 0) watch_idleness();
    tend();
    log(fmt::format("broker {} serves {} (pid {})", config_.broker_id, directory_.path(), ::getpid()));
    return {};
  }

  void run() { loop_.run(); }
  // In a signal handler: loop_.stop() takes a lock, which may be the interrupted thread's own.
  void stop() noexcept {
    const int error = errno;
    stop_bell_.ring();
    errno = error;
  }
  const std::vector<std::string>& addresses() const { return addresses_; }

  gateway::BrokerIdentity identity(const net::Connection& connection) const override {
    gateway::BrokerIdentity identity;
    identity.id = config_.broker_id;
    identity.cluster_id = cluster_id_;
    identity.host = "localhost";
    if (const auto found = bound_.find(connection.listener()); found != bound_.end()) {
      identity.host = found->second.host;
      identity.port = found->second.port;
      if (identity.host.empty() || identity.host == "0.0.0.0" || identity.host == "::") {
        char name[256] = "localhost";
        ::gethostname(name, sizeof(name) - 1);
        identity.host = name;
      }
      if (!config_.advertised_listeners.empty()) {
        if (const auto advertised = net::parse_endpoint(config_.advertised_listeners)) {
          identity.host = advertised->host;
          identity.port = advertised->port;
        }
      }
    }
    return identity;
  }

 private:
  void log(const std::string& line) const {
    if (options_.log) options_.log(line);
  }

  void tend() {
    bool again = false;
    topics_.for_each_open(
        [&](partition::Partition& partition) { again |= partition.tend() == partition::Tended::again; });
    if (records_) records_->after_upkeep();
    if (!again) {
      retry_ = {};
      retry_delay_ = kFirstRetry;
      return;
    }
    retry_ = loop_.call_after(retry_delay_, [this] { tend(); });
    retry_delay_ = std::min(retry_delay_ * 2, kLongestRetry);
  }

  // Of our own appends: not now, they are in the middle of something.
  void ring() noexcept override { bell_.ring(); }

  void watch_idleness() {
    const auto period = std::chrono::milliseconds(std::max<std::int64_t>(options_.idle_exit_ms / 4, 1));
    idleness_ = loop_.call_every(period, [this, period] {
      const bool idle = clients_->count() == 0 && server_->connection_count() == 0;
      idle_for_ = idle ? idle_for_ + period : std::chrono::milliseconds(0);
      if (idle_for_.count() >= options_.idle_exit_ms) {
        log("no client for a while: going; the next client starts a new broker");
        loop_.stop();
      }
    });
  }

  const std::shared_ptr<DurableNews> durable_news_;  // the persister's, too
  const BrokerOptions options_;
  const BrokerConfig config_;
  BusDirectory directory_;
  Catalogue catalogue_;
  Participants participants_;
  os::EventFd bell_;
  const os::EventFd stop_bell_;
  std::string cluster_id_;
  gateway::AllowEverything authorizer_;
  std::vector<std::string> addresses_;
  std::map<net::ListenerId, net::Endpoint> bound_;
  std::chrono::milliseconds idle_for_{0};
  std::chrono::milliseconds retry_delay_ = kFirstRetry;

  net::EventLoop loop_;
  std::unique_ptr<storage::Storage> storage_;
  Topics topics_;
  std::unique_ptr<LocalClients> clients_;
  std::unique_ptr<Records> records_;
  std::unique_ptr<Groups> groups_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<net::Server> server_;
  net::Registration bell_watch_, stop_watch_, durable_watch_, retry_, idleness_;
};

Broker::Broker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Broker::~Broker() = default;
void Broker::run() { impl_->run(); }
void Broker::stop() noexcept { impl_->stop(); }
std::vector<std::string> Broker::listener_addresses() const { return impl_->addresses(); }

Result<std::unique_ptr<Broker>> Broker::start(BrokerOptions options) {
  RINGMAIN_TRY_ASSIGN(config, parse_broker_config(options.configs));
  RINGMAIN_TRY_ASSIGN(group, group_id(config.bus_group));
  RINGMAIN_TRY_ASSIGN(directory, BusDirectory::lock(options.directory, group));
  RINGMAIN_TRY_ASSIGN(catalogue, Catalogue::open(directory.file(kCatalogueName)));
  std::string hex;
  RINGMAIN_TRY_ASSIGN(id, bus_id(catalogue, hex));
  RINGMAIN_TRY_ASSIGN(folder, choose_shm_folder(catalogue, options, hex));
  RINGMAIN_TRY_ASSIGN(participants, Participants::open(folder));
  RINGMAIN_TRY_ASSIGN(bell, os::EventFd::create());
  RINGMAIN_TRY_ASSIGN(stop_bell, os::EventFd::create());
  bool fences = !os::global_barrier_supported();
  if (!fences) fences = !os::register_for_global_barrier().has_value();
  if (fences && options.log)
    options.log("this kernel refuses membarrier: each publish pays a full fence instead");
  if (options.log)  // the persister has a thread of its own
    options.log = [log = std::move(options.log), mutex = std::make_shared<std::mutex>()](const std::string& line) {
      const std::lock_guard lock(*mutex);
      log(line);
    };
  storage::PersisterOptions persister;
  persister.doorbell = participants.doorbells() + format::kPersister;
  persister.fences = fences;
  persister.log = options.log;
  persister.on_segment_durable = [fd = bell.fd()] { static_cast<void>(::eventfd_write(fd, 1)); };
  RINGMAIN_TRY_ASSIGN(durable_bell, os::EventFd::create());
  auto durable_news = std::make_shared<DurableNews>(std::move(durable_bell));
  persister.on_durable = [durable_news] { durable_news->tell(); };
  storage::UpkeepOptions upkeep{config.retention_check_ms, config.cleaner_backoff_ms, options.log};
  if (!upkeep.log) upkeep.log = [](const std::string&) {};
  RINGMAIN_TRY_ASSIGN(storage, storage::Storage::start(os::make_real_disk(), directory.file(kLogFolder), std::move(persister),
                                                       std::move(upkeep)));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(config), std::move(directory), std::move(catalogue),
                                     std::move(folder), std::move(participants), std::move(bell), std::move(stop_bell), fences, std::move(storage),
                                     std::move(durable_news));
  RINGMAIN_TRY(impl->start({id, group}, hex));
  return std::unique_ptr<Broker>(new Broker(std::move(impl)));
}

}  // namespace ringmain::broker
