// Who uses the bus: one number for each client process that is attached, its doorbell, and the
// kernel's proof that it lives. Broker's thread only.
//
// A client is gone when its process is (its pidfd says so), or when it has let go of its lock: a
// byte of the lock file, held by a descriptor that only the client has. A broker that starts anew
// finds its clients in the participants file and asks the kernel for each.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "format/participants.hpp"
#include "os/fd.hpp"
#include "os/mapping.hpp"

namespace ringmain::broker {

using ParticipantId = std::uint32_t;

class Participants {
 public:
  static Result<Participants> open(const std::string& folder);

  struct Admitted {
    ParticipantId id = 0;
    std::uint64_t nonce = 0;
    os::UniqueFd lock;  // to be passed to the client and closed here: it is the client's life
  };
  // Errors: policy_violation (the bus is full).
  Result<Admitted> admit(pid_t pid, uid_t uid);
  // A client that comes back after the broker was away. False if it is not who it says.
  bool recognise(ParticipantId id, std::uint64_t nonce) const noexcept;
  void forget(ParticipantId id) noexcept;

  // Whether the client still holds its lock.
  bool holds_lock(ParticipantId id) const;
  std::optional<pid_t> pid(ParticipantId id) const noexcept;
  // The same process as the one that was admitted, not a later one with its number.
  bool is_same_process(ParticipantId id) const;
  std::vector<ParticipantId> all() const;

  format::Doorbell* doorbells() const noexcept {
    return reinterpret_cast<format::Doorbell*>(doorbells_.data());
  }
  int doorbells_fd() const noexcept { return doorbells_fd_.get(); }
  std::uint64_t doorbells_bytes() const noexcept { return doorbells_.size_bytes(); }

 private:
  format::ParticipantEntry* entry(ParticipantId id) const noexcept;

  std::string lock_path_;
  os::UniqueFd lock_probe_;  // never locks: for questions only
  os::Mapping table_, doorbells_;
  os::UniqueFd doorbells_fd_;
  ParticipantId next_ = 1;
};

}  // namespace ringmain::broker
