#include "ringmain/bus.hpp"

#include "client/bus_impl.hpp"
#include "client/remote_cluster.hpp"

namespace ringmain {
namespace {

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw Exception(result.error());
  return std::move(*result);
}

}  // namespace

Bus::Bus(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Bus::Bus(Bus&&) noexcept = default;
Bus& Bus::operator=(Bus&&) noexcept = default;
Bus::~Bus() = default;

Bus Bus::open(BusOptions options) {
  if (options.bootstrap.empty())
    return Bus(std::make_unique<Impl>(value_or_throw(client::BusConnection::open(options))));
  if (!options.directory.empty())
    throw Exception({ErrorCode::invalid_argument,
                     "BusOptions::directory and BusOptions::bootstrap exclude each other: a bus of this host, or a broker over TCP"});
  return Bus(std::make_unique<Impl>(value_or_throw(client::RemoteCluster::open(options.bootstrap, options.client_id))));
}

Admin& Bus::admin() noexcept { return impl_->admin; }

const std::string& Bus::directory() const noexcept {
  static const std::string none;
  return impl_->connection ? impl_->connection->directory() : none;
}
int Bus::broker_pid() const noexcept { return impl_->connection ? impl_->connection->broker_pid() : 0; }

}  // namespace ringmain
