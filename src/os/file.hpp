// Files and directories. Every descriptor is close-on-exec; every error names the path.
// Callable from any thread.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace ringmain::os {

// `flags` as for open(2); O_CLOEXEC is added.
Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0600);
Result<UniqueFd> open_file_at(int directory_fd, const std::string& name, int flags,
                              mode_t mode = 0600);
Result<UniqueFd> open_directory(const std::string& path);
// For the ...at() calls alone: enough for who may pass through a directory and not list it.
Result<UniqueFd> open_place(const std::string& path);

// A larger file is an error: this is for settings and markers, not for logs. Reads the
// kernel's files, too, which claim to be empty.
inline constexpr uint64_t small_file_max_bytes = uint64_t{1} << 20;
Result<std::string> read_small_file(const std::string& path,
                                    uint64_t max_bytes = small_file_max_bytes);

// Old content or new, never a mix, also after a power cut: written to "<path>.tmp", synced,
// renamed, and the directory synced. One writer at a time. Passes fault point
// "os.small_file.before_rename".
Status write_small_file(const std::string& path, std::string_view content, mode_t mode = 0600);

// All of it, across short writes and signals.
Status write_fully(int fd, std::span<const std::byte> bytes);

Result<uint64_t> file_size_bytes(int fd);
Status truncate_file(int fd, uint64_t size_bytes);

// Memory or disk for [offset, offset + length), and the file at least that long: a later
// store through a mapping finds its page. ErrorCode::no_space says which file system is
// full and what to do. Consults fault point "os.allocate".
Status allocate(int fd, uint64_t offset, uint64_t length_bytes);

// Gives the range back; it reads as zeros, and the file keeps its size.
Status punch_hole(int fd, uint64_t offset, uint64_t length_bytes);

// Makes missing parents too; `mode` is for those that are made, whatever the umask. A
// directory that is already there keeps its mode.
Status make_directories(const std::string& path, mode_t mode = 0700);

// A tree that is not there is fine.
Status remove_tree(const std::string& path);

// Makes entries made, renamed or removed in a directory outlive a power cut.
Status sync_directory(const std::string& path);

// The path behind a descriptor, for messages: "/dev/shm/bus/slot-3".
std::string describe_fd(int fd);

}  // namespace ringmain::os
