#include "volume.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "os/fd.hpp"

namespace ringmain::crash {
namespace {

// From the kernel's fs/ext4/ext4.h; no header of the system has it. XFS and f2fs know the same
// number.
constexpr unsigned long kShutdown = _IOR('X', 125, std::uint32_t);
constexpr useconds_t kLookAgainUs = 1000;

std::string words_of(int error) {
  return std::strerror(error);
}

void must(const std::vector<std::string>& words) {
  const CommandResult result = run_command(words);
  if (result.status == 0) return;
  std::string line;
  for (const std::string& word : words) line += word + " ";
  throw std::runtime_error(
      fmt::format("{}: exit status {}: {}", line, result.status, result.output));
}

}  // namespace

CommandResult run_command(const std::vector<std::string>& words) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe: " + words_of(errno));
  const os::UniqueFd reading(pipe_fds[0]);
  os::UniqueFd writing(pipe_fds[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::dup2(writing.get(), STDOUT_FILENO);
    ::dup2(writing.get(), STDERR_FILENO);
    ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  if (pid < 0) throw std::runtime_error("fork: " + words_of(errno));
  writing.reset();
  CommandResult result;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(reading.get(), buffer, sizeof(buffer))) > 0;)
    result.output.append(buffer, static_cast<std::size_t>(count));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string volumes_are_possible() {
  if (::geteuid() != 0) return "only root can mount a file system";
  if (::access("/dev/loop-control", R_OK | W_OK) != 0)
    return "there are no loop devices (/dev/loop-control): " + words_of(errno);
  if (run_command({"mkfs.ext4", "-V"}).status != 0)
    return "there is no mkfs.ext4 (Debian: e2fsprogs)";
  if (::unshare(CLONE_NEWNS) != 0) return "mounts of one's own are refused: " + words_of(errno);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return "mounts are refused: " + words_of(errno);
  std::string folder = "/dev/shm/ringmain-volume-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr)
    return "cannot make a folder in /dev/shm: " + words_of(errno);
  std::string problem;
  try {
    Volume volume(folder, {.bytes = 16 << 20, .mount_options = "data=ordered", .image_folder = {}});
    volume.cut_power(Cut::journal_lost);
    volume.unmount();
    volume.mount();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  std::filesystem::remove_all(folder);
  return problem;
}

Volume::Volume(const std::string& folder, Options options)
    : image_((options.image_folder.empty() ? folder : options.image_folder) + "/image"),
      mount_point_(folder + "/volume"),
      options_(std::move(options)) {
  std::filesystem::create_directories(mount_point_);
  const os::UniqueFd image(::open(image_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!image || ::ftruncate(image.get(), static_cast<off_t>(options_.bytes)) != 0)
    throw std::runtime_error(fmt::format("cannot make {}: {}", image_, words_of(errno)));
  // No blocks for root alone: full shall mean full. Its inode tables at once: nothing writes behind
  // our back.
  must({"mkfs.ext4", "-q", "-F", "-m", "0", "-E",
        "lazy_itable_init=0,lazy_journal_init=0,nodiscard", image_});
  mount();
}

Volume::~Volume() {
  if (is_mounted_) ::umount2(mount_point_.c_str(), MNT_DETACH);
  ::unlink(image_.c_str());
}

void Volume::cut_power(Cut cut) {
  const os::UniqueFd root(::open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto flags = static_cast<std::uint32_t>(cut);
  if (!root || ::ioctl(root.get(), kShutdown, &flags) != 0)
    throw std::runtime_error(
        fmt::format("cannot cut the power of {}: {}", mount_point_, words_of(errno)));
}

void Volume::unmount() {
  while (::umount2(mount_point_.c_str(), 0) != 0) {
    if (errno != EBUSY)
      throw std::runtime_error(fmt::format("cannot unmount {}: {}", mount_point_, words_of(errno)));
    ::usleep(kLookAgainUs);
  }
  is_mounted_ = false;
}

void Volume::mount() {
  must({"mount", "-t", "ext4", "-o", "loop," + options_.mount_options, image_, mount_point_});
  is_mounted_ = true;
}

void Volume::remount(const std::string& options) {
  must({"mount", "-o", "remount," + options, mount_point_});
}

}  // namespace ringmain::crash
