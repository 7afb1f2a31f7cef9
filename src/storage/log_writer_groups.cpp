// The way of frames from shared memory into a queued write: see log_writer.hpp.
#include "storage/log_writer.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "os/fault.hpp"

namespace ringmain::storage {
namespace {

using segment::SegmentPlace;

constexpr std::uint64_t kZeroBytes = 256 * 1024;  // zeroed ahead at a time
constexpr std::uint64_t kZeroAheadBytes = 64 * 1024;

std::uint64_t round_up(std::uint64_t bytes) noexcept {
  return (bytes + os::disk_block_bytes - 1) / os::disk_block_bytes * os::disk_block_bytes;
}

}  // namespace

// Copies what is published to `into`, and takes note of it.
segment::CopyResult LogWriter::copy(std::span<std::byte> into, GroupEnd& group) {
  const auto end = full_end();
  return copier_->copy(readable(), end ? end->units : UINT32_MAX, into, [&](const segment::FrameNote& note) {
    group.add(note);
    segment_->file->note(segment_->head.index_in_file, note);
    segment_->head.smallest_ns = std::min(segment_->head.smallest_ns, note.times.smallest_ns);
    segment_->head.largest_ns = std::max(segment_->head.largest_ns, note.times.largest_ns);
  });
}

// Whether another group may be in flight. The first of a segment waits for the head of the segment before it.
bool LogWriter::may_submit(bool with_head) const noexcept {
  return groups_.size() < kGroupsInFlight && (!with_head || last_head_is_durable());
}

// What is gathered and may go.
bool LogWriter::submit_gathered(os::DiskQueue& queue) {
  bool any = false;
  while (!gathered_.empty() && queue.room() >= 2 && may_submit(gathered_.front().has_head)) {  // each turn submits one
    const Gathered& next = gathered_.front();
    const os::DiskToken token = next_token();
    const auto submitted = queue.submit_write(next.segment->file->disk_file(), next.write, token);
    if (!submitted) {
      fail_with(submitted.error());
      return any;  // it stays: writing starts anew with the oldest that is here
    }
    queue.give_back(next.write.buffer);
    ++in_flight_;
    os::fault_point("storage.group_submitted");
    groups_.push_back({token, next.segment, next.end, false});
    gathered_.pop_front();
    any = true;
  }
  return any;
}

void LogWriter::drop_gathered(os::DiskQueue& queue) noexcept {
  for (const Gathered& gathered : gathered_) queue.give_back(gathered.write.buffer);
  gathered_.clear();
}

StepResult LogWriter::gather_group(os::DiskQueue& queue) {
  using State = StepResult::State;
  if (queue.room() < 2) return {State::busy};
  const SegmentPlace begin = copier_->place();
  const std::uint64_t from = GroupEnd::floor_of(begin);  // the block that the last group ended in comes again
  const std::uint64_t lead = GroupEnd::bytes_of(begin) - from;
  const bool beside_zeros = zeros_.in_flight() && zeros_.segment == segment_.get();
  if (beside_zeros && GroupEnd::bytes_of(begin) >= zeros_.from) return {State::busy};
  const auto buffer_index = queue.take_buffer();
  if (!buffer_index) return {State::busy};
  const std::span<std::byte> buffer = queue.buffer(*buffer_index);
  std::size_t room = buffer.size();
  if (beside_zeros) room = std::min<std::size_t>(room, zeros_.from - from);  // not into what is being zeroed
  std::memcpy(buffer.data(), partial_.data(), lead);
  GroupEnd group(begin);
  const auto result = copy(buffer.subspan(lead, room - lead), group);
  const bool more = result.stop == segment::CopyStop::buffer_full;
  const std::size_t used = lead + result.bytes;
  if (result.bytes == 0 || (more && group.whole_bytes() == from)) {
    // Frames that fill no block, and behind them one that does not fit, go to disk together with it: a block
    // that is padded with zeros could wipe out what an earlier writing of this segment had made durable.
    std::memcpy(partial_.data(), buffer.data(), used % os::disk_block_bytes);
    queue.give_back(*buffer_index);
    if (result.stop == segment::CopyStop::damaged) {
      fail_with({ErrorCode::corrupt_memory,
                 fmt::format("{}: the frame at offset {} in shared memory is damaged: somebody wrote over it; nothing from there "
                             "on goes to disk",
                             owner_.name, begin.offset)});
      return {State::failed};
    }
    if (!more) return {in_flight_ != 0 ? State::busy : State::idle};
    if (beside_zeros || !groups_.empty() || !gathered_.empty()) return {State::busy};
    if (auto written = write_large(result.needed_bytes); !written) fail_with(written.error());
    return {State::moved};
  }
  // Whole blocks only if there is more: the rest comes with the next group.
  const std::size_t written = more ? group.whole_bytes() - from : round_up(used);
  const std::size_t rest_at = used / os::disk_block_bytes * os::disk_block_bytes;
  std::memcpy(partial_.data(), buffer.data() + rest_at, used - rest_at);
  if (!more) std::memset(buffer.data() + used, 0, written - used);
  if (from == 0) std::memcpy(segment_->first_block.data(), buffer.data(), os::disk_block_bytes);
  const os::DiskWrite write{segment_->at() + from, *buffer_index, 0, static_cast<std::uint32_t>(written), os::Durability::synced};
  gathered_.push_back({segment_, write, more ? group.whole() : group.last(), from == 0});
  partial_in_flight_ = !more && used % os::disk_block_bytes != 0;
  took(from + written);
  if (!more && result.stop != segment::CopyStop::damaged) write_ahead_zeros(queue, from + written);
  return {State::moved};
}

void LogWriter::took(std::uint64_t written_until) noexcept {
  news_since_ns_ = 0;
  zeros_.until = std::max(zeros_.until, written_until);
}

// A frame that no buffer holds: with what stands before it in its block, and blocking.
Status LogWriter::write_large(std::uint32_t frame_bytes) {
  const SegmentPlace begin = copier_->place();
  const std::uint64_t from = GroupEnd::floor_of(begin), lead = GroupEnd::bytes_of(begin) - from;
  std::vector<std::byte> bytes(round_up(lead + frame_bytes));
  std::memcpy(bytes.data(), partial_.data(), lead);
  GroupEnd group(begin);
  const auto result = copy(std::span(bytes).subspan(lead, frame_bytes), group);
  if (result.bytes == 0) return {};
  // The block that it ends in is not padded over what an earlier writing made durable behind it.
  const std::size_t used = lead + result.bytes;
  const std::size_t rest_at = used / os::disk_block_bytes * os::disk_block_bytes;
  std::memcpy(partial_.data(), bytes.data() + rest_at, used - rest_at);
  const std::size_t written = result.stop == segment::CopyStop::buffer_full ? rest_at : round_up(used);
  RINGMAIN_TRY(segment_->file->disk_file().write(segment_->at() + from, std::span(bytes).first(written)));
  RINGMAIN_TRY(segment_->file->disk_file().sync());
  if (from == 0) std::memcpy(segment_->first_block.data(), bytes.data(), os::disk_block_bytes);
  took(from + written);
  became_durable(segment_, written == rest_at ? group.whole() : group.last());
  publish_watermarks();
  return {};
}

// Blocks that were never written cost a synced write its file system's journal. A trickle of small
// groups finds them zeroed; a stream of large ones goes without.
void LogWriter::write_ahead_zeros(os::DiskQueue& queue, std::uint64_t end) {
  if (zeros_.in_flight() || end + kZeroAheadBytes < zeros_.until || queue.room() == 0) return;
  const std::uint64_t to = std::min({zeros_.until + kZeroBytes, zeros_.until + queue.buffer_bytes(), config_.slot_bytes});
  if (to <= zeros_.until) return;
  const auto buffer = queue.take_buffer();
  if (!buffer) return;
  const auto size = static_cast<std::uint32_t>(to - zeros_.until);
  std::memset(queue.buffer(*buffer).data(), 0, size);
  const os::DiskToken token = next_token();
  const auto submitted = queue.submit_write(segment_->file->disk_file(),
                                            {segment_->at() + zeros_.until, *buffer, 0, size, os::Durability::none}, token);
  queue.give_back(*buffer);
  if (!submitted) return;  // it was only for speed
  ++in_flight_;
  zeros_ = {zeros_.until, token, segment_.get(), zeros_.until, to};
}

}  // namespace ringmain::storage
