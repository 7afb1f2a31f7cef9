// Directories by path, and what a test turns on its disk.
#include "os/simulated_disk.hpp"

#include <utility>

#include "base/assert.hpp"
#include "os/simulated_disk_file.hpp"
#include "os/simulated_disk_machine.hpp"
#include "os/simulated_disk_queue.hpp"

namespace ringmain::os {

using simulated::FileState;
using simulated::Machine;
using simulated::Verdict;

namespace {

// A change of names: if the power cut strikes it, it is made, and survives or not.
template <class Change>
auto change_names(Machine& machine, DiskOperationKind kind, const std::string& what, Change change)
    -> decltype(change()) {
  RINGMAIN_TRY(machine.check_power(what));
  const Verdict verdict = machine.begin(kind);
  if (verdict.kind == Verdict::Kind::fail) return Machine::fail_with(what, verdict);
  auto changed = change();
  if (changed && !verdict.proceeds()) return Machine::fail_with(what, verdict);
  return changed;
}

}  // namespace

SimulatedDisk::SimulatedDisk(const SimulatedDiskOptions& options)
    : machine_(std::make_shared<Machine>(options)) {}

SimulatedDisk::~SimulatedDisk() = default;

Result<std::unique_ptr<DiskFile>> SimulatedDisk::create(const std::string& path) {
  RINGMAIN_TRY_ASSIGN(node,
                      change_names(*machine_, DiskOperationKind::create, "cannot make " + path,
                                   [&] { return machine_->names.create(path); }));
  return std::make_unique<simulated::File>(
      std::make_shared<FileState>(path, std::move(node), machine_->epoch, DiskOpen::write),
      machine_);
}

Result<std::unique_ptr<DiskFile>> SimulatedDisk::open(const std::string& path, DiskOpen how) {
  const std::string what = "cannot open " + path;
  RINGMAIN_TRY(machine_->check_power(what));
  RINGMAIN_TRY_ASSIGN(node, machine_->names.file(what, path));
  return std::make_unique<simulated::File>(
      std::make_shared<FileState>(path, std::move(node), machine_->epoch, how), machine_);
}

Result<uint64_t> SimulatedDisk::file_size_bytes(const std::string& path) const {
  const std::string what = "cannot read the size of " + path;
  RINGMAIN_TRY(machine_->check_power(what));
  RINGMAIN_TRY_ASSIGN(node, machine_->names.file(what, path));
  return node->content.size_bytes();
}

Result<std::vector<DiskEntry>> SimulatedDisk::list(const std::string& directory) const {
  const std::string what = "cannot list " + directory;
  RINGMAIN_TRY(machine_->check_power(what));
  RINGMAIN_TRY_ASSIGN(node, machine_->names.directory(what, directory));
  std::vector<DiskEntry> entries;
  for (const auto& [name, entry] : node->entries) entries.push_back({name, entry->is_directory});
  return entries;
}

Status SimulatedDisk::rename(const std::string& from, const std::string& to) {
  return change_names(*machine_, DiskOperationKind::rename, "cannot rename " + from + " to " + to,
                      [&] { return machine_->names.rename(from, to); });
}

Status SimulatedDisk::remove(const std::string& path) {
  return change_names(*machine_, DiskOperationKind::remove, "cannot remove " + path,
                      [&] { return machine_->names.remove(path); });
}

Result<bool> SimulatedDisk::is_open(const std::string& path) const {
  const std::string what = "cannot tell whether " + path + " is open";
  RINGMAIN_TRY(machine_->check_power(what));
  RINGMAIN_TRY_ASSIGN(node, machine_->names.file(what, path));
  return node->handles != 0;
}

Status SimulatedDisk::make_directories(const std::string& path) {
  const std::string what = "cannot make directory " + path;
  RINGMAIN_TRY(machine_->check_power(what));
  if (path.empty()) {
    return fail(ErrorCode::invalid_argument, "cannot make a directory without a name");
  }
  RINGMAIN_TRY_ASSIGN(missing, machine_->names.missing_directories(path));
  for (const std::string& part : missing) {
    RINGMAIN_TRY(change_names(*machine_, DiskOperationKind::make_directory,
                              "cannot make directory " + part,
                              [&] { return machine_->names.make_directory(part); }));
  }
  return {};
}

// One that the power cut strikes may have been done.
Status SimulatedDisk::sync_directory(const std::string& path) {
  const std::string what = "cannot sync directory " + path;
  RINGMAIN_TRY(machine_->check_power(what));
  RINGMAIN_TRY(machine_->names.directory(what, path));
  const Verdict verdict = machine_->begin(DiskOperationKind::sync_directory);
  const bool is_done = verdict.proceeds() ||
                       (verdict.kind == Verdict::Kind::power_cut && machine_->random.below(2) == 0);
  if (is_done) RINGMAIN_TRY(machine_->names.sync_directory(path));
  if (!verdict.proceeds()) return Machine::fail_with(what, verdict);
  return {};
}

Result<std::unique_ptr<DiskQueue>> SimulatedDisk::make_queue(const DiskQueueOptions& options) {
  RINGMAIN_TRY(machine_->check_power("cannot make a disk queue"));
  RINGMAIN_TRY(check(options));
  RINGMAIN_TRY_ASSIGN(buffers, DiskBuffers::create(options.buffer_count, options.buffer_bytes));
  return std::unique_ptr<DiskQueue>(
      std::make_unique<simulated::Queue>(options, std::move(buffers), machine_));
}

void SimulatedDisk::add_fault(const SimulatedFault& fault) {
  RINGMAIN_ASSERT(fault.nth > 0 && fault.count > 0);
  machine_->faults.push_back(fault);
}

void SimulatedDisk::clear_faults() {
  machine_->faults.clear();
}

uint64_t SimulatedDisk::operations() const noexcept {
  return machine_->operations;
}

uint64_t SimulatedDisk::operations(DiskOperationKind kind) const noexcept {
  return machine_->operations_by_kind[static_cast<size_t>(kind)];
}

void SimulatedDisk::cut_power_at(uint64_t nth) {
  RINGMAIN_ASSERT(nth > 0);
  machine_->cut_at = machine_->operations + nth;
}

void SimulatedDisk::cut_power() {
  machine_->cut_power();
}

bool SimulatedDisk::has_power() const noexcept {
  return machine_->has_power;
}

void SimulatedDisk::restart() {
  machine_->restart();
}

void SimulatedDisk::forget_syncs(uint64_t count) {
  machine_->forgotten_syncs = count;
}

}  // namespace ringmain::os
