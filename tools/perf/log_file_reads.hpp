// The log files of a benchmark's topic, and plain reads of them: the limit beside `perf recover`
// and `perf cold`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace ringmain::tools {

// Of partition 0, in order. Throws Failure if there is none, or more than one topic of that name.
std::vector<std::string> log_files_of(const std::string& bus_folder, const std::string& topic);

struct FileRange {
  std::string path;
  uint64_t at = 0;
  uint64_t size_bytes = 0;
};

std::vector<FileRange> whole_files(const std::vector<std::string>& paths);

// What a start must read of them: each segment's head, and each segment that is not proved by its
// head, as far as the file holds it. With `memory_has_last` the last segment is in shared memory
// still.
std::vector<FileRange> what_must_be_proved(const std::vector<std::string>& paths,
                                           bool memory_has_last);

uint64_t bytes_of(const std::vector<FileRange>& ranges);

// What is dirty goes to disk first.
void drop_from_cache(const std::vector<std::string>& paths);

// Seconds to read(2) all of it with a buffer of 1 MiB. `check` is called now and then, and may
// throw.
double read_plainly(const std::vector<FileRange>& ranges, const std::function<void()>& check);

}  // namespace ringmain::tools
