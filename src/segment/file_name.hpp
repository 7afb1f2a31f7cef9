// Names of a partition's files on disk: 20 digits of the base offset, and what it is. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringmain::segment {

enum class FileKind { log, offset_index, time_index };

struct FileName {
  std::uint64_t base_offset = 0;
  FileKind kind = FileKind::log;
  // "....log.new": being written, to be renamed when it is whole. One that is found was left by a
  // death.
  bool unfinished = false;
  friend bool operator==(const FileName&, const FileName&) = default;
};

std::string file_name(const FileName& name);
// nullopt: no name that we give.
std::optional<FileName> parse_file_name(std::string_view name) noexcept;

}  // namespace ringmain::segment
