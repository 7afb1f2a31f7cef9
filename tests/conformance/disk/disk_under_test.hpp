// The disks that the suite runs over, and what its tests share.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "os/disk.hpp"

namespace ringmain::os {

// A disk with a directory of its own, which goes away with it.
class DiskUnderTest {
 public:
  virtual ~DiskUnderTest() = default;
  virtual Disk& disk() = 0;
  virtual const std::string& directory() const = 0;
};

struct Implementation {
  const char* name;
  std::unique_ptr<DiskUnderTest> (*make)();
  bool needs_io_uring;
};
const std::vector<Implementation>& implementations();

class DiskSuite : public testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override;

  Disk& disk() { return under_test_->disk(); }
  std::string path(const std::string& name) const { return under_test_->directory() + "/" + name; }
  const std::string& directory() const { return under_test_->directory(); }

  std::unique_ptr<DiskFile> create(const std::string& name);
  std::unique_ptr<DiskQueue> queue(const DiskQueueOptions& options = {});

 private:
  std::unique_ptr<DiskUnderTest> under_test_;
};

using Results = std::map<uint64_t, Result<uint64_t>>;  // by token

constexpr uint32_t block = disk_block_bytes;

std::vector<std::byte> pattern(uint64_t seed, size_t size_bytes);
std::vector<std::byte> contents(const DiskFile& file, uint64_t at, size_t size_bytes);

// Takes a buffer, fills it with pattern(seed, size), writes it and gives the buffer back.
Status write_pattern(DiskQueue& queue, DiskFile& file, uint64_t at, uint64_t seed,
                     uint32_t size_bytes, Durability durability, uint64_t token);

// Until nothing is in flight. Each token comes once.
Results reap_all(DiskQueue& queue);

testing::AssertionResult is_ok(const Status& status);

}  // namespace ringmain::os
