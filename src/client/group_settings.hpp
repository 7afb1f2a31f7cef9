// The settings of a consumer that works in a group, by Kafka's names and with the defaults of its
// Java client.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/assignor.hpp"
#include "client/config.hpp"

namespace ringmain::client {

struct GroupSettings {
  std::string group;                    // empty: it works in none
  std::optional<std::string> instance;  // a static member's own name
  std::int32_t session_timeout_ms = 0;
  std::int32_t heartbeat_interval_ms = 0;
  std::int32_t max_poll_interval_ms = 0;
  std::vector<Assignor> assignors;  // the most wanted first
  bool commits_by_itself = true;
  std::int64_t commit_interval_ms = 0;

  // Whether it reads on while it joins: only if each way of sharing that it offers allows that.
  bool is_cooperative() const { return std::ranges::all_of(assignors, keeps_while_joining); }

  // Throws Exception(invalid_config).
  static GroupSettings read(const Config& config, const ConfigReader& reader);
};

}  // namespace ringmain::client
