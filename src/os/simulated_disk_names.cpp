// Looking up and changing names; which changes a sync or a power cut makes last.
#include "os/simulated_disk_names.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.hpp"
#include "os/disk_error.hpp"

namespace ringmain::os::simulated {
namespace {

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin < path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// From here down, names are as durable as they are. Ends: directories form a tree.
void settle(Node& directory, Random& random) {
  directory.entries = directory.durable_entries;
  for (auto& [name, node] : directory.entries) {
    if (node->is_directory) {
      settle(*node, random);
    } else {
      node->content.crash(random);
    }
  }
}

}  // namespace

bool Names::Change::shares_a_name(const Change& other) const noexcept {
  return std::any_of(edits.begin(), edits.end(), [&](const Edit& mine) {
    return std::any_of(other.edits.begin(), other.edits.end(),
                       [&](const Edit& others) { return mine.same_name(others); });
  });
}

void Names::Change::apply_to_durable() const {
  for (const Edit& edit : edits) {
    if (edit.node == nullptr) {
      edit.directory->durable_entries.erase(edit.name);
    } else {
      edit.directory->durable_entries[edit.name] = edit.node;
    }
  }
}

Names::Names() : root_(std::make_shared<Node>()) {
  root_->is_directory = true;
}

Result<Names::Place> Names::find(const std::string& what, const std::string& path) const {
  if (!path.starts_with('/')) {
    return fail(ErrorCode::invalid_argument,
                what + ": the simulated disk takes absolute paths only");
  }
  Place place{nullptr, "", root_};
  for (std::string& part : parts_of(path)) {
    if (place.node == nullptr) return fail_disk(what, ENOENT);
    if (!place.node->is_directory) return fail_disk(what, ENOTDIR);
    const auto found = place.node->entries.find(part);
    std::shared_ptr<Node> next = found == place.node->entries.end() ? nullptr : found->second;
    place = {std::move(place.node), std::move(part), std::move(next)};
  }
  return place;
}

Result<std::shared_ptr<Node>> Names::file(const std::string& what, const std::string& path) const {
  RINGMAIN_TRY_ASSIGN(place, find(what, path));
  if (place.node == nullptr) return fail_disk(what, ENOENT);
  if (place.node->is_directory) return fail_disk(what, EISDIR);
  return place.node;
}

Result<std::shared_ptr<Node>> Names::directory(const std::string& what,
                                               const std::string& path) const {
  RINGMAIN_TRY_ASSIGN(place, find(what, path));
  if (place.node == nullptr) return fail_disk(what, ENOENT);
  if (!place.node->is_directory) return fail_disk(what, ENOTDIR);
  return place.node;
}

void Names::make(Change change) {
  for (const Edit& edit : change.edits) {
    if (edit.node == nullptr) {
      edit.directory->entries.erase(edit.name);
    } else {
      edit.directory->entries[edit.name] = edit.node;
    }
  }
  unsynced_.push_back(std::move(change));
}

Result<std::shared_ptr<Node>> Names::create(const std::string& path) {
  const std::string what = "cannot make " + path;
  RINGMAIN_TRY_ASSIGN(place, find(what, path));
  if (place.node != nullptr) return fail_disk(what, EEXIST);
  auto node = std::make_shared<Node>();
  make({place.parent, {{place.parent, place.name, node}}});
  return node;
}

Status Names::rename(const std::string& from, const std::string& to) {
  const std::string what = "cannot rename " + from + " to " + to;
  RINGMAIN_TRY_ASSIGN(source, find(what, from));
  RINGMAIN_TRY_ASSIGN(target, find(what, to));
  if (source.node == nullptr) return fail_disk(what, ENOENT);
  if (source.node->is_directory) {
    return fail(ErrorCode::invalid_argument, what + ": the simulated disk renames files only");
  }
  if (target.node != nullptr && target.node->is_directory) return fail_disk(what, EISDIR);
  if (source.node == target.node) return {};
  make({target.parent,
        {{source.parent, source.name, nullptr}, {target.parent, target.name, source.node}}});
  return {};
}

Status Names::remove(const std::string& path) {
  const std::string what = "cannot remove " + path;
  RINGMAIN_TRY_ASSIGN(place, find(what, path));
  if (place.node == nullptr) return fail_disk(what, ENOENT);
  if (place.parent == nullptr) return fail_disk(what, EBUSY);
  if (!place.node->entries.empty()) return fail_disk(what, ENOTEMPTY);
  make({place.parent, {{place.parent, place.name, nullptr}}});
  return {};
}

Result<std::vector<std::string>> Names::missing_directories(const std::string& path) const {
  std::vector<std::string> missing;
  std::string so_far;
  for (const std::string& part : parts_of(path)) {
    so_far += "/" + part;
    const std::string what = "cannot make directory " + so_far;
    if (!missing.empty()) {
      missing.push_back(so_far);
      continue;
    }
    RINGMAIN_TRY_ASSIGN(place, find(what, so_far));
    if (place.node == nullptr) {
      missing.push_back(so_far);
    } else if (!place.node->is_directory) {
      return fail(ErrorCode::already_exists, what + ": a file of that name is in the way");
    }
  }
  return missing;
}

Status Names::make_directory(const std::string& path) {
  RINGMAIN_TRY_ASSIGN(place, find("cannot make directory " + path, path));
  RINGMAIN_ASSERT(place.node == nullptr && place.parent != nullptr);
  auto node = std::make_shared<Node>();
  node->is_directory = true;
  Change change{place.parent, {{place.parent, place.name, std::move(node)}}};
  std::erase_if(unsynced_, [&](const Change& earlier) {  // of a directory that was removed
    if (!earlier.shares_a_name(change)) return false;
    earlier.apply_to_durable();
    return true;
  });
  make(std::move(change));
  unsynced_.back().apply_to_durable();
  unsynced_.pop_back();
  return {};
}

// With what happened in the directory goes what happened before to the same names elsewhere.
Status Names::sync_directory(const std::string& path) {
  RINGMAIN_TRY_ASSIGN(synced, directory("cannot sync directory " + path, path));
  std::vector<bool> goes(unsynced_.size());
  for (size_t index = unsynced_.size(); index-- > 0;) {
    goes[index] = unsynced_[index].home == synced;
    for (size_t later = index + 1; later < unsynced_.size() && !goes[index]; ++later) {
      goes[index] = goes[later] && unsynced_[index].shares_a_name(unsynced_[later]);
    }
  }
  std::vector<Change> left;
  for (size_t index = 0; index < unsynced_.size(); ++index) {
    if (goes[index]) {
      unsynced_[index].apply_to_durable();
    } else {
      left.push_back(std::move(unsynced_[index]));
    }
  }
  unsynced_ = std::move(left);
  return {};
}

void Names::crash(Random& random) {
  std::vector<Change> lost;
  for (Change& change : unsynced_) {
    const bool keeps =
        random.below(2) == 0 && std::none_of(lost.begin(), lost.end(), [&](const Change& earlier) {
          return earlier.shares_a_name(change);
        });
    if (keeps) {
      change.apply_to_durable();
    } else {
      lost.push_back(std::move(change));
    }
  }
  unsynced_.clear();
  settle(*root_, random);
}

}  // namespace ringmain::os::simulated
