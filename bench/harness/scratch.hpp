// The folders of one turn: on the measured disk, and on tmpfs. They go with the object, with all
// that is in them.
#pragma once

#include <string>

namespace ringmain::bench {

class Scratch {
 public:
  // Makes a new folder inside `parent`, and one on /dev/shm (inside the first where there is none).
  explicit Scratch(const std::string& parent);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& folder() const noexcept { return folder_; }
  const std::string& memory_folder() const noexcept { return memory_folder_; }

 private:
  std::string folder_, memory_folder_;
};

}  // namespace ringmain::bench
