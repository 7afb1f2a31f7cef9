// A file system of the test's own: ext4 on a loop device over an image in tmpfs, whose power can be
// cut. Needs root, loop devices and mkfs.ext4; volumes_are_possible() says what is missing.
//
// The cut (EXT4_IOC_SHUTDOWN) takes away what the kernel held: dirty pages, allocations and names
// that its journal has not committed. What has reached the loop device stays, unless the image lies
// on a FaultyDisk, which is a device that loses its own cache as well.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringmain::crash {

// Mounts in this process, and those that it starts, are its own from here on: they end with it,
// however it ends. Empty, or why there can be no volume here. Once, and before there are threads.
std::string volumes_are_possible();

enum class Cut : std::uint32_t {
  journal_flushed = 1,  // EXT4_GOING_FLAGS_LOGFLUSH: what the journal holds is committed first
  journal_lost = 2,     // EXT4_GOING_FLAGS_NOLOGFLUSH
};

class Volume {
 public:
  struct Options {
    std::uint64_t bytes = 1ull << 30;
    std::string mount_options = "data=ordered";
    std::string image_folder = {};  // empty: `folder`
  };
  // Makes, formats and mounts it under `folder`. Throws std::runtime_error.
  Volume(const std::string& folder, Options options);
  ~Volume();  // unmounts, removes the image
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  const std::string& path() const { return mount_point_; }
  // From here on every write fails. Who has files open keeps them.
  void cut_power(Cut cut);
  // Waits until nobody holds a file any more: io_uring lets go a little after a kill.
  void unmount();
  void mount();  // replays the journal
  void remount(const std::string& options);

 private:
  const std::string image_;
  const std::string mount_point_;
  const Options options_;
  bool is_mounted_ = false;
};

// Runs a command to its end; its exit status, and what it printed.
struct CommandResult {
  int status = 0;
  std::string output;
};
CommandResult run_command(const std::vector<std::string>& words);

}  // namespace ringmain::crash
