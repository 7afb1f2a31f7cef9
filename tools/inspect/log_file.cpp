// Reading log files and indexes from outside.
#include "inspect/log_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "format/time_index.hpp"
#include "os/file.hpp"
#include "segment/index_file.hpp"
#include "segment/offset_index.hpp"
#include "segment/prove.hpp"
#include "segment/time_index.hpp"

namespace ringmain::tools {
namespace {

// An index of the largest log file with an entry for each of its smallest frames would be half as
// large as that. What is more is no index, and would only take memory.
constexpr uint64_t most_index_bytes = uint64_t{1} << 30;

std::string real_path(const std::string& path) {
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(path, ignored);
  return ignored ? path : absolute.lexically_normal().string();
}

}  // namespace

Result<LogFile> LogFile::open(const std::string& path) {
  // A FIFO must not make us wait for its writer.
  os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return fail(ErrorCode::not_found, "there is no file " + path);
  if (!fd) return fail_errno("cannot open " + path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("cannot look at " + path);
  if (!S_ISREG(status.st_mode))
    return fail(ErrorCode::invalid_argument, path + " is not a file: name a log file or an index");
  const uint64_t size_bytes =
      std::min<uint64_t>(static_cast<uint64_t>(status.st_size), format::kMaxLogFileBytes);
  return LogFile(path, std::move(fd), size_bytes);
}

Result<size_t> LogFile::read_at(uint64_t position, std::span<std::byte> into) const {
  size_t done = 0;
  while (done < into.size()) {  // each turn reads something, or ends
    const ssize_t read = ::pread(fd_.get(), into.data() + done, into.size() - done,
                                 static_cast<off_t>(position + done));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0)
      return fail_errno(fmt::format("cannot read {} at byte {}", path_, position + done));
    if (read == 0) break;
    done += static_cast<size_t>(read);
  }
  return done;
}

segment::HeadRun LogFile::heads() const {
  return segment::read_run(
      size_bytes_, [this](uint64_t at, std::span<std::byte> into) { return read_at(at, into); },
      path_);
}

Result<std::span<const std::byte>> LogFile::image(const format::LogFileHead& head) {
  const uint64_t at = std::min(head.index_in_file * head.slot_bytes, size_bytes_);
  const uint64_t end_bytes = segment::is_complete(head)
                                 ? uint64_t{head.proved_units} * format::kFrameAlignment
                                 : head.slot_bytes;
  image_.resize(std::min(size_bytes_ - at, end_bytes));
  RINGMAIN_TRY_ASSIGN(read, read_at(at, image_));
  return segment::written_part(std::span<const std::byte>(image_).first(read), head);
}

namespace {

template <class Index, class Entry>
Result<std::vector<IndexEntry>> entries_of(const segment::IndexKind& kind,
                                           std::span<const std::byte> bytes,
                                           const segment::FileIdentity& file,
                                           const std::string& path) {
  RINGMAIN_TRY(Index::decode(bytes, file, path));  // judges their order, too
  RINGMAIN_TRY_ASSIGN(raw, segment::decode_index(kind, bytes, file, sizeof(Entry), path));
  std::vector<IndexEntry> entries;
  for (const Entry& entry : segment::entries_from<Entry>(raw)) {
    IndexEntry& added = entries.emplace_back(
        IndexEntry{segment::unpack_place(file, entry.relative_offset, entry.file_units), {}});
    if constexpr (requires { entry.largest_ns; }) added.largest_ns = entry.largest_ns;
  }
  return entries;
}

// What its head says, of the right size for the decoder whatever that is.
Result<segment::FileIdentity> own_identity(std::span<const std::byte> bytes,
                                           const std::string& path) {
  format::IndexHead head;
  std::memcpy(&head, bytes.data(), sizeof(head));
  if (head.slot_bytes < format::kMinSlotBytes || head.slot_bytes > format::kMaxSlotBytes)
    return fail(ErrorCode::kafka_storage_error,
                path + ": the head of this index is damaged; nothing is lost: delete the file");
  segment::FileIdentity file{{}, head.partition, head.file_tag, head.base_offset, head.slot_bytes};
  std::memcpy(file.topic_id.data(), head.topic_id, sizeof(head.topic_id));
  return file;
}

}  // namespace

Result<IndexContent> read_index(const std::string& path) {
  RINGMAIN_TRY_ASSIGN(file, LogFile::open(path));
  if (file.size_bytes() < sizeof(format::IndexHead) || file.size_bytes() > most_index_bytes)
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("{}: an index cannot have {} bytes; nothing is lost: delete the file",
                            path, file.size_bytes()));
  std::vector<std::byte> bytes(file.size_bytes());
  RINGMAIN_TRY_ASSIGN(read, file.read_at(0, bytes));
  bytes.resize(read);
  if (read < sizeof(format::IndexHead))
    return fail(ErrorCode::kafka_storage_error, path + " was cut short while it was read");
  uint64_t magic = 0;
  std::memcpy(&magic, bytes.data(), sizeof(magic));
  RINGMAIN_TRY_ASSIGN(identity, own_identity(bytes, path));
  IndexContent content;
  content.file = identity;
  if (magic == format::kTimeIndexMagic) {
    content.kind = segment::FileKind::time_index;
    RINGMAIN_TRY_ASSIGN(entries, (entries_of<segment::TimeIndex, format::TimeIndexEntry>(
                                     segment::kTimeIndexKind, bytes, identity, path)));
    content.entries = std::move(entries);
  } else {  // or neither: the decoder says so
    RINGMAIN_TRY_ASSIGN(entries, (entries_of<segment::OffsetIndex, format::OffsetIndexEntry>(
                                     segment::kOffsetIndexKind, bytes, identity, path)));
    content.entries = std::move(entries);
  }
  return content;
}

