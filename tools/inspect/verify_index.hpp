// Holds an index to the frames of its log file, while those are walked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/log_file.hpp"
#include "inspect/verify.hpp"
#include "segment/frame_note.hpp"

namespace ringmain::tools {

class IndexVerifier {
 public:
  // Reads the index; one that is not there is fine, and one that an earlier file of this name left
  // gives a note: both can be found after a crash.
  IndexVerifier(const std::string& path, segment::FileKind kind,
                const segment::FileIdentity& log_file);

  // Each frame of the log file, in order.
  void see(uint32_t segment_index, const segment::FrameNote& note);
  // All were seen.
  std::optional<Damage> finish();

  const std::optional<std::string>& note() const noexcept { return note_; }

 private:
  uint64_t position_of(size_t entry) const noexcept;
  void damaged(size_t entry, const std::string& why);

  std::string path_;
  segment::FileKind kind_;
  std::vector<IndexEntry> entries_;
  size_t next_ = 0;
  int64_t largest_ns_ = format::kNoLargestNs;  // of all frames seen
  std::optional<Damage> damage_;               // the first
  std::optional<std::string> note_;
};

}  // namespace ringmain::tools
