// Reading partition files from outside.
#include "inspect/partition_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "inspect/frame_decoder.hpp"
#include "log/geometry.hpp"
#include "log/recycler.hpp"
#include "os/file.hpp"
#include "os/mapping.hpp"

namespace ringmain::tools {
namespace {

using format::Control;
using format::SegmentHeader;

// What is read while the bus goes on may not fit together; read again, it does.
constexpr int attempts = 5;

template <class T, size_t Size>
T field(const std::array<std::byte, Size>& bytes, size_t at) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// The longest prefix of a segment in which frames may lie.
uint64_t used_bytes(const SegmentInfo& segment, const log::Geometry& geometry) noexcept {
  uint64_t bytes = std::min(segment.prepared_bytes, geometry.slot_bytes);
  if (segment.final_bytes) bytes = std::min(bytes, *segment.final_bytes);
  return bytes;
}

}  // namespace

const char* storage_name(format::StorageState state) noexcept {
  switch (state) {
    case format::StorageState::none:
      return "memory";
    case format::StorageState::healthy:
      return "healthy";
    case format::StorageState::full:
      return "full";
    case format::StorageState::failing:
      return "failing";
  }
  return "?";
}

const char* role_name(SegmentInfo::Role role) noexcept {
  switch (role) {
    case SegmentInfo::Role::retired:
      return "retired";
    case SegmentInfo::Role::full:
      return "full";
    case SegmentInfo::Role::active:
      return "active";
    case SegmentInfo::Role::prepared:
      return "prepared";
  }
  return "?";
}

const char* state_name(FrameInfo::State state) noexcept {
  switch (state) {
    case FrameInfo::State::published:
      return "published";
    case FrameInfo::State::in_progress:
      return "in-progress";
    case FrameInfo::State::unmarked:
      return "unmarked";
  }
  return "?";
}

Result<PartitionFile> PartitionFile::open(const std::string& path) {
  // A FIFO must not make us wait for its writer.
  RINGMAIN_TRY_ASSIGN(fd, os::open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("cannot look at " + path);
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::invalid_argument,
                path + " is not a file: name a partition's shared-memory file");
  }
  PartitionFile file(path, std::move(fd));
  const auto size_bytes = static_cast<uint64_t>(status.st_size);
  if (size_bytes < sizeof(file.header_)) return file.corrupt("it is too short for a header");
  RINGMAIN_TRY_ASSIGN(mapping,
                      os::Mapping::map(file.fd_.get(), 0, size_bytes, os::Access::read_only));
  RINGMAIN_TRY_ASSIGN(geometry, log::read_geometry(mapping.bytes(), path));
  file.geometry_ = geometry;
  RINGMAIN_TRY(file.read_at(0, std::as_writable_bytes(std::span(&file.header_, 1))));
  return file;
}

bool PartitionFile::looks_like_one(const std::string& path) noexcept {
  const auto fd = os::open_file(path, O_RDONLY | O_NONBLOCK);
  uint64_t magic = 0;
  return fd && ::pread(fd->get(), &magic, sizeof(magic), 0) == sizeof(magic) &&
         magic == format::kPartitionMagic;
}

Result<ControlInfo> PartitionFile::control() const {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::array<std::byte, sizeof(Control)> bytes{};
    RINGMAIN_TRY(read_at(format::kControlAt, bytes));
    ControlInfo control;
    control.active = field<uint64_t>(bytes, offsetof(Control, active));
    control.prepared = field<uint64_t>(bytes, offsetof(Control, prepared));
    control.log_start = field<uint64_t>(bytes, offsetof(Control, log_start));
    control.is_deleted = field<uint32_t>(bytes, offsetof(Control, state)) != 0;
    control.waiting_producers = field<uint32_t>(bytes, offsetof(Control, memory_waiters));
    control.storage = format::StorageState{field<uint32_t>(bytes, offsetof(Control, storage))};
    control.durable_offset = field<uint64_t>(bytes, offsetof(Control, durable_offset));
    const bool is_sane = control.log_start <= control.active && control.active < control.prepared &&
                         control.prepared - control.log_start <= geometry_.slot_limit;
    if (is_sane) return control;
  }
  return corrupt("the counters in its control area contradict each other");
}

Result<uint64_t> PartitionFile::memory_bytes() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return fail_errno("cannot look at " + path_);
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

Result<std::vector<SegmentInfo>> PartitionFile::segments(const ControlInfo& control) const {
  std::vector<uint64_t> directory(geometry_.directory_size);
  RINGMAIN_TRY(read_at(format::kDirectoryAt, std::as_writable_bytes(std::span(directory))));
  std::vector<SegmentInfo> segments;
  for (const uint64_t entry : directory) {
    const uint64_t sequence = entry >> 16, slot_plus_one = entry & 0xffff;
    if (slot_plus_one == 0 || sequence >= control.prepared) continue;
    if (slot_plus_one > geometry_.slot_limit) {
      return corrupt(fmt::format("its directory puts segment {} into slot {} of {}", sequence,
                                 slot_plus_one - 1, geometry_.slot_limit));
    }
    const auto slot = static_cast<uint32_t>(slot_plus_one - 1);
    RINGMAIN_TRY_ASSIGN(there, sequence_in(slot));
    // Entries of dropped segments stay until another one takes their place in the directory.
    if (there != sequence && sequence < control.log_start) continue;
    if (there > sequence)
      continue;  // dropped, and its slot reused, since the control area was read
    RINGMAIN_TRY_ASSIGN(segment, segment_in(slot, sequence, control));
    segments.push_back(segment);
  }
  std::sort(segments.begin(), segments.end(),
            [](const SegmentInfo& a, const SegmentInfo& b) { return a.sequence < b.sequence; });
  RINGMAIN_TRY(check_complete(control, segments));
  return segments;
}

