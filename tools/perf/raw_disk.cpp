// The bare calls: pwritev2, fdatasync, io_uring.
#include "perf/raw_disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "cli/exit.hpp"
#include "os/file.hpp"

namespace ringmain::tools {
namespace {

constexpr uint32_t fill_bytes = 1 << 20;
constexpr uint64_t ways_file_bytes = uint64_t{16} << 20;
constexpr uint64_t ways_file_places = 16;  // at the least
constexpr uint32_t blocking_turns_per_check = 64;

os::DiskBuffers noise(uint32_t count, uint32_t bytes_each) {
  auto buffers = value_or_throw(os::DiskBuffers::create(count, bytes_each));
  Random random(1);
  for (uint32_t index = 0; index < count;
       ++index) {  // zeros or repetitions might be stored as less
    const auto words = reinterpret_cast<uint64_t*>(buffers[index].data());
    for (uint32_t word = 0; word < bytes_each / sizeof(uint64_t); ++word) words[word] = random();
  }
  return buffers;
}

std::unique_ptr<os::IoUringRing> ring_or_none(uint32_t entries) {
  auto ring = os::IoUringRing::create(entries);
  return ring ? std::move(*ring) : nullptr;
}

[[noreturn]] void throw_errno(const std::string& what, int error) {
  throw Exception(fail_errno(what, error).value());
}

void write_block(int fd, const void* bytes, size_t size_bytes, uint64_t at, int flags) {
  const iovec part{const_cast<void*>(bytes), size_bytes};
  ssize_t written = 0;
  do {  // ends: at anything but a signal
    written = ::pwritev2(fd, &part, 1, static_cast<off_t>(at), flags);
  } while (written < 0 && errno == EINTR);
  if (written < 0) throw_errno("the raw write failed", errno);
  if (static_cast<size_t>(written) != size_bytes) throw_errno("the raw write was cut short", EIO);
}

void sync_data(int fd) {
  if (::fdatasync(fd) != 0) throw_errno("the raw sync failed", errno);
}

// Submits what is prepared, and takes `count` completions, each of which must have written
// `write_bytes` or, of a sync, 0.
void run_ring(os::IoUringRing& ring, uint32_t count, uint32_t write_bytes) {
  value_or_throw(ring.submit(count));
  io_uring_cqe done{};
  for (uint32_t left = count; left > 0;) {  // as many as were waited for
    if (!ring.next_completion(done)) {
      value_or_throw(ring.submit(1));
      continue;
    }
    if (done.res < 0) throw_errno("the raw queued write failed", -done.res);
    if (done.res != 0 && static_cast<uint32_t>(done.res) != write_bytes)
      throw_errno("the raw queued write was cut short", EIO);
    --left;
  }
}

}  // namespace

RawFile::RawFile(const std::string& folder, uint64_t size_bytes, Blocks blocks,
                 const std::function<void()>& check)
    : size_bytes_(size_bytes) {
  static std::atomic<uint32_t> serial{0};
  const std::string path = fmt::format("{}/perf-raw-{}-{}", folder, ::getpid(), serial++);
  buffered_ = value_or_throw(os::open_file(path, O_RDWR | O_CREAT | O_EXCL));
  if (auto direct = os::open_file(path, O_RDWR | O_DIRECT)) direct_ = std::move(*direct);
  ::unlink(path.c_str());
  value_or_throw(os::allocate(buffered_.get(), 0, size_bytes));
  if (blocks == Blocks::allocated) {
    sync_data(buffered_.get());
    return;
  }
  const os::DiskBuffers content = noise(1, fill_bytes);
  for (uint64_t at = 0; at < size_bytes; at += fill_bytes) {
    const auto part = std::min<uint64_t>(fill_bytes, size_bytes - at);
    write_block(direct_ ? direct_.get() : buffered_.get(), content[0].data(), part, at, 0);
    check();
  }
  sync_data(buffered_.get());
}

RawWays::RawWays(const std::string& folder, uint32_t size_bytes, const std::function<void()>& check)
    : size_bytes_(size_bytes),
      file_(folder, std::max(ways_file_bytes / size_bytes, ways_file_places) * size_bytes,
            RawFile::Blocks::written, check),
      content_(noise(1, size_bytes)),
      ring_(ring_or_none(4)) {
  const int direct = file_.direct(), buffered = file_.buffered();
  const void* bytes = content_[0].data();
  const uint32_t size = size_bytes_;
  if (direct >= 0) {
    ways_.push_back({"pwritev2 O_DIRECT, RWF_DSYNC",
                     [=](uint64_t at) { write_block(direct, bytes, size, at, RWF_DSYNC); }});
    ways_.push_back({"pwrite O_DIRECT, fdatasync", [=](uint64_t at) {
                       write_block(direct, bytes, size, at, 0);
                       sync_data(direct);
                     }});
    if (ring_) add_ring_ways();
  }
  ways_.push_back({"pwrite buffered, fdatasync", [=](uint64_t at) {
                     write_block(buffered, bytes, size, at, 0);
                     sync_data(buffered);
                   }});
}

void RawWays::add_ring_ways() {
  const int fd = file_.direct();
  const void* bytes = content_[0].data();
  const uint32_t size = size_bytes_;
  os::IoUringRing& ring = *ring_;
  ways_.push_back({"io_uring O_DIRECT, RWF_DSYNC", [&ring, fd, bytes, size](uint64_t at) {
                     io_uring_sqe& write = ring.next_entry();
                     ::io_uring_prep_write(&write, fd, bytes, size, at);
                     write.rw_flags = RWF_DSYNC;
                     run_ring(ring, 1, size);
                   }});
  ways_.push_back({"io_uring O_DIRECT, linked fdatasync", [&ring, fd, bytes, size](uint64_t at) {
                     io_uring_sqe& write = ring.next_entry();
                     ::io_uring_prep_write(&write, fd, bytes, size, at);
                     write.flags |= IOSQE_IO_LINK;
                     ::io_uring_prep_fsync(&ring.next_entry(), fd, IORING_FSYNC_DATASYNC);
                     run_ring(ring, 2, size);
                   }});
}

uint64_t RawWays::next_place() noexcept {
  const uint64_t here = place_;
  place_ = (place_ + size_bytes_) % file_.size_bytes();
  return here;
}

RawStream::RawStream(GroupSize group)
    : group_(group), buffers_(noise(group.depth, group.bytes)), ring_(ring_or_none(group.depth)) {
  has_registered_ = ring_ != nullptr && ring_->register_buffers(buffers_).empty();
}

double RawStream::bytes_per_s(const RawFile& file, uint64_t total_bytes, Sync sync,
                              const std::function<void()>& check) {
  const uint64_t groups = std::max<uint64_t>(total_bytes / group_.bytes, 1);
  const int64_t begin_ns = now_steady_ns();
  if (ring_ && file.direct() >= 0) {
    write_queued(file, groups, sync, check);
  } else {
    write_blocking(file, groups, sync, check);
  }
  const auto elapsed_ns = static_cast<double>(now_steady_ns() - begin_ns);
  return static_cast<double>(groups * group_.bytes) * 1e9 / elapsed_ns;
}

uint64_t RawStream::place_of(const RawFile& file, uint64_t index) const noexcept {
  const uint64_t places = std::max<uint64_t>(file.size_bytes() / group_.bytes, 1);
  return index % places * group_.bytes;
}

void RawStream::write_blocking(const RawFile& file, uint64_t groups, Sync sync,
                               const std::function<void()>& check) {
  const int fd = file.direct() >= 0 ? file.direct() : file.buffered();
  const int flags = sync == Sync::each_group ? RWF_DSYNC : 0;
  for (uint64_t index = 0; index < groups; ++index) {
    write_block(fd, buffers_[0].data(), group_.bytes, place_of(file, index), flags);
    if (index % blocking_turns_per_check == 0) check();
  }
}

void RawStream::write_queued(const RawFile& file, uint64_t groups, Sync sync,
                             const std::function<void()>& check) {
  uint64_t started = 0, done = 0;
  const auto start = [&](uint32_t buffer) {
    io_uring_sqe& entry = ring_->next_entry();
    void* bytes = buffers_[buffer].data();
    const uint64_t at = place_of(file, started);
    if (has_registered_) {
      ::io_uring_prep_write_fixed(&entry, file.direct(), bytes, group_.bytes, at,
                                  static_cast<int>(buffer));
    } else {
      ::io_uring_prep_write(&entry, file.direct(), bytes, group_.bytes, at);
    }
    if (sync == Sync::each_group) entry.rw_flags = RWF_DSYNC;
    entry.user_data = buffer;
    ++started;
  };
  // Whatever ends it, the kernel must be through with the buffers and the ring must be empty.
  const auto drain = [&] {
    io_uring_cqe completion{};
    while (done < started) {
      if (ring_->next_completion(completion)) {
        ++done;
      } else if (!ring_->submit(1)) {
        return;
      }
    }
  };
  for (uint32_t buffer = 0; buffer < group_.depth && started < groups; ++buffer) start(buffer);
  try {
    while (done < groups) {
      value_or_throw(ring_->submit(1));
      io_uring_cqe completion{};
      while (ring_->next_completion(completion)) {
        ++done;
        if (completion.res < 0) throw_errno("the raw queued write failed", -completion.res);
        if (static_cast<uint32_t>(completion.res) != group_.bytes)
          throw_errno("the raw queued write was cut short", EIO);
        if (started < groups) start(static_cast<uint32_t>(completion.user_data));
      }
      check();
    }
  } catch (...) {
    drain();
    throw;
  }
}

}  // namespace ringmain::tools
