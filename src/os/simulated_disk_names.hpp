// The directories of the simulated disk: names as they are now, as they are durable, and the
// changes between. Pure; one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "os/disk.hpp"
#include "os/simulated_disk_content.hpp"

namespace ringmain::os::simulated {

struct Node {
  using Entries = std::map<std::string, std::shared_ptr<Node>, std::less<>>;

  bool is_directory = false;
  Content content;          // of a file
  uint32_t handles = 0;     // that have the file open
  Entries entries;          // of a directory, as a reader sees them
  Entries durable_entries;  // as they would be after a power cut that loses all it may
};

class Names {
 public:
  Names();

  // Errors say `what` and have the codes of disk.hpp.
  Result<std::shared_ptr<Node>> file(const std::string& what, const std::string& path) const;
  Result<std::shared_ptr<Node>> directory(const std::string& what, const std::string& path) const;

  Result<std::shared_ptr<Node>> create(const std::string& path);
  Status rename(const std::string& from, const std::string& to);
  Status remove(const std::string& path);
  // The directories that are to be made, from the top down.
  Result<std::vector<std::string>> missing_directories(const std::string& path) const;
  // One, whose parent is there; durable at once.
  Status make_directory(const std::string& path);
  Status sync_directory(const std::string& path);

  // What a power cut leaves: of the changes that are not durable each is kept or lost, but a
  // change of a name is kept only if all earlier ones of that name are.
  void crash(Random& random);

 private:
  // One name in one directory gets a node, or loses it (null).
  struct Edit {
    std::shared_ptr<Node> directory;
    std::string name;
    std::shared_ptr<Node> node;

    bool same_name(const Edit& other) const noexcept {
      return directory == other.directory && name == other.name;
    }
  };
  // Atomic: a rename is two edits. Durable when `home` is synced.
  struct Change {
    std::shared_ptr<Node> home;
    std::vector<Edit> edits;

    bool shares_a_name(const Change& other) const noexcept;
    void apply_to_durable() const;
  };

  struct Place {
    std::shared_ptr<Node> parent;
    std::string name;
    std::shared_ptr<Node> node;  // null: nothing of that name
  };
  Result<Place> find(const std::string& what, const std::string& path) const;
  void make(Change change);

  std::shared_ptr<Node> root_;
  std::vector<Change> unsynced_;  // oldest first
};

}  // namespace ringmain::os::simulated
