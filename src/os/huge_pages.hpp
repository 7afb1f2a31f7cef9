// Whether the kernel gives shared memory 2 MiB pages. Pure readers of the kernel's texts,
// and the functions that fetch these.
//
// A tmpfs that somebody mounted follows its own huge= option; memory without a mount
// (memfd) follows /sys/kernel/mm/transparent_hugepage/shmem_enabled, whose values "deny"
// and "force" rule over both.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ringmain::os {

enum class PageKind { base_4k, huge_2m };
const char* page_kind_name(PageKind kind) noexcept;

inline constexpr uint64_t huge_page_bytes = uint64_t{2} << 20;

// What a shared mapping of a file on `device` gets after a successful MADV_HUGEPAGE.
PageKind page_kind_after_advice(dev_t device);

// How many bytes of [begin, end) lie in 2 MiB pages, from /proc/self/smaps. The kernel counts
// per mapping: neighbours that it merged into one are counted together.
Result<uint64_t> huge_bytes_in(uintptr_t begin, uintptr_t end);

// The pure parts.
// "always within_size [advise] never deny force" -> "advise"
std::string_view chosen_setting(std::string_view setting);
// The huge= option of the mount of `device` ("never" without one); nothing if no such mount.
std::optional<std::string> huge_option_of_mount(std::string_view mountinfo, dev_t device);
PageKind decide_page_kind(std::string_view shmem_enabled,
                          const std::optional<std::string>& mount_option);
uint64_t huge_bytes_in(std::string_view smaps, uintptr_t begin, uintptr_t end);

}  // namespace ringmain::os
