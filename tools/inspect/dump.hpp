// What `ringmain log dump` prints: each prints as it goes, since a log may hold more frames than
// memory should. As a table for people, or one JSON object a line.
#pragma once

#include <string>

namespace ringmain::tools {

enum class DumpForm { text, json };

// A partition's shared-memory file. These throw Exception when the bytes cannot be read, or cannot
// be what the file says that it is; what was read before is printed.
void dump_partition_memory(const std::string& path, DumpForm form);
// A log file. Frames that are damaged are printed, too, and those behind them.
void dump_log_file(const std::string& path, DumpForm form);
// An offset or time index.
void dump_index(const std::string& path, DumpForm form);

}  // namespace ringmain::tools
