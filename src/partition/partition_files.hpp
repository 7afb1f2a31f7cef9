// The two shared files of a partition on tmpfs, and their mappings in the broker.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "log/partition_view.hpp"
#include "os/fd.hpp"
#include "os/mapping.hpp"
#include "partition/topic_config.hpp"

namespace ringmain::partition {

using TopicId = std::array<std::uint8_t, 16>;

struct PartitionName {
  std::string topic;
  TopicId topic_id{};
  std::uint32_t partition = 0;

  std::string text() const { return topic + "-" + std::to_string(partition); }
};

class PartitionFiles {
 public:
  // Makes the files, or opens those that an earlier broker left. Errors: no_space,
  // corrupt_memory, version_mismatch, permission_denied.
  static Result<PartitionFiles> open(const std::string& folder, const PartitionName& name,
                                     const TopicConfig& config, bool fences);
  // The name of both files without folder and ending.
  static std::string stem(const PartitionName& name);
  static bool exist(const std::string& folder, const PartitionName& name);
  static Status remove(const std::string& folder, const PartitionName& name);

  log::PartitionView view(format::Doorbell* doorbells) const noexcept;
  const std::string& path() const noexcept { return path_; }
  // Descriptors to pass on: a consumer's is opened read-only and cannot be made more.
  int producer_fd() const noexcept { return log_fd_.get(); }
  int consumer_fd() const noexcept { return log_read_fd_.get(); }
  int readers_fd() const noexcept { return readers_fd_.get(); }
  std::uint64_t log_bytes() const noexcept { return log_.size_bytes(); }
  std::uint64_t readers_bytes() const noexcept { return readers_.size_bytes(); }
  os::PageKind page_kind() const noexcept { return page_kind_; }

  // The largest body that whoever attaches from now on may append. One write: a death leaves the old header or the
  // new one. A client that reads it meanwhile may see parts of both, and looks again (log/geometry.hpp).
  Status set_max_record_bytes(std::uint64_t bytes);

  // Gives a part of a slot memory behind it, so that touching it can not fail.
  Status allocate_slot(std::uint32_t slot, std::uint64_t from_bytes, std::uint64_t to_bytes);

 private:
  PartitionFiles() = default;
  Status create(const PartitionName& name, const TopicConfig& config, bool fences);
  Status write_header(const PartitionName& name) const;

  std::string path_;
  PartitionName name_;
  os::UniqueFd log_fd_, log_read_fd_, readers_fd_;
  os::Mapping log_, readers_;
  log::Geometry geometry_;
  os::PageKind page_kind_ = os::PageKind::base_4k;
};

}  // namespace ringmain::partition
