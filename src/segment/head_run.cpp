// Reading a run: docs/formats/log-file.md, "Run".
#include "segment/head_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ringmain::segment {
namespace {

struct Candidate {
  HeadState state = HeadState::blank;
  format::LogFileHead head{};
};

Result<Candidate> read_candidate(std::uint64_t at, const ReadHeadAt& read) {
  std::array<std::byte, sizeof(format::LogFileHead)> bytes{};
  RINGMAIN_TRY_ASSIGN(count, read(at, bytes));
  Candidate candidate;
  candidate.state =
      read_head(std::span(bytes).first(std::min(count, bytes.size())), at, candidate.head);
  return candidate;
}

bool same_partition(const format::LogFileHead& a, const format::LogFileHead& b) noexcept {
  return topic_id_of(a) == topic_id_of(b) && a.partition == b.partition;
}

// Whether a damaged head is one of this run that was hit, and not what an earlier use of the file
// left.
bool was_of_run(const format::LogFileHead& head, const format::LogFileHead& first,
                const format::LogFileHead& previous) noexcept {
  return head.file_tag == first.file_tag ||
         (same_partition(head, first) && head.sequence == previous.sequence + 1);
}

bool follows(const format::LogFileHead& head, const format::LogFileHead& first,
             const format::LogFileHead& previous) noexcept {
  const std::uint64_t end = proved_end_offset(previous);
  return same_partition(head, first) && head.slot_bytes == first.slot_bytes &&
         head.sequence == previous.sequence + 1 && head.leader_epoch >= previous.leader_epoch &&
         (is_complete(previous) ? head.base_offset == end : head.base_offset >= end);
}

HeadRun faulty(HeadRun run, RunFault fault, ErrorCode code, std::string message) {
  run.fault = fault;
  run.error = Error{code, std::move(message)};
  return run;
}

HeadRun newer(HeadRun run, std::uint32_t version, const std::string& what) {
  return faulty(
      std::move(run), RunFault::newer_version, ErrorCode::version_mismatch,
      fmt::format("log file {} has version {}, this program knows {}: use the program that "
                  "wrote it, or a later one",
                  what, version, format::kLogFileVersion));
}

HeadRun damaged_at(HeadRun run, std::uint64_t at, const std::string& why, const std::string& what) {
  auto message = fmt::format(
      "log file {}: the head of its segment {} (at byte {}) {}; the records from there on cannot "
      "be read: fetch the file from a replica or a backup, or skip what is lost with "
      "`ringmain log repair`",
      what, run.heads.size(), at, why);
  return faulty(std::move(run), RunFault::damaged, ErrorCode::kafka_storage_error,
                std::move(message));
}

}  // namespace

HeadRun read_run(std::uint64_t file_bytes, const ReadHeadAt& read, const std::string& what) {
  HeadRun run;
  if (file_bytes > format::kMaxLogFileBytes)
    return faulty(std::move(run), RunFault::damaged, ErrorCode::kafka_storage_error,
                  fmt::format("log file {} has {} bytes, and none that we write has more than {}: move it away", what,
                              file_bytes, format::kMaxLogFileBytes));
  for (std::uint64_t at = 0;;) {  // ends with the file
    if (at != 0 && (at >= file_bytes || file_bytes - at < sizeof(format::LogFileHead))) break;
    const auto candidate = read_candidate(at, read);
    if (!candidate)
      return faulty(std::move(run), RunFault::unreadable, candidate.error().code,
                    candidate.error().message);
    const auto& [state, head] = *candidate;
    if (at == 0) {
      if (state == HeadState::blank)
        return faulty(std::move(run), RunFault::blank, ErrorCode::kafka_storage_error,
                      fmt::format("log file {} holds no segment yet", what));
      if (state == HeadState::newer_version) return newer(std::move(run), head.version, what);
      if (state == HeadState::damaged) return damaged_at(std::move(run), at, "is damaged", what);
    } else if (state == HeadState::valid && head.file_tag == run.heads[0].file_tag) {
      const std::uint64_t due_at = run.heads.size() * run.heads[0].slot_bytes;
      if (at != due_at)
        return damaged_at(std::move(run), due_at, "is missing, and later ones are there", what);
      if (!follows(head, run.heads[0], run.heads.back()))
        return damaged_at(std::move(run), at, "does not follow the one before", what);
    } else if (state == HeadState::newer_version && head.file_tag == run.heads[0].file_tag) {
      return newer(std::move(run), head.version, what);
    } else if (state == HeadState::damaged && was_of_run(head, run.heads[0], run.heads.back())) {
      return damaged_at(std::move(run), at, "is damaged", what);
    } else {  // behind the run; look on, whether it is really its end
      at += run.heads[0].slot_bytes;
      continue;
    }
    run.heads.push_back(head);
    at += head.slot_bytes;
  }
  const auto& last = run.heads.back();
  const std::uint64_t needed_bytes = last.index_in_file * last.slot_bytes +
                                     std::uint64_t{last.proved_units} * format::kFrameAlignment;
  if (file_bytes < needed_bytes)
    return faulty(std::move(run), RunFault::short_file, ErrorCode::kafka_storage_error,
                  fmt::format("log file {} has {} bytes, and {} were durable: somebody cut it off; "
                              "fetch it from a replica or a backup, or skip what is lost with "
                              "`ringmain log repair`",
                              what, file_bytes, needed_bytes));
  return run;
}

}  // namespace ringmain::segment
