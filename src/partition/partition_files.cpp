#include "partition/partition_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "log/geometry.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"

namespace ringmain::partition {
namespace {

std::string hex(const TopicId& id) {
  std::string text;
  for (const std::uint8_t byte : id) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

std::string PartitionFiles::stem(const PartitionName& name) {
  return fmt::format("{}-{}", hex(name.topic_id), name.partition);
}

bool PartitionFiles::exist(const std::string& folder, const PartitionName& name) {
  return ::access((folder + "/" + stem(name) + ".log").c_str(), F_OK) == 0;
}

Result<PartitionFiles> PartitionFiles::open(const std::string& folder, const PartitionName& name,
                                            const TopicConfig& config, bool fences) {
  PartitionFiles files;
  files.path_ = folder + "/" + stem(name) + ".log";
  files.name_ = name;
  const std::string readers_path = folder + "/" + stem(name) + ".readers";
  RINGMAIN_TRY_ASSIGN(log_fd, os::open_file(files.path_, O_RDWR | O_CREAT));
  RINGMAIN_TRY_ASSIGN(read_fd, os::open_file(files.path_, O_RDONLY));
  RINGMAIN_TRY_ASSIGN(readers_fd, os::open_file(readers_path, O_RDWR | O_CREAT));
  files.log_fd_ = std::move(log_fd);
  files.log_read_fd_ = std::move(read_fd);
  files.readers_fd_ = std::move(readers_fd);

  // The magic is written last: a file without it is one that a broker died over while making it.
  std::uint64_t magic = 0;
  const ssize_t read = ::pread(files.log_fd_.get(), &magic, sizeof(magic), 0);
  if (read < static_cast<ssize_t>(sizeof(magic)) || magic == 0) {
    if (auto created = files.create(name, config, fences); !created) {
      ::unlink(files.path_.c_str());
      ::unlink(readers_path.c_str());
      return tl::make_unexpected(created.error());
    }
  }
  RINGMAIN_TRY_ASSIGN(size, os::file_size_bytes(files.log_fd_.get()));
  RINGMAIN_TRY_ASSIGN(readers_size, os::file_size_bytes(files.readers_fd_.get()));
  RINGMAIN_TRY_ASSIGN(log, os::Mapping::map(files.log_fd_.get(), 0, size, os::Access::read_write));
  RINGMAIN_TRY_ASSIGN(geometry, log::read_geometry(log.bytes(), files.path_));
  if (readers_size < sizeof(format::Readers))  // made before the other file, so it was there once
    return fail(ErrorCode::corrupt_memory,
                fmt::format("{} is missing or too short; delete the topic", readers_path));
  const auto& header = *reinterpret_cast<const format::PartitionHeader*>(log.data());
  if (std::memcmp(header.topic_id, name.topic_id.data(), sizeof(header.topic_id)) != 0 || header.partition != name.partition)
    return fail(ErrorCode::corrupt_memory,
                fmt::format("{} holds another partition's memory, not that of {}; delete the topic", files.path_, name.text()));
  RINGMAIN_TRY_ASSIGN(readers, os::Mapping::map(files.readers_fd_.get(), 0, readers_size, os::Access::read_write));
  log::raise_readers_version(readers.bytes());
  RINGMAIN_TRY(log::check_readers(readers.bytes(), readers_path));
  files.log_ = std::move(log);
  files.readers_ = std::move(readers);
  files.geometry_ = geometry;
  // The last broker may have died between writing a setting down and telling it here.
  if (geometry.max_record_bytes != config.max_message_bytes && config.slot_bytes == geometry.slot_bytes)
    RINGMAIN_TRY(files.set_max_record_bytes(config.max_message_bytes));
  files.page_kind_ = files.log_.advise_huge();
  return files;
}

Status PartitionFiles::create(const PartitionName& name, const TopicConfig& config, bool fences) {
  const std::uint32_t slots = config.slot_limit();
  const std::uint64_t size = format::partition_file_bytes(slots, config.slot_bytes);
  RINGMAIN_TRY(os::truncate_file(log_fd_.get(), 0));
  RINGMAIN_TRY(os::truncate_file(log_fd_.get(), size));
  RINGMAIN_TRY(os::allocate(log_fd_.get(), 0, format::slots_at_for(slots)));
  const std::uint64_t readers_bytes =
      (sizeof(format::Readers) + format::kPageBytes - 1) / format::kPageBytes * format::kPageBytes;
  RINGMAIN_TRY(os::truncate_file(readers_fd_.get(), 0));
  RINGMAIN_TRY(os::truncate_file(readers_fd_.get(), readers_bytes));
  RINGMAIN_TRY(os::allocate(readers_fd_.get(), 0, readers_bytes));
  RINGMAIN_TRY_ASSIGN(readers, os::Mapping::map(readers_fd_.get(), 0, readers_bytes, os::Access::read_write));
  std::uint8_t id[16];
  std::memcpy(id, name.topic_id.data(), sizeof(id));
  log::write_readers_header(readers.bytes(), id, name.partition);

  geometry_.single_producer = config.single_producer;
  geometry_.full_policy = config.full_policy;
  geometry_.slot_limit = slots;
  geometry_.slot_bytes = config.slot_bytes;
  geometry_.max_record_bytes = config.max_message_bytes;
  geometry_.fences = fences;
  os::fault_point("partition.create");
  return write_header(name);
}

// By our own word: what stands in shared memory others can write to.
Status PartitionFiles::write_header(const PartitionName& name) const {
  format::PartitionHeader header{};
  header.magic = format::kPartitionMagic;
  header.version = format::kPartitionVersion;
  std::memcpy(header.topic_id, name.topic_id.data(), sizeof(header.topic_id));
  header.partition = name.partition;
  header.single_producer = geometry_.single_producer ? 1 : 0;
  header.full_policy = geometry_.full_policy;
  header.slot_limit = geometry_.slot_limit;
  header.slot_bytes = geometry_.slot_bytes;
  header.slots_at = format::slots_at_for(geometry_.slot_limit);
  header.directory_size = format::directory_size_for(geometry_.slot_limit);
  header.intent_count = format::kMaxProducers;
  header.max_record_bytes = geometry_.max_record_bytes;
  header.fences = geometry_.fences ? 1 : 0;
  log::seal_header(header);
  if (::pwrite(log_fd_.get(), &header, sizeof(header), 0) != static_cast<ssize_t>(sizeof(header)))
    return fail_errno("cannot write " + path_);
  return {};
}

Status PartitionFiles::set_max_record_bytes(std::uint64_t bytes) {
  RINGMAIN_ASSERT(bytes <= geometry_.slot_bytes / 4 - format::kFrameHeaderBytes);
  geometry_.max_record_bytes = bytes;
  return write_header(name_);
}

Status PartitionFiles::remove(const std::string& folder, const PartitionName& name) {
  for (const char* ending : {".log", ".readers"}) {
    const std::string path = folder + "/" + stem(name) + ending;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("cannot remove " + path);
  }
  return {};
}

log::PartitionView PartitionFiles::view(format::Doorbell* doorbells) const noexcept {
  return {geometry_, log_.data(), reinterpret_cast<format::Readers*>(readers_.data()), doorbells};
}

Status PartitionFiles::allocate_slot(std::uint32_t slot, std::uint64_t from_bytes, std::uint64_t to_bytes) {
  const std::uint64_t at = geometry_.slots_at + slot * geometry_.slot_bytes;
  return os::allocate(log_fd_.get(), at + from_bytes, to_bytes - from_bytes);
}

}  // namespace ringmain::partition
