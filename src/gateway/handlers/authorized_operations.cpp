// Which operations each kind of resource has, as in Kafka.
#include "gateway/handlers/authorized_operations.hpp"

#include <array>

namespace ringmain::gateway {
namespace {

constexpr std::array topic_operations{
    Operation::read,  Operation::write,    Operation::create,           Operation::remove,
    Operation::alter, Operation::describe, Operation::describe_configs, Operation::alter_configs,
};
constexpr std::array cluster_operations{
    Operation::create,           Operation::alter,
    Operation::describe,         Operation::cluster_action,
    Operation::describe_configs, Operation::alter_configs,
    Operation::idempotent_write,
};

}  // namespace

int32_t authorized_operations(const RequestContext& context, const Resource& resource) {
  const std::span<const Operation> operations =
      resource.kind == ResourceKind::topic ? std::span<const Operation>(topic_operations)
                                           : std::span<const Operation>(cluster_operations);
  uint32_t bits = 0;
  for (const Operation operation : operations) {
    if (context.may(operation, resource)) bits |= uint32_t{1} << static_cast<int8_t>(operation);
  }
  return static_cast<int32_t>(bits);
}

}  // namespace ringmain::gateway
