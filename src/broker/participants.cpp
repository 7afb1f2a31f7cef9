#include "broker/participants.hpp"

#include <fcntl.h>

#include <fmt/format.h>

#include "base/random.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"
#include "os/lock.hpp"
#include "os/process.hpp"

namespace ringmain::broker {
namespace {

Result<os::UniqueFd> open_sized(const std::string& path, std::uint64_t bytes) {
  RINGMAIN_TRY_ASSIGN(fd, os::open_file(path, O_RDWR | O_CREAT));
  RINGMAIN_TRY_ASSIGN(size, os::file_size_bytes(fd.get()));
  if (size < bytes) RINGMAIN_TRY(os::allocate(fd.get(), 0, bytes));
  return std::move(fd);
}

}  // namespace

Result<Participants> Participants::open(const std::string& folder) {
  Participants participants;
  const std::string table_path = folder + "/participants";
  RINGMAIN_TRY_ASSIGN(table_fd, open_sized(table_path, sizeof(format::Participants)));
  RINGMAIN_TRY_ASSIGN(table, os::Mapping::map(table_fd.get(), 0, sizeof(format::Participants), os::Access::read_write));
  auto& header = *reinterpret_cast<format::Participants*>(table.data());
  if (header.magic == 0) header.magic = format::kParticipantsMagic;
  if (header.magic != format::kParticipantsMagic)
    return fail(ErrorCode::corrupt_memory,
                fmt::format("{} is not Ringmain's; if no client uses the bus, remove {}", table_path, folder));
  const std::uint64_t bells = sizeof(format::Doorbell) * format::kMaxParticipants;
  RINGMAIN_TRY_ASSIGN(doorbells_fd, open_sized(folder + "/doorbells", bells));
  RINGMAIN_TRY_ASSIGN(doorbells, os::Mapping::map(doorbells_fd.get(), 0, bells, os::Access::read_write));
  participants.lock_path_ = folder + "/participants.lock";
  RINGMAIN_TRY_ASSIGN(probe, os::open_file(participants.lock_path_, O_RDWR | O_CREAT));
  participants.lock_probe_ = std::move(probe);
  participants.table_ = std::move(table);
  participants.doorbells_ = std::move(doorbells);
  participants.doorbells_fd_ = std::move(doorbells_fd);
  return participants;
}

format::ParticipantEntry* Participants::entry(ParticipantId id) const noexcept {
  if (id == 0 || id >= format::kMaxParticipants) return nullptr;
  return &reinterpret_cast<format::Participants*>(table_.data())->entries[id];
}

Result<Participants::Admitted> Participants::admit(pid_t pid, uid_t uid) {
  for (std::uint32_t tried = 1; tried < format::kBroker; ++tried) {
    const ParticipantId id = next_;
    next_ = next_ + 1 == format::kBroker ? 1 : next_ + 1;
    if (entry(id)->nonce != 0) continue;
    RINGMAIN_TRY_ASSIGN(lock, os::open_file(lock_path_, O_RDWR));
    RINGMAIN_TRY_ASSIGN(outcome, os::try_lock_byte(lock.get(), id));
    if (outcome != os::LockOutcome::taken) continue;  // a fork of an earlier client still holds it
    const auto state = os::process_state(pid);
    std::uint64_t nonce = os_entropy64() >> 1;  // positive on the wire
    if (nonce == 0) nonce = 1;
    auto& line = *entry(id);
    line.pid = pid;
    line.uid = uid;
    line.start_ticks = state ? state->start_time_ticks : 0;
    std::atomic_ref(line.nonce).store(nonce, std::memory_order_release);  // last: the entry counts
    os::fault_point("broker.admitted");
    return Admitted{id, nonce, std::move(lock)};
  }
  return fail(ErrorCode::policy_violation,
              fmt::format("the bus has {} clients, the most there can be", format::kBroker - 1));
}

bool Participants::recognise(ParticipantId id, std::uint64_t nonce) const noexcept {
  const auto* line = entry(id);
  return line != nullptr && nonce != 0 && line->nonce == nonce;
}

void Participants::forget(ParticipantId id) noexcept {
  if (auto* line = entry(id)) *line = format::ParticipantEntry{};
}

bool Participants::holds_lock(ParticipantId id) const {
  const auto locked = os::is_byte_locked(lock_probe_.get(), id);
  return !locked || *locked;  // if the kernel does not say, the client lives
}

std::optional<pid_t> Participants::pid(ParticipantId id) const noexcept {
  const auto* line = entry(id);
  return line != nullptr && line->nonce != 0 ? std::optional<pid_t>(line->pid) : std::nullopt;
}

bool Participants::is_same_process(ParticipantId id) const {
  const auto* line = entry(id);
  if (line == nullptr || line->nonce == 0) return false;
  const auto state = os::process_state(line->pid);
  return state && !state->is_dead() && state->start_time_ticks == line->start_ticks;
}

std::vector<ParticipantId> Participants::all() const {
  std::vector<ParticipantId> ids;
  for (ParticipantId id = 1; id < format::kMaxParticipants; ++id)
    if (entry(id)->nonce != 0) ids.push_back(id);
  return ids;
}

}  // namespace ringmain::broker