std::optional<segment::FileKind> kind_by_magic(const std::string& path) noexcept {
  const auto fd = os::open_file(path, O_RDONLY | O_NONBLOCK);
  uint64_t magic = 0;
  if (!fd || ::pread(fd->get(), &magic, sizeof(magic), 0) != sizeof(magic)) return std::nullopt;
  if (magic == format::kSegmentMagic) return segment::FileKind::log;
  if (magic == format::kOffsetIndexMagic) return segment::FileKind::offset_index;
  if (magic == format::kTimeIndexMagic) return segment::FileKind::time_index;
  return std::nullopt;
}

std::optional<PartitionFolderName> parse_partition_folder(std::string_view name) {
  constexpr size_t digits = 2 * sizeof(segment::TopicId);
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot - 1 != digits) return std::nullopt;
  PartitionFolderName parsed;
  for (size_t i = 0; i < parsed.topic_id.size(); ++i) {
    const char* at = name.data() + dot + 1 + 2 * i;
    if (std::from_chars(at, at + 2, parsed.topic_id[i], 16).ptr != at + 2) return std::nullopt;
  }
  const std::string_view partition = name.substr(0, dot);
  const size_t hyphen = partition.rfind('-');
  if (hyphen == std::string_view::npos || hyphen == 0) return std::nullopt;
  const char* end = partition.data() + partition.size();
  const auto [rest, error] = std::from_chars(partition.data() + hyphen + 1, end, parsed.index);
  if (error != std::errc{} || rest != end) return std::nullopt;
  parsed.partition = partition;
  return parsed;
}

std::string last_name(const std::string& path) {
  const std::filesystem::path whole(real_path(path));
  return whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
}

std::string parent_folder(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Result<std::vector<segment::ListedFile>> list_files(const std::string& folder) {
  std::vector<segment::ListedFile> files;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;  // meanwhile
    if (!at->is_regular_file(gone)) continue;
    const uint64_t size_bytes = at->file_size(gone);
    if (!gone)
      files.push_back({at->path().filename().string(),
                       std::min<uint64_t>(size_bytes, format::kMaxLogFileBytes)});
  }
  if (error) return fail_errno("cannot list " + folder, error.value());
  return files;
}

bool holds_log_files(const std::string& folder) {
  const auto files = list_files(folder);
  return files && std::any_of(files->begin(), files->end(), [](const segment::ListedFile& file) {
           return segment::parse_file_name(file.name).has_value();
         });
}

std::string without_path(const std::string& message, const std::string& path) {
  for (const std::string& prefix : {"log file " + path + ": ", path + " ", path + ": "})
    if (message.starts_with(prefix)) return message.substr(prefix.size());
  return message;
}

std::string to_hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace ringmain::tools
