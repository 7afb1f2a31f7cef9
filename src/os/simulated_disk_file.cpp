// Blocking calls on a simulated file.
#include "os/simulated_disk_file.hpp"

#include <fmt/format.h>

#include "os/disk_error.hpp"

namespace ringmain::os::simulated {
namespace {

Status refuse_reader(const FileState& state) {
  if (state.is_writable) return {};
  return fail(ErrorCode::invalid_argument, state.path + " was opened for reading only");
}

}  // namespace

Result<std::shared_ptr<DiskFileState>> writable_state(DiskFile& file, const Machine& machine) {
  const auto* own = dynamic_cast<File*>(&file);
  if (own == nullptr || !own->is_of(machine)) {
    return fail(ErrorCode::invalid_argument, file.path() + " was opened by another disk");
  }
  RINGMAIN_TRY(machine.check_power("cannot write " + file.path(), own->state()->epoch));
  RINGMAIN_TRY(refuse_reader(*own->state()));
  return std::static_pointer_cast<DiskFileState>(own->state());
}

Status File::check_writable(const std::string& what) const {
  RINGMAIN_TRY(check_power(what));
  return refuse_reader(*state_);
}

Result<uint64_t> File::size_bytes() const {
  RINGMAIN_TRY(check_power("cannot read the size of " + path()));
  return state_->node->content.size_bytes();
}

Status File::read(uint64_t at, std::span<std::byte> into) const {
  const std::string what = fmt::format("cannot read {} bytes at {} of {}", into.size(), at, path());
  RINGMAIN_TRY(check_power(what));
  const uint64_t size_bytes = state_->node->content.size_bytes();
  if (!into.empty() && (at > size_bytes || into.size() > size_bytes - at)) {
    return fail(ErrorCode::io, fmt::format("{}: it ends at {}", what, size_bytes));
  }
  if (!into.empty()) state_->node->content.read(at, into);
  return {};
}

Status File::write(uint64_t at, std::span<const std::byte> bytes) {
  RINGMAIN_TRY(check_writable("cannot write " + path()));
  while (!bytes.empty()) {  // ends: each pass writes something, or returns
    RINGMAIN_TRY_ASSIGN(written, machine_->write(*state_, at, bytes));
    bytes = bytes.subspan(written);
    at += written;
  }
  return {};
}

Status File::sync() {
  RINGMAIN_TRY(check_power("cannot sync " + path()));
  RINGMAIN_TRY(refuse_sync_after_failure(*state_));
  Status synced = machine_->sync_all(*state_);
  if (!synced) state_->sync_failed.store(true, std::memory_order_relaxed);
  return synced;
}

Status File::allocate(DiskRange range) {
  const std::string what = fmt::format("cannot allocate {} bytes of {}", range.size_bytes, path());
  RINGMAIN_TRY(check_writable(what));
  RINGMAIN_TRY(check_range(path(), range));
  const Verdict verdict = machine_->begin(DiskOperationKind::allocate);
  if (verdict.kind != Verdict::Kind::fail) state_->node->content.allocate(range);
  if (!verdict.proceeds()) return Machine::fail_with(what, verdict);
  return {};
}

Status File::punch_hole(DiskRange range) {
  const std::string what = fmt::format("cannot give back {} bytes of {}", range.size_bytes, path());
  RINGMAIN_TRY(check_writable(what));
  RINGMAIN_TRY(check_range(path(), range));
  const Verdict verdict = machine_->begin(DiskOperationKind::punch_hole);
  if (verdict.kind != Verdict::Kind::fail) state_->node->content.punch_hole(range);
  if (!verdict.proceeds()) return Machine::fail_with(what, verdict);
  return {};
}

Status File::truncate(uint64_t size_bytes) {
  const std::string what = fmt::format("cannot set the size of {} to {}", path(), size_bytes);
  RINGMAIN_TRY(check_writable(what));
  const Verdict verdict = machine_->begin(DiskOperationKind::truncate);
  if (verdict.kind != Verdict::Kind::fail) state_->node->content.truncate(size_bytes);
  if (!verdict.proceeds()) return Machine::fail_with(what, verdict);
  return {};
}

}  // namespace ringmain::os::simulated
