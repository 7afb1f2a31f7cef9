// Which versions of which requests a broker serves, as its answer to ApiVersions says. It is asked
// in the newest version first, and in version 0 if it does not know that.
//
//   for (;;) { send(versions.question(id)); if (*versions.learn(answer, id)) break; }
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "client/call.hpp"

namespace ringmain::client {

class BrokerVersions {
 public:
  explicit BrokerVersions(std::string broker) : broker_(std::move(broker)) {}

  Result<kafka::Bytes> question(const std::string& client_id);
  // Whether all is known; false: question() gives another, in version 0. Errors:
  // broker_unavailable: whoever answered so is no Kafka broker.
  Result<bool> learn(const kafka::Bytes& answer, const std::string& client_id);
  // That error, for peers that do not answer at all.
  Error no_broker(const std::string& why) const;

  // The highest version that both sides speak; unsupported_version if there is none.
  Result<std::int16_t> best(std::int16_t api_key, Versions versions) const;

 private:
  const std::string broker_;  // its address, for messages
  std::int16_t asked_in_ = -1;
  std::map<std::int16_t, std::pair<std::int16_t, std::int16_t>> served_;  // by API key
};

}  // namespace ringmain::client
