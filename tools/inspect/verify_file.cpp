// Judging one log file. The rules are those of docs/formats/log-file.md, "Recovery", and
// docs/storage.md, "Start"; only shared memory is not known here.
#include "inspect/verify_file.hpp"

#include <fmt/format.h>

#include "format/record_body.hpp"
#include "storage/group.hpp"

namespace ringmain::tools {
namespace {

using segment::Proof;
using segment::SegmentPlace;

constexpr const char* remedy =
    "fetch the file from a replica or a backup, or skip what is damaged with `ringmain log repair`";

bool body_is_sound(std::span<const std::byte> image, const segment::FrameNote& note) noexcept {
  if (note.type != format::FrameType::record) return true;
  const std::byte* frame = image.data() + size_t{note.place.units} * format::kFrameAlignment;
  const auto flags = std::to_integer<uint8_t>(frame[offsetof(segment::PlainFrameHeader, flags)]);
  return (flags & ~format::kKnownFlags) == 0 &&
         format::read_body(frame + format::kFrameHeaderBytes, note.size - format::kFrameHeaderBytes,
                           flags)
             .has_value();
}

bool covers(const format::LogFileHead& head, const segment::TimeRange& times) noexcept {
  return times.empty() ||
         (head.smallest_ns <= times.smallest_ns && times.largest_ns <= head.largest_ns);
}

}  // namespace

const char* words_for(segment::ImageStop stop) noexcept {
  switch (stop) {
    case segment::ImageStop::none:
      break;
    case segment::ImageStop::end_of_image:
      return "the segment or the file ends";
    case segment::ImageStop::end_of_data:
      return "no frame is there";
    case segment::ImageStop::torn_frame:
      return "a frame's size leads out of its segment";
    case segment::ImageStop::bad_checksum:
      return "a frame's checksum is wrong";
    case segment::ImageStop::bad_fields:
      return "a frame has a right checksum and an offset, type or extent that cannot be";
  }
  return "a frame proves itself";
}

FileVerifier::FileVerifier(LogFile& file, const std::string& log_path, Behind behind,
                           const OnBytes& on_bytes)
    : file_(file), log_path_(log_path), behind_(std::move(behind)), on_bytes_(on_bytes) {}

Result<std::optional<Damage>> FileVerifier::run() {
  run_ = file_.heads();
  if (run_.fault == segment::RunFault::unreadable) return tl::make_unexpected(run_.error);
  if (run_.fault == segment::RunFault::blank) {
    notes_.push_back(file_.path() + " holds no segment yet: it was made ahead");
    return std::optional<Damage>();
  }
  if (!run_.heads.empty() && log_path_.ends_with(".log")) {
    const std::string stem = log_path_.substr(0, log_path_.size() - 4);
    const segment::FileIdentity identity = run_.identity();
    indexes_.emplace_back(stem + ".index", segment::FileKind::offset_index, identity);
    indexes_.emplace_back(stem + ".timeindex", segment::FileKind::time_index, identity);
  }
  for (size_t i = 0; i < run_.heads.size() && !ends_torn_; ++i) {
    RINGMAIN_TRY_ASSIGN(damage, check_segment(i));
    if (damage) return damage;
  }
  if (run_.fault != segment::RunFault::none) {
    Damage damage{{}, file_.path(), 0, without_path(run_.error.message, file_.path())};
    if (!run_.heads.empty()) {
      damage.offset = run_.proved_end_offset();
      damage.position = run_.heads.size() * run_.heads[0].slot_bytes;
    }
    return std::optional(damage);
  }
  for (IndexVerifier& index : indexes_) {
    if (index.note()) notes_.push_back(*index.note());
    if (auto damage = index.finish()) return damage;
  }
  totals_.files = 1;
  return std::optional<Damage>();
}

Result<std::optional<Damage>> FileVerifier::check_segment(size_t index) {
  const format::LogFileHead& head = run_.heads[index];
  RINGMAIN_TRY_ASSIGN(image, file_.image(head));
  offset_at_proved_.reset();
  const Proof proof =
      segment::prove(image, head, {format::kFirstFrameUnits, head.base_offset},
                     [&](const segment::FrameNote& note) { see(index, image, note); });
  if (proof.end.units == head.proved_units) offset_at_proved_ = proof.end.offset;
  if (bad_record_) return bad_record_;
  if (auto damage = judge(index, proof)) return damage;
  ++totals_.segments;
  totals_.bytes += uint64_t{proof.end.units} * format::kFrameAlignment;
  on_bytes_(head.slot_bytes);
  return std::optional<Damage>();
}

void FileVerifier::see(size_t index, std::span<const std::byte> image,
                       const segment::FrameNote& note) {
  const format::LogFileHead& head = run_.heads[index];
  if (note.place.units == head.proved_units) offset_at_proved_ = note.place.offset;
  if (!bad_record_ && !body_is_sound(image, note))
    bad_record_ = damage_at(head, note.place,
                            "a record has a right checksum, and its flags or the sizes in it "
                            "contradict each other: it was written so");
  totals_.records += note.records;
  for (IndexVerifier& each : indexes_) each.see(head.index_in_file, note);
}

std::optional<Damage> FileVerifier::judge(size_t index, const Proof& proof) {
  const format::LogFileHead& head = run_.heads[index];
  if (proof.end.units < head.proved_units)
    return damage_at(
        head, proof.end,
        fmt::format("{}, and the segment's head proves frames up to byte {}", words_for(proof.stop),
                    head.index_in_file * head.slot_bytes +
                        uint64_t{head.proved_units} * format::kFrameAlignment));
  if (offset_at_proved_ != segment::proved_end_offset(head))
    return damage_at(head, proof.end,
                     fmt::format("the segment's head says that offset {} stands at byte {} of the "
                                 "segment, and its frames say otherwise",
                                 segment::proved_end_offset(head),
                                 uint64_t{head.proved_units} * format::kFrameAlignment));
  return segment::is_complete(head) ? judge_complete(head, proof) : judge_open(index, proof);
}

std::optional<Damage> FileVerifier::judge_complete(const format::LogFileHead& head,
                                                   const Proof& proof) const {
  if (segment::judge(head, proof, {}) != segment::Verdict::clean_end)
    return damage_at(
        head, proof.end,
        fmt::format("{}, and the segment's head says that it is complete", words_for(proof.stop)));
  if (!covers(head, proof.times))
    return damage_at(head, {0, head.base_offset},
                     fmt::format("the head says timestamps from {} to {} ns, and there are records "
                                 "from {} to {} ns",
                                 head.smallest_ns, head.largest_ns, proof.times.smallest_ns,
                                 proof.times.largest_ns));
  return std::nullopt;
}

// A segment of which only a part is proved: being written, left by a death, or ended by a stop.
std::optional<Damage> FileVerifier::judge_open(size_t index, const Proof& proof) {
  const format::LogFileHead& head = run_.heads[index];
  const format::LogFileHead* next = head_behind(index);
  if (next != nullptr && proof.end.offset == next->base_offset) return std::nullopt;
  const std::string place =
      fmt::format("{} byte {}", file_.path(), damage_at(head, proof.end, "").position);
  if (next == nullptr && head.proved_units > format::kFirstFrameUnits) {
    if (proof.stop != segment::ImageStop::end_of_data || proof.beyond)
      notes_.push_back(
          fmt::format("the log ends at offset {} ({}); what is there was never "
                      "acknowledged as durable",
                      proof.end.offset, place));
    return std::nullopt;  // a clean stop: nothing behind it was acknowledged
  }
  const size_t segments_behind = run_.heads.size() - index - 1 + behind_.segments;
  const bool was_durable =
      next != nullptr && (segments_behind > 1 || next->proved_units > format::kFirstFrameUnits);
  if (was_durable)
    return damage_at(head, proof.end,
                     fmt::format("{}, and the segment behind it begins with offset {}",
                                 words_for(proof.stop), next->base_offset));
  const segment::Verdict verdict =
      segment::judge(head, proof, {proof.end.units, storage::kMostInFlightBytes});
  if (verdict == segment::Verdict::damaged)
    return damage_at(head, proof.end,
                     fmt::format("{}, and frames stand further behind it than what can have been "
                                 "on its way to disk",
                                 words_for(proof.stop)));
  if (verdict == segment::Verdict::torn_tail || next != nullptr) {
    ends_torn_ = next != nullptr;
    notes_.push_back(
        fmt::format("torn tail at offset {} ({}): {}; this is no damage, nothing from "
                    "there on was ever acknowledged as durable, and the next start "
                    "cuts it off or writes it anew",
                    proof.end.offset, place, words_for(proof.stop)));
  }
  return std::nullopt;
}

const format::LogFileHead* FileVerifier::head_behind(size_t index) const noexcept {
  if (index + 1 < run_.heads.size()) return &run_.heads[index + 1];
  return behind_.next ? &*behind_.next : nullptr;
}

Damage FileVerifier::damage_at(const format::LogFileHead& head, SegmentPlace place,
                               const std::string& what) const {
  return {place.offset, file_.path(),
          head.index_in_file * head.slot_bytes + uint64_t{place.units} * format::kFrameAlignment,
          fmt::format("{}; {}", what, remedy)};
}

}  // namespace ringmain::tools
