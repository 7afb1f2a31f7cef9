#include "ringmain/bus.hpp"

#include "client/bus_impl.hpp"

namespace ringmain {

Bus::Bus(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Bus::Bus(Bus&&) noexcept = default;
Bus& Bus::operator=(Bus&&) noexcept = default;
Bus::~Bus() = default;

Bus Bus::open(BusOptions options) {
  auto connection = client::BusConnection::open(options);
  if (!connection) throw Exception(connection.error());
  return Bus(std::make_unique<Impl>(std::move(*connection)));
}

Admin& Bus::admin() noexcept { return impl_->admin; }
const std::string& Bus::directory() const noexcept { return impl_->connection->directory(); }
int Bus::broker_pid() const noexcept { return impl_->connection->broker_pid(); }

}  // namespace ringmain
