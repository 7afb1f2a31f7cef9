// Fuzzes what reads a partition's memory: its header as any bytes, and a reader in a partition
// where all but the geometry is hostile. Every step must end, inside the memory, with an outcome.
// USES log client
#include <array>
#include <cstdint>
#include <cstdlib>

#include "client/header_codec.hpp"
#include "format/record_body.hpp"
#include "fuzz/hostile_partition.hpp"
#include "log/geometry.hpp"
#include "log/reader.hpp"

namespace {

using namespace ringmain;

// What read_geometry lets through must lie within the file.
void read_header(std::span<const std::byte> input) {
  static std::array<std::byte, 1 << 20> file;
  format::PartitionHeader header{};
  std::memcpy(static_cast<void*>(&header), input.data(), std::min(sizeof(header), input.size()));
  if (!input.empty() && (input.back() & std::byte{1}) != std::byte{0}) {
    header.magic = format::kPartitionMagic;
    header.version = format::kPartitionVersion;
    log::seal_header(header);
  }
  std::memcpy(file.data(), static_cast<const void*>(&header), sizeof(header));
  const auto geometry = log::read_geometry(file, "the input");
  if (!geometry) {
    if (geometry.error().message.empty()) std::abort();
    return;
  }
  if (geometry->slots_at + geometry->slot_limit * geometry->slot_bytes > file.size()) std::abort();
  if (geometry->max_record_bytes + format::kFrameHeaderBytes > geometry->max_frame_bytes()) std::abort();
  static_cast<void>(log::check_readers(input, "the input"));
}

// Looks at every byte that the reader hands out.
void look_at(const log::Reader& reader) {
  const auto& frame = reader.frame();
  const std::uint32_t body = reader.frame_size() - format::kFrameHeaderBytes;
  volatile std::uint8_t sum = 0;
  for (std::uint32_t i = 0; i < body; ++i) sum = static_cast<std::uint8_t>(sum + std::to_integer<std::uint8_t>(frame.body()[i]));
  const auto parts = format::read_body(frame.body(), body, frame.flags);
  if (parts) static_cast<void>(client::decode_headers(parts->headers));
}

// As far as the records go; false if that is further than there is memory.
bool walk(log::Reader& reader, fuzz::HostilePartition& memory, std::span<const std::byte> scribbles) {
  for (int step = 0; step < fuzz::HostilePartition::kStepsMax; ++step) {
    static_cast<void>(reader.ready());
    switch (step % 5 == 4 ? reader.next_in_segment() : reader.next()) {
      case log::ReadOutcome::record:
        look_at(reader);
        break;
      case log::ReadOutcome::rolled:
      case log::ReadOutcome::segment_end:
        break;
      case log::ReadOutcome::lost:
        static_cast<void>(reader.take_lost());
        break;
      case log::ReadOutcome::empty:
      case log::ReadOutcome::corrupt:
      case log::ReadOutcome::deleted:
        return true;
    }
    if (scribbles.size() >= 10) {
      std::uint16_t where;
      std::uint64_t word;
      std::memcpy(&where, scribbles.data(), sizeof(where));
      std::memcpy(&word, scribbles.data() + sizeof(where), sizeof(word));
      memory.scribble(where, word);
      scribbles = scribbles.subspan(10);
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  read_header(input);
  fuzz::HostilePartition memory;
  const auto scribbles = memory.fill(input);
  log::Reader reader(memory.view(), 1);
  const std::uint64_t offset = memory.view().control().memory_bell.load();
  for (const int way : {0, 1, 2, 3}) {
    if (way == 1 && reader.seek_start() == log::SeekOutcome::corrupt) continue;
    if (way == 2 && reader.seek(offset) == log::SeekOutcome::corrupt) continue;
    if (way == 3 && reader.seek_end() == log::SeekOutcome::corrupt) continue;
    if (!walk(reader, memory, way == 3 ? scribbles : std::span<const std::byte>{})) std::abort();
  }
  return 0;
}
