// Listing, dropping and reading files.
#include "perf/log_file_reads.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "base/clock.hpp"
#include "broker/bus_directory.hpp"
#include "cli/exit.hpp"
#include "os/file.hpp"
#include "segment/file_name.hpp"
#include "segment/head_run.hpp"

namespace ringmain::tools {
namespace {

constexpr size_t read_bytes = 1 << 20;
constexpr uint64_t head_block_bytes = 4096;  // a disk reads no less
constexpr uint32_t reads_per_check = 64;

Result<size_t> read_at(int fd, uint64_t at, std::span<std::byte> into) {
  for (;;) {  // ends: at anything but a signal
    const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(at));
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return fail_errno("cannot read " + os::describe_fd(fd));
  }
}

segment::HeadRun heads_of(const std::string& path) {
  const os::UniqueFd fd = value_or_throw(os::open_file(path, O_RDONLY));
  const uint64_t size_bytes = value_or_throw(os::file_size_bytes(fd.get()));
  return segment::read_run(
      size_bytes,
      [&](uint64_t at, std::span<std::byte> into) -> Result<std::size_t> {
        if (at >= size_bytes) return std::size_t{0};
        return read_at(fd.get(), at, into.first(std::min<uint64_t>(into.size(), size_bytes - at)));
      },
      path);
}

}  // namespace

std::vector<std::string> log_files_of(const std::string& bus_folder, const std::string& topic) {
  namespace fs = std::filesystem;
  const std::string logs = bus_folder + "/" + broker::kLogFolder;
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(logs, error)) {
    if (!folder.path().filename().string().starts_with(topic + "-0.")) continue;
    for (const auto& file : fs::directory_iterator(folder.path(), error)) {
      const auto name = segment::parse_file_name(file.path().filename().string());
      if (name && name->kind == segment::FileKind::log && !name->unfinished)
        paths.push_back(file.path());
    }
  }
  if (paths.empty())
    throw Failure(fmt::format("topic {} has no log file in {} that can be read", topic, logs));
  std::sort(paths.begin(), paths.end());  // names are offsets of 20 digits
  return paths;
}

std::vector<FileRange> whole_files(const std::vector<std::string>& paths) {
  std::vector<FileRange> ranges;
  for (const std::string& path : paths)
    ranges.push_back({path, 0, std::filesystem::file_size(path)});
  return ranges;
}

std::vector<FileRange> what_must_be_proved(const std::vector<std::string>& paths,
                                           bool memory_has_last) {
  std::vector<FileRange> ranges;
  for (const std::string& path : paths) {
    const uint64_t size_bytes = std::filesystem::file_size(path);
    const segment::HeadRun run = heads_of(path);
    for (const format::LogFileHead& head : run.heads) {
      const uint64_t at = uint64_t{head.index_in_file} * head.slot_bytes;
      const bool is_last = &path == &paths.back() && &head == &run.heads.back();
      const bool is_proved =
          segment::is_complete(head) || (is_last && memory_has_last) ||
          (is_last && head.proved_units > format::kFirstFrameUnits);  // a clean stop
      ranges.push_back(
          {path, at, std::min(is_proved ? head_block_bytes : head.slot_bytes, size_bytes - at)});
    }
  }
  return ranges;
}

uint64_t bytes_of(const std::vector<FileRange>& ranges) {
  uint64_t sum = 0;
  for (const FileRange& range : ranges) sum += range.size_bytes;
  return sum;
}

void drop_from_cache(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const os::UniqueFd fd = value_or_throw(os::open_file(path, O_RDONLY));
    if (::fdatasync(fd.get()) != 0) throw Exception(fail_errno("cannot sync " + path).value());
    if (const int error = ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED); error != 0)
      throw Exception(fail_errno("cannot drop from the page cache " + path, error).value());
  }
}

double read_plainly(const std::vector<FileRange>& ranges, const std::function<void()>& check) {
  const auto buffer = std::make_unique<std::byte[]>(read_bytes);
  const std::span<std::byte> all(buffer.get(), read_bytes);
  os::UniqueFd fd;
  const std::string* open = nullptr;
  uint32_t reads = 0;
  const int64_t begin_ns = now_steady_ns();
  for (const FileRange& range : ranges) {
    if (open == nullptr || *open != range.path) {
      fd = value_or_throw(os::open_file(range.path, O_RDONLY));
      open = &range.path;
    }
    for (uint64_t done = 0; done < range.size_bytes;) {
      const auto part = all.first(std::min<uint64_t>(read_bytes, range.size_bytes - done));
      const size_t got = value_or_throw(read_at(fd.get(), range.at + done, part));
      if (got == 0) throw Failure(range.path + " became shorter while it was read");
      done += got;
      if (++reads % reads_per_check == 0) check();
    }
  }
  return static_cast<double>(now_steady_ns() - begin_ns) / 1e9;
}

}  // namespace ringmain::tools
