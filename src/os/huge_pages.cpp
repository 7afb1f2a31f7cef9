// The kernel's texts about huge pages.
#include "os/huge_pages.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <charconv>

#include "os/file.hpp"

namespace ringmain::os {
namespace {

// A process with very many mappings; 1 KiB of text each.
constexpr uint64_t proc_file_max_bytes = uint64_t{256} << 20;

std::string_view next_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

std::string_view next_word(std::string_view& rest) {
  const size_t begin = rest.find_first_not_of(' ');
  if (begin == std::string_view::npos) return rest = {};
  rest.remove_prefix(begin);
  const size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  return word;
}

// The value of "huge=" in "rw,size=4k,huge=advise".
std::string_view huge_value(std::string_view options) {
  constexpr std::string_view key = "huge=";
  while (!options.empty()) {
    const size_t end = options.find(',');
    const std::string_view option = options.substr(0, end);
    if (option.starts_with(key)) return option.substr(key.size());
    options = end == std::string_view::npos ? std::string_view{} : options.substr(end + 1);
  }
  return "never";
}

struct AddressRange {
  uintptr_t begin;
  uintptr_t end;
};

// "7f0000000000-7f0000200000 rw-s ..." opens the entry of a mapping.
std::optional<AddressRange> address_range(std::string_view line) {
  AddressRange range{};
  const char* end_of_line = line.data() + line.size();
  const auto [dash, error] = std::from_chars(line.data(), end_of_line, range.begin, 16);
  if (error != std::errc{} || dash == end_of_line || *dash != '-') return std::nullopt;
  const auto [rest, end_error] = std::from_chars(dash + 1, end_of_line, range.end, 16);
  if (end_error != std::errc{} || rest == end_of_line || *rest != ' ') return std::nullopt;
  return range;
}

}  // namespace

const char* page_kind_name(PageKind kind) noexcept {
  return kind == PageKind::huge_2m ? "2 MiB" : "4 KiB";
}

PageKind page_kind_after_advice(dev_t device) {
  const auto shmem = read_small_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  const auto mounts = read_small_file("/proc/self/mountinfo", proc_file_max_bytes);
  if (!shmem || !mounts) return PageKind::base_4k;  // a kernel without them, or hidden
  return decide_page_kind(chosen_setting(*shmem), huge_option_of_mount(*mounts, device));
}

Result<uint64_t> huge_bytes_in(uintptr_t begin, uintptr_t end) {
  RINGMAIN_TRY_ASSIGN(smaps, read_small_file("/proc/self/smaps", proc_file_max_bytes));
  return huge_bytes_in(smaps, begin, end);
}

std::string_view chosen_setting(std::string_view setting) {
  const size_t open = setting.find('[');
  const size_t close = setting.find(']', open);
  if (open == std::string_view::npos || close == std::string_view::npos) return {};
  return setting.substr(open + 1, close - open - 1);
}

// mountinfo: "36 35 0:24 /root /mount rw,noatime shared:1 - tmpfs source rw,huge=advise".
std::optional<std::string> huge_option_of_mount(std::string_view mountinfo, dev_t device) {
  const std::string wanted = fmt::format("{}:{}", major(device), minor(device));
  while (!mountinfo.empty()) {
    std::string_view line = next_line(mountinfo);
    std::string_view fields = line;
    next_word(fields);
    next_word(fields);
    if (next_word(fields) != wanted) continue;
    const size_t separator = fields.find(" - ");
    if (separator == std::string_view::npos) continue;
    fields.remove_prefix(separator + 3);
    next_word(fields);  // type
    next_word(fields);  // source
    return std::string(huge_value(next_word(fields)));
  }
  return std::nullopt;
}

PageKind decide_page_kind(std::string_view shmem_enabled,
                          const std::optional<std::string>& mount_option) {
  if (shmem_enabled == "deny") return PageKind::base_4k;
  if (shmem_enabled == "force") return PageKind::huge_2m;
  const std::string_view rule = mount_option ? std::string_view(*mount_option) : shmem_enabled;
  const bool granted = rule == "always" || rule == "within_size" || rule == "advise";
  return granted ? PageKind::huge_2m : PageKind::base_4k;
}

uint64_t huge_bytes_in(std::string_view smaps, uintptr_t begin, uintptr_t end) {
  constexpr std::string_view key = "ShmemPmdMapped:";
  uint64_t total_bytes = 0;
  bool is_ours = false;
  while (!smaps.empty()) {
    std::string_view line = next_line(smaps);
    if (const auto range = address_range(line)) {
      is_ours = range->begin < end && begin < range->end;
    } else if (is_ours && line.starts_with(key)) {
      line.remove_prefix(key.size());
      const std::string_view number = next_word(line);
      uint64_t kib = 0;
      std::from_chars(number.data(), number.data() + number.size(), kib);
      total_bytes += kib * 1024;
    }
  }
  return total_bytes;
}

}  // namespace ringmain::os