// Every segment from the log's start to the last prepared one has a slot, unless it was dropped
// since the control area was read.
Status PartitionFile::check_complete(const ControlInfo& control,
                                     const std::vector<SegmentInfo>& segments) const {
  RINGMAIN_TRY_ASSIGN(now, this->control());
  uint64_t due = now.log_start;
  for (const SegmentInfo& segment : segments) {
    if (segment.sequence == due) ++due;
  }
  if (due < control.prepared) return corrupt(fmt::format("no slot holds segment {}", due));
  return {};
}

Result<uint64_t> PartitionFile::sequence_in(uint32_t slot) const {
  uint64_t sequence = 0;
  const uint64_t at =
      geometry_.slots_at + slot * geometry_.slot_bytes + offsetof(SegmentHeader, sequence);
  RINGMAIN_TRY(read_at(at, std::as_writable_bytes(std::span(&sequence, 1))));
  return sequence;
}

Result<SegmentInfo> PartitionFile::segment_in(uint32_t slot, uint64_t sequence,
                                              const ControlInfo& control) const {
  std::array<std::byte, sizeof(SegmentHeader)> bytes{};
  RINGMAIN_TRY(read_at(geometry_.slots_at + slot * geometry_.slot_bytes, bytes));
  const uint32_t checksum =
      crc32c(std::span<const std::byte>(bytes).first(format::kSegmentCrcBytes));
  if (field<uint64_t>(bytes, offsetof(SegmentHeader, magic)) != format::kSegmentMagic ||
      field<uint32_t>(bytes, offsetof(SegmentHeader, header_crc32c)) != checksum ||
      field<uint64_t>(bytes, offsetof(SegmentHeader, sequence)) != sequence ||
      field<uint32_t>(bytes, offsetof(SegmentHeader, tag)) == 0) {
    return corrupt(fmt::format("slot {} has no sound header of segment {}", slot, sequence));
  }
  SegmentInfo segment;
  segment.sequence = sequence;
  segment.slot = slot;
  segment.tag = field<uint32_t>(bytes, offsetof(SegmentHeader, tag));
  segment.created_ms = field<uint64_t>(bytes, offsetof(SegmentHeader, created_ms));
  segment.leader_epoch = field<uint32_t>(bytes, offsetof(SegmentHeader, leader_epoch));
  segment.prepared_bytes = field<uint64_t>(bytes, offsetof(SegmentHeader, prepared_bytes));
  const auto base_offset = field<uint64_t>(bytes, offsetof(SegmentHeader, base_offset));
  if (base_offset != format::kNoOffset) segment.base_offset = base_offset;
  const auto tail = format::unpack_tail(field<uint64_t>(bytes, offsetof(SegmentHeader, tail)));
  if (!format::is_full(tail,
                       geometry_.capacity_units())) {  // else it holds claims that did not fit
    segment.tail_bytes = tail.units * format::kFrameAlignment;
    segment.tail_records = tail.count;
  }
  const auto final_word = field<uint64_t>(bytes, offsetof(SegmentHeader, final));
  if (final_word != 0) {
    const auto end = format::unpack_final(final_word);
    segment.final_bytes = end.units * format::kFrameAlignment;
    segment.final_records = end.count;
  }
  using enum SegmentInfo::Role;
  segment.role = sequence < control.log_start ? retired
                 : sequence < control.active  ? full
                 : sequence == control.active ? active
                                              : prepared;
  return segment;
}

Status PartitionFile::frames(const SegmentInfo& segment,
                             const std::function<void(const FrameInfo&)>& visit) const {
  if (!segment.base_offset) return {};  // its turn has not come
  std::vector<std::byte> bytes(used_bytes(segment, geometry_));
  const uint64_t slot_at = geometry_.slots_at + segment.slot * geometry_.slot_bytes;
  RINGMAIN_TRY(read_at(slot_at, bytes));
  FrameDecoder decoder(bytes, segment);
  for (int attempt = 1;;) {  // each turn passes a frame, or is one of a few attempts
    auto frame = decoder.next();
    if (frame && !*frame) return {};
    if (frame) {
      visit(**frame);
      attempt = 1;
      continue;
    }
    RINGMAIN_TRY_ASSIGN(sequence, sequence_in(segment.slot));
    if (sequence != segment.sequence) return {};  // dropped, and its slot reused, meanwhile
    if (attempt++ == attempts) return corrupt(frame.error().message);
    // The copy may have caught a frame half-way: its commit word new, its fields old.
    RINGMAIN_TRY(
        read_at(slot_at + decoder.position(), std::span(bytes).subspan(decoder.position())));
  }
}

Status PartitionFile::read_at(uint64_t position, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t read =
        ::pread(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (read == 0) return corrupt("it has been cut short");
    if (read < 0 && errno != EINTR) return fail_errno("cannot read " + path_);
    if (read < 0) continue;
    position += static_cast<uint64_t>(read);
    bytes = bytes.subspan(static_cast<size_t>(read));
  }
  return {};
}

tl::unexpected<Error> PartitionFile::corrupt(const std::string& why) const {
  return fail(ErrorCode::corrupt_memory,
              fmt::format("{} is damaged or not Ringmain's: {}", path_, why));
}

}  // namespace ringmain::tools
