// Authorizer: who may do what. The default lets everyone do everything.
#pragma once

#include <cstdint>
#include <string_view>

#include "net/connection.hpp"

namespace ringmain::gateway {

// With the numbers of Kafka's ACL operations.
enum class Operation : int8_t {
  read = 3,
  write = 4,
  create = 5,
  remove = 6,
  alter = 7,
  describe = 8,
  cluster_action = 9,
  describe_configs = 10,
  alter_configs = 11,
  idempotent_write = 12,
};

enum class ResourceKind { cluster, topic };

struct Resource {
  ResourceKind kind = ResourceKind::cluster;
  std::string_view name{};  // empty for the cluster

  static constexpr Resource cluster() { return {}; }
  static constexpr Resource topic(std::string_view name) { return {ResourceKind::topic, name}; }
};

// Loop thread only.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual bool may(const net::Connection& session, Operation operation,
                   const Resource& resource) const = 0;
};

class AllowEverything final : public Authorizer {
 public:
  bool may(const net::Connection&, Operation, const Resource&) const override { return true; }
};

}  // namespace ringmain::gateway
