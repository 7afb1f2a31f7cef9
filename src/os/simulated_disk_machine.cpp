// Verdicts, power cuts, and the writes and syncs that they strike.
#include "os/simulated_disk_machine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "os/simulated_disk_queue.hpp"

namespace ringmain::os::simulated {
namespace {

tl::unexpected<Error> fail_without_power(const std::string& what) {
  return fail(ErrorCode::closed, what + ": the power of the simulated disk is cut");
}

}  // namespace

Status Machine::check_power(const std::string& what, uint64_t epoch_of_handle) const {
  if (!has_power) return fail_without_power(what);
  if (epoch_of_handle == epoch) return {};
  return fail(ErrorCode::closed, what + ": it was opened before the power cut");
}

Verdict Machine::begin(DiskOperationKind kind) {
  ++operations;
  ++operations_by_kind[static_cast<size_t>(kind)];
  if (operations == cut_at) {
    cut_power();
    return {Verdict::Kind::power_cut, ErrorCode::closed};
  }
  Verdict verdict;
  for (SimulatedFault& fault : faults) {
    if (fault.kind != kind || fault.count == 0) continue;
    if (fault.nth > 1) {
      --fault.nth;
      continue;
    }
    --fault.count;
    verdict = {Verdict::Kind::fail, fault.code};
  }
  return verdict;
}

tl::unexpected<Error> Machine::fail_with(const std::string& what, const Verdict& verdict) {
  if (verdict.kind == Verdict::Kind::power_cut) return fail_without_power(what);
  return fail(verdict.code, what + ": a fault that the test asked for");
}

void Machine::cut_power() {
  if (!has_power) return;
  has_power = false;
  cut_at = 0;
  for (Queue* queue : queues_) queue->power_goes();
}

void Machine::restart() {
  cut_power();
  names.crash(random);
  ++epoch;
  has_power = true;
}

// A write that fails, or that the power cut strikes, may have been done in part: some of its first
// blocks.
Result<uint64_t> Machine::write(FileState& file, uint64_t at, std::span<const std::byte> bytes) {
  const Verdict verdict = begin(DiskOperationKind::write);
  size_t size_bytes = bytes.size();
  const size_t blocks = size_bytes / disk_block_bytes;
  if (verdict.kind == Verdict::Kind::fail) {
    size_bytes = random.below(blocks + 1) * disk_block_bytes;
  } else if (blocks > 1 && random.below(100) < options.short_write_percent) {
    size_bytes = (1 + random.below(blocks - 1)) * disk_block_bytes;
  }
  if (size_bytes > 0) file.node->content.write(at, bytes.first(size_bytes));
  if (verdict.proceeds()) return size_bytes;
  return fail_with(fmt::format("cannot write {} bytes at {} of {}", bytes.size(), at, file.path),
                   verdict);
}

// A sync that the power cut strikes may have been done.
template <class Sync>
Status Machine::sync(FileState& file, Sync sync_content) {
  const Verdict verdict = begin(DiskOperationKind::sync);
  if (verdict.kind == Verdict::Kind::fail) {
    file.node->content.give_up();
  } else if (verdict.proceeds() && forgotten_syncs > 0) {
    --forgotten_syncs;
  } else if (verdict.proceeds() || random.below(2) == 0) {
    sync_content(file.node->content);
  }
  if (verdict.proceeds()) return {};
  return fail_with("cannot sync " + file.path, verdict);
}

Status Machine::sync_all(FileState& file) {
  return sync(file, [](Content& content) { content.sync(); });
}

Status Machine::sync_range(FileState& file, DiskRange range) {
  return sync(file, [range](Content& content) { content.sync(range); });
}

}  // namespace ringmain::os::simulated
