// A file of the simulated disk. One thread.
#pragma once

#include <memory>

#include "os/simulated_disk_machine.hpp"

namespace ringmain::os::simulated {

class File final : public DiskFile {
 public:
  File(std::shared_ptr<FileState> state, std::shared_ptr<Machine> machine)
      : state_(std::move(state)), machine_(std::move(machine)) {}

  const std::shared_ptr<FileState>& state() const noexcept { return state_; }

  bool is_of(const Machine& machine) const noexcept { return machine_.get() == &machine; }

  const std::string& path() const noexcept override { return state_->path; }
  Result<uint64_t> size_bytes() const override;
  Status read(uint64_t at, std::span<std::byte> into) const override;
  Status write(uint64_t at, std::span<const std::byte> bytes) override;
  Status sync() override;
  Status allocate(DiskRange range) override;
  Status punch_hole(DiskRange range) override;
  Status truncate(uint64_t size_bytes) override;
  std::string write_path() const override { return "simulated"; }

 private:
  Status check_power(const std::string& what) const {
    return machine_->check_power(what, state_->epoch);
  }
  Status check_writable(const std::string& what) const;

  std::shared_ptr<FileState> state_;
  std::shared_ptr<Machine> machine_;
};

// The state behind a file that a queue of this disk was given.
Result<std::shared_ptr<DiskFileState>> writable_state(DiskFile& file, const Machine& machine);

}  // namespace ringmain::os::simulated
