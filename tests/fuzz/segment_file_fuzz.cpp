// Fuzzes log files: any bytes. Parsing, walking, finding and proving must end, stay inside the
// file, and give one answer with and without indexes.
//
// The first byte of an input chooses: 1 seal the heads anew, 2 seal the frames anew, so that
// mutations get behind the checksums; 4 the second half of the rest becomes the file's second
// segment.

// USES segment log
#include <cstdint>
#include <cstdlib>

#include "segment/log_file_view.hpp"
#include "segment/prove.hpp"
#include "unit/segment/fixture.hpp"

namespace {

using namespace ringmain;
using namespace ringmain::segment;

void require(bool holds) {
  if (!holds) std::abort();
}

void seal_heads_of(std::span<std::byte> file) {
  for (std::size_t at = 0; at + sizeof(format::LogFileHead) <= file.size();
       at += test::kSlotBytes) {
    format::LogFileHead head = test::head_in(file, at);
    head.magic = format::kSegmentMagic;
    head.slot_bytes = test::kSlotBytes;
    seal_head(head);
    test::put_head(file.subspan(at), head);
  }
}

void seal_frames_of(std::span<std::byte> file) {
  for (std::size_t begin = 0; begin + sizeof(format::LogFileHead) <= file.size();
       begin += test::kSlotBytes) {
    const format::LogFileHead head = test::head_in(file, begin);
    const auto image =
        file.subspan(begin, std::min<std::size_t>(test::kSlotBytes, file.size() - begin));
    for (std::size_t at = format::kSegmentHeaderBytes;
         at + format::kFrameHeaderBytes <= image.size();) {
      std::uint64_t commit = 0;
      std::memcpy(&commit, image.data() + at, sizeof(commit));
      const auto size = static_cast<std::uint32_t>(format::commit_size(commit));
      if (!format::is_published(commit, head.tag) || size > image.size() - at) {
        at += format::kFrameAlignment;
        continue;
      }
      const std::uint32_t crc = FrameSeal(head).checksum_of_sealed(
          image.subspan(at, size), static_cast<std::uint32_t>(at / format::kFrameAlignment));
      std::memcpy(image.data() + at + offsetof(PlainFrameHeader, crc32c), &crc, sizeof(crc));
      at += format::align_frame(size);
    }
  }
}

bool lies_within(std::span<const std::byte> part, std::span<const std::byte> whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void same(const Found& a, const Found& b) {
  require(a.outcome == b.outcome);
  if (a.outcome == FindOutcome::found) require(a.place == b.place);
}

void walk_all(const LogFileView& view, std::span<const std::byte> file) {
  LogFileWalk walk(view, view.first_place());
  std::uint64_t frames = 0, offset = view.identity().base_offset;
  while (walk.next() == WalkOutcome::frame) {
    require(lies_within(walk.frame(), file));
    require(walk.note().place.offset == offset);
    offset = walk.place().offset;
    require(++frames <= file.size() / format::kFrameAlignment);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 10) return 0;
  const unsigned choice = data[0];
  std::uint64_t wanted = 0;
  std::memcpy(&wanted, data + 1, sizeof(wanted));
  const auto rest = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> file(rest.begin(), rest.end());
  if ((choice & 4) != 0 && rest.size() / 2 <= test::kSlotBytes) {
    const auto half = rest.size() / 2;
    file.resize(half);
    file.resize(test::kSlotBytes);
    file.insert(file.end(), rest.begin() + static_cast<std::ptrdiff_t>(half), rest.end());
  }
  if ((choice & 1) != 0) seal_heads_of(file);
  if ((choice & 2) != 0) seal_frames_of(file);

  const auto view = LogFileView::parse(file, "fuzz");
  if (!view) return 0;
  walk_all(*view, file);
  for (std::uint32_t index = 0; index < view->heads().size(); ++index) {
    const auto& head = view->heads()[index];
    const Proof proof = prove(view->image(index), head);
    require(proof.end.units <= head.slot_bytes / format::kFrameAlignment);
    if (proof.beyond) require(proof.beyond->end_units <= head.slot_bytes / format::kFrameAlignment);
    judge(head, proof, {0, wanted});
  }
  const IndexBuilder indexes = rebuild_indexes(*view, 64);
  const auto decoded = OffsetIndex::decode(indexes.offsets().encode(), view->identity(), "fuzz");
  require(decoded.has_value());
  require(TimeIndex::decode(indexes.times().encode(), view->identity(), "fuzz").has_value());
  for (const std::uint64_t offset : {wanted, view->identity().base_offset + wanted % 64})
    same(view->find(offset), view->find(offset, &*decoded));
  for (const auto time :
       {static_cast<std::int64_t>(wanted), static_cast<std::int64_t>(wanted % 2000)}) {
    const Found plain = view->find_time(time), indexed = view->find_time(time, &indexes.times());
    if (plain.outcome == FindOutcome::found) same(plain, indexed);
  }
  return 0;
}
