// What a disk with a cache has not made safe yet: who holds it can lose any part of it. Of the
// faulty disk's process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "os/fd.hpp"

namespace ringmain::crash {

class WriteCache {
 public:
  struct Loss {
    std::uint64_t lost_blocks = 0, kept_blocks = 0;
  };
  // Before a write, or a change of size, of an open file. 0 or errno.
  int will_write(int fd, std::uint64_t at, std::span<const char> bytes);
  int will_resize(int fd, std::uint64_t size_bytes);
  void synced(int fd);
  // All that was not synced is as before.
  void forget(int fd);
  // Of all files: each block is lost or kept.
  Loss lose(Random& random);

 private:
  struct Change {
    std::uint64_t at = 0;
    std::string before, after;  // `before` may be shorter: the file ended there
    std::uint64_t size_before = 0, size_after = 0;
    bool is_resize = false;
  };
  struct File {
    os::UniqueFd fd;
    std::vector<Change> changes;
  };
  File& file_of(int fd);
  static void undo(const File& file);
  static void redo(const File& file, const Change& change);

  std::map<ino_t, File> files_;  // that have changes
};

}  // namespace ringmain::crash
