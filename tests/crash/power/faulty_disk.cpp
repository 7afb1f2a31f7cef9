#include "faulty_disk.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "faulty_disk_server.hpp"

namespace ringmain::crash {
namespace {

constexpr useconds_t kLookAgainUs = 1000;

FaultyDiskOrders* make_orders() {
  void* memory = ::mmap(nullptr, sizeof(FaultyDiskOrders), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory for a disk's orders");
  return static_cast<FaultyDiskOrders*>(memory);
}

}  // namespace

std::string faulty_disks_are_possible() {
  if (!has_faulty_disk_server()) return "this was built without libfuse3 (Debian: libfuse3-dev)";
  if (::geteuid() != 0) return "only root can mount a file system";
  if (::access("/dev/fuse", R_OK | W_OK) != 0)
    return fmt::format("there is no /dev/fuse: {}", std::strerror(errno));
  std::string folder = "/dev/shm/ringmain-fuse-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return "cannot make a folder in /dev/shm";
  std::string problem;
  try {
    FaultyDisk disk(folder + "/real", folder + "/shown");
  } catch (const std::exception& error) {
    problem = error.what();
  }
  std::filesystem::remove_all(folder);
  return problem;
}

FaultyDisk::FaultyDisk(const std::string& folder, const std::string& mount_point)
    : folder_(folder), mount_point_(mount_point), orders_(make_orders()) {
  std::filesystem::create_directories(folder);
  std::filesystem::create_directories(mount_point);
  mount();
}

FaultyDisk::~FaultyDisk() {
  if (server_ != 0) {
    ::umount2(mount_point_.c_str(), MNT_DETACH);
    ::kill(server_, SIGKILL);
    ::waitpid(server_, nullptr, 0);
  }
  ::munmap(orders_, sizeof(*orders_));
}

void FaultyDisk::works() noexcept {
  for (auto* error : {&orders_->on_write, &orders_->on_sync, &orders_->on_make, &orders_->on_open,
                      &orders_->on_allocate, &orders_->on_read})
    error->store(0);
}

void FaultyDisk::mount() {
  orders_->is_ready.store(0);
  const pid_t parent = ::getpid();
  std::fflush(nullptr);
  server_ = ::fork();
  if (server_ < 0) throw std::runtime_error("cannot fork");
  if (server_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(3);
    ::_exit(serve_faulty_disk(folder_, mount_point_, *orders_));
  }
  while (orders_->is_ready.load() == 0) {  // until it serves, or has ended
    if (::waitpid(server_, nullptr, WNOHANG) == server_) {
      server_ = 0;
      throw std::runtime_error(fmt::format("FUSE refuses to mount {}", mount_point_));
    }
    ::usleep(kLookAgainUs);
  }
}

void FaultyDisk::unmount() {
  while (::umount2(mount_point_.c_str(), 0) != 0) {  // until nobody holds a file any more
    if (errno != EBUSY)
      throw std::runtime_error(
          fmt::format("cannot unmount {}: {}", mount_point_, std::strerror(errno)));
    ::usleep(kLookAgainUs);
  }
  int status = 0;
  while (::waitpid(server_, &status, 0) < 0 && errno == EINTR) {
  }
  server_ = 0;
  if (status != 0)
    throw std::runtime_error(
        fmt::format("the disk at {} ended with status {}", mount_point_, status));
}

void FaultyDisk::lose_power(std::uint64_t seed) {
  orders_->seed.store(seed);
  orders_->loses_power.store(1);
  unmount();
  orders_->loses_power.store(0);
  mount();
}

}  // namespace ringmain::crash
