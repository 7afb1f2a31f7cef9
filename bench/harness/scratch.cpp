// Making and removing folders.
#include "harness/scratch.hpp"

#include <unistd.h>

#include <cstdlib>

#include "base/result.hpp"
#include "cli/exit.hpp"
#include "os/file.hpp"

namespace ringmain::bench {
namespace {

// Short: the address of a Unix socket holds 107 bytes.
std::string new_folder(const std::string& parent) {
  std::string path = parent + "/ringmain-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    throw Exception(fail_errno("cannot make a folder in " + parent).value());
  return path;
}

}  // namespace

Scratch::Scratch(const std::string& parent)
    : folder_(new_folder(parent)),
      memory_folder_(new_folder(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : folder_)) {}

Scratch::~Scratch() {
  static_cast<void>(os::remove_tree(memory_folder_));
  static_cast<void>(os::remove_tree(folder_));
}

}  // namespace ringmain::bench
