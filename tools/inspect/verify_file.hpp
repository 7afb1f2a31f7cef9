// Checks one log file: heads, every frame that its heads prove and those behind, its indexes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/log_file.hpp"
#include "inspect/verify.hpp"
#include "inspect/verify_index.hpp"
#include "segment/prove.hpp"

namespace ringmain::tools {

// What the log has behind a file.
struct Behind {
  std::optional<format::LogFileHead> next;  // the first head of the next file
  size_t segments = 0;                      // in all later files
};

class FileVerifier {
 public:
  // `log_path` with ".log" at its end is where the indexes are looked for; empty: nowhere.
  FileVerifier(LogFile& file, const std::string& log_path, Behind behind, const OnBytes& on_bytes);

  // The first damage. Error: the disk's.
  Result<std::optional<Damage>> run();

  const VerifyTotals& totals() const noexcept { return totals_; }
  const std::vector<std::string>& notes() const noexcept { return notes_; }
  // The log ends here in a torn tail: the next start cuts off what is behind.
  bool ends_torn() const noexcept { return ends_torn_; }

 private:
  Result<std::optional<Damage>> check_segment(size_t index);
  void see(size_t index, std::span<const std::byte> image, const segment::FrameNote& note);
  std::optional<Damage> judge(size_t index, const segment::Proof& proof);
  std::optional<Damage> judge_complete(const format::LogFileHead& head,
                                       const segment::Proof& proof) const;
  std::optional<Damage> judge_open(size_t index, const segment::Proof& proof);
  const format::LogFileHead* head_behind(size_t index) const noexcept;
  Damage damage_at(const format::LogFileHead& head, segment::SegmentPlace place,
                   const std::string& what) const;

  LogFile& file_;
  const std::string log_path_;
  const Behind behind_;
  const OnBytes& on_bytes_;
  segment::HeadRun run_;
  std::vector<IndexVerifier> indexes_;
  std::optional<uint64_t> offset_at_proved_;  // of the segment at hand
  std::optional<Damage> bad_record_;          // the first with a right checksum
  VerifyTotals totals_;
  std::vector<std::string> notes_;
  bool ends_torn_ = false;
};

// "a frame's checksum is wrong", for people.
const char* words_for(segment::ImageStop stop) noexcept;

}  // namespace ringmain::tools
