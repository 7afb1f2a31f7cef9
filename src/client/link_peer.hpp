// Where a BrokerLink goes: how to get there, and how long to wait for an answer. Thread safe: links
// of several threads may share one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "client/broker_versions.hpp"
#include "os/file.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::client {

struct Dialed {
  os::UniqueFd socket;
  std::optional<BrokerVersions>
      versions;  // none: a bus's broker and its clients are of one version
};

class LinkPeer {
 public:
  virtual ~LinkPeer() = default;
  virtual Result<Dialed> dial() = 0;
  // It is not, or not any more, the one to ask: the next dial() looks anew. False: there is no
  // other.
  virtual bool look_anew() { return false; }
  // On this host, through the bus's socket: the private APIs are there, and the kernel tells either
  // side at once when the other dies.
  virtual bool is_local() const noexcept = 0;
  virtual std::string name() const = 0;
};

// The broker of a bus of this host.
class BusPeer final : public LinkPeer {
 public:
  explicit BusPeer(std::string directory) : directory_(std::move(directory)) {}

  Result<Dialed> dial() override {
    RINGMAIN_TRY_ASSIGN(place, os::open_place(directory_));
    RINGMAIN_TRY_ASSIGN(socket, os::connect_unix_at(place.get(), "broker.sock",
                                                    os::Deadline::after_ns(kPatienceNs)));
    return Dialed{std::move(socket), std::nullopt};
  }
  bool is_local() const noexcept override { return true; }
  std::string name() const override { return "the broker of " + directory_; }

 private:
  static constexpr std::int64_t kPatienceNs = 30'000'000'000;

  const std::string directory_;
};

}  // namespace ringmain::client
