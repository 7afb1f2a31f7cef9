// Names of a partition's files: docs/formats/log-file.md, "Files".
#include "segment/file_name.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace ringmain::segment {
namespace {

constexpr std::size_t kDigits = 20;  // of the largest 64-bit number
constexpr std::string_view kUnfinished = ".new";
constexpr std::array<std::pair<FileKind, std::string_view>, 3> kSuffixes{
    {{FileKind::log, ".log"},
     {FileKind::offset_index, ".index"},
     {FileKind::time_index, ".timeindex"}}};

}  // namespace

std::string file_name(const FileName& name) {
  for (const auto& [kind, suffix] : kSuffixes)
    if (kind == name.kind)
      return fmt::format("{:020}{}{}", name.base_offset, suffix,
                         name.unfinished ? kUnfinished : "");
  return {};
}

std::optional<FileName> parse_file_name(std::string_view name) noexcept {
  FileName parsed;
  if (name.size() < kDigits) return std::nullopt;
  const char* digits_end = name.data() + kDigits;
  const auto [end, error] = std::from_chars(name.data(), digits_end, parsed.base_offset);
  if (error != std::errc{} || end != digits_end) return std::nullopt;
  name.remove_prefix(kDigits);
  if (name.ends_with(kUnfinished)) {
    parsed.unfinished = true;
    name.remove_suffix(kUnfinished.size());
  }
  for (const auto& [kind, suffix] : kSuffixes) {
    if (name != suffix) continue;
    parsed.kind = kind;
    return parsed;
  }
  return std::nullopt;
}

}  // namespace ringmain::segment
