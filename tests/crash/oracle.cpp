#include "oracle.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ringmain::crash {
namespace {

// More offsets than any log of the campaign retains: a new reader from the start finds them here.
constexpr std::size_t kRemembered = 300'000;
constexpr std::size_t kForgetAtOnce = 50'000;
constexpr std::size_t kMaxComplaints = 40;  // one fault makes many: the first ones tell

std::string name(std::uint32_t log) {
  return fmt::format("{}-{}", topic_of(log).name, log % kMaxPartitions);
}
std::string by_reader(ReaderId reader) { return fmt::format("reader {}", reader); }
std::string by_producer(std::uint32_t producer) { return fmt::format("the acknowledgement to producer {}", producer); }

}  // namespace

void Oracle::complain(std::string text) {
  if (complaints_.size() < kMaxComplaints) complaints_.push_back(std::move(text));
}

Oracle::Cell* Oracle::cell(Log& log, std::uint64_t offset) {
  if (offset < log.base) return nullptr;  // long ago: nothing is known of it any more
  const std::uint64_t index = offset - log.base;
  if (index >= log.cells.size()) log.cells.resize(index + 1);
  return &log.cells[index];
}

void Oracle::establish(std::uint32_t log_index, std::uint64_t offset, std::uint32_t producer,
                       std::uint64_t sequence, const std::string& by) {
  Log& log = logs_[log_index];
  log.known_end = std::max(log.known_end, offset + 1);
  Cell* cell = this->cell(log, offset);
  if (cell == nullptr) return;
  if (cell->state == Cell::State::empty)
    complain(fmt::format("{} offset {}: void by what others saw, but {} says it holds record {} of producer {}",
                         name(log_index), offset, by, sequence, producer));
  else if (cell->state == Cell::State::record && (cell->producer != producer || cell->sequence != sequence))
    complain(fmt::format("{} offset {}: holds record {} of producer {}, but {} says record {} of producer {}",
                         name(log_index), offset, cell->sequence, cell->producer, by, sequence, producer));
  *cell = {Cell::State::record, producer, sequence};
}

void Oracle::make_void(std::uint32_t log_index, std::uint64_t offset, const std::string& by) {
  Log& log = logs_[log_index];
  Cell* cell = this->cell(log, offset);
  if (cell == nullptr) return;
  if (cell->state == Cell::State::record) {
    complain(fmt::format("{} offset {}: record {} of producer {} is missing to {}", name(log_index), offset,
                         cell->sequence, cell->producer, by));
    return;
  }
  if (cell->state == Cell::State::unknown) ++counts_.void_offsets;
  cell->state = Cell::State::empty;
}

void Oracle::intends(std::uint32_t producer, std::uint32_t topic, std::uint64_t sequence, std::uint32_t count) {
  Producer& who = producers_[producer];
  who.topic = topic;
  who.end = std::max(who.end, sequence + count);
  who.pending = Pending{sequence, count, std::nullopt, std::nullopt};
  counts_.intended += count;
}

void Oracle::acknowledged(std::uint32_t producer, std::uint32_t log, std::uint64_t offset) {
  Producer& who = producers_[producer];
  if (!who.pending) return complain(fmt::format("producer {} was acknowledged what it did not send", producer));
  const Pending sent = *who.pending;
  who.pending.reset();
  counts_.acknowledged += sent.count;
  if (sent.offset && (*sent.offset != offset || *sent.log != log))
    complain(fmt::format("{} offset {}: acknowledged to producer {} for record {}, which readers saw in {} at {}",
                         name(log), offset, producer, sent.sequence, name(*sent.log), *sent.offset));
  if (offset < logs_[log].base && !sent.offset && topic_of(log).losses == Losses::never)
    complain(fmt::format("{} offset {}: acknowledged, and all readers passed it without a record", name(log), offset));
  for (std::uint32_t i = 0; i < sent.count; ++i)
    establish(log, offset + i, producer, sent.sequence + i, by_producer(producer));
}

void Oracle::aborted(std::uint32_t producer, std::uint32_t log, std::optional<std::uint64_t> void_offset) {
  Producer& who = producers_[producer];
  if (who.pending) who.end = who.pending->sequence;
  who.pending.reset();
  ++counts_.aborted;
  if (void_offset) make_void(log, *void_offset, fmt::format("the abort of producer {}", producer));
}

void Oracle::refused(std::uint32_t producer) {
  Producer& who = producers_[producer];
  if (who.pending) who.end = who.pending->sequence;
  who.pending.reset();
  ++counts_.refused;
}

void Oracle::starts(ReaderId reader, std::uint32_t log) { views_[{reader, log}] = {}; }

void Oracle::skip(ReaderId reader, std::uint32_t log_index, View& view, std::uint64_t to) {
  const std::uint64_t gap = to - view.next;
  if (view.lost == 0) {
    for (std::uint64_t offset = view.next; offset < to; ++offset) make_void(log_index, offset, by_reader(reader));
    return;
  }
  if (gap < view.lost)
    complain(fmt::format("{} offset {}: reader {} was told that {} are lost, but only {} offsets lie between",
                         name(log_index), to, reader, view.lost, gap));
  std::uint64_t records = 0;
  for (std::uint64_t offset = view.next; offset < to; ++offset)
    if (const Cell* cell = this->cell(logs_[log_index], offset); cell != nullptr && cell->state == Cell::State::record)
      ++records;
  if (records > view.lost)
    complain(fmt::format("{} offset {}: reader {} was told that {} are lost, but {} records lie between",
                         name(log_index), to, reader, view.lost, records));
  view.lost = 0;
}

void Oracle::note_pending(std::uint32_t log, std::uint64_t offset, const Origin& origin, Producer& producer) {
  auto& pending = producer.pending;
  if (!pending || origin.sequence < pending->sequence) return;  // acknowledged long ago
  const std::uint64_t first = offset - (origin.sequence - pending->sequence);
  if (pending->offset) return;  // the cells say whether it is the same place
  pending->log = log;
  pending->offset = first;
  // One claim: where one of its records is, all are.
  for (std::uint32_t i = 0; i < pending->count; ++i)
    establish(log, first + i, origin.producer, pending->sequence + i, "its batch");
}

void Oracle::reads(ReaderId reader, std::uint32_t log, std::uint64_t offset, const Origin& origin) {
  View& view = views_[{reader, log}];
  ++counts_.read;
  if (view.first && offset < view.next)
    return complain(fmt::format("{} offset {}: read by reader {} after offset {}", name(log), offset, reader,
                                view.next - 1));
  const auto found = producers_.find(origin.producer);
  if (found == producers_.end() || found->second.topic != origin.topic || origin.topic != log / kMaxPartitions ||
      origin.sequence >= found->second.end)
    return complain(fmt::format("{} offset {}: reader {} saw record {} of producer {} for topic {}, which nobody sent",
                                name(log), offset, reader, origin.sequence, origin.producer, origin.topic));
  if (view.first || topic_of(log).keeps_all) skip(reader, log, view, offset);
  if (!view.first) view.first = offset;
  view.next = offset + 1;
  view.lost = 0;
  std::uint64_t& next_sequence = view.next_sequence[origin.producer];
  if (origin.sequence < next_sequence)
    complain(fmt::format("{} offset {}: reader {} saw record {} of producer {} after record {}: twice, or out of order",
                         name(log), offset, reader, origin.sequence, origin.producer, next_sequence - 1));
  next_sequence = origin.sequence + 1;
  note_pending(log, offset, origin, found->second);
  establish(log, offset, origin.producer, origin.sequence, by_reader(reader));
  forget_old(log);
}

void Oracle::loses(ReaderId reader, std::uint32_t log, std::uint64_t count) {
  counts_.lost += count;
  if (log / kMaxPartitions == kShort) counts_.lost_on_disk += count;
  views_[{reader, log}].lost += count;
  if (topic_of(log).losses == Losses::never)
    complain(fmt::format("{}: reader {} lost {} records of a topic that drops none", name(log), reader, count));
}

void Oracle::ends(ReaderId reader) {
  std::erase_if(views_, [reader](const auto& entry) { return entry.first.first == reader; });
}

bool Oracle::all_caught_up() const {
  return std::all_of(views_.begin(), views_.end(), [this](const auto& entry) {
    const auto log = logs_.find(entry.first.second);
    return log == logs_.end() || entry.second.next >= log->second.known_end;
  });
}

bool Oracle::caught_up(ReaderId reader) const {
  return std::all_of(views_.begin(), views_.end(), [&](const auto& entry) {
    const auto log = logs_.find(entry.first.second);
    return entry.first.first != reader || log == logs_.end() || entry.second.next >= log->second.known_end;
  });
}

std::uint64_t Oracle::known_end(std::uint32_t log) const {
  const auto found = logs_.find(log);
  return found == logs_.end() ? 0 : found->second.known_end;
}

std::vector<std::uint32_t> Oracle::unread() const {
  std::vector<std::uint32_t> found;
  for (const auto& [index, log] : logs_)
    if (furthest(index).value_or(0) < log.known_end) found.push_back(index);
  return found;
}

std::optional<std::uint64_t> Oracle::furthest(std::uint32_t log) const {
  std::optional<std::uint64_t> most;
  for (const auto& [key, view] : views_)
    if (key.second == log && view.first) most = std::max(most.value_or(view.next), view.next);
  return most;
}

std::optional<std::uint64_t> Oracle::first_read(ReaderId reader, std::uint32_t log) const {
  const auto found = views_.find({reader, log});
  return found == views_.end() ? std::nullopt : found->second.first;
}

std::optional<std::uint64_t> Oracle::first_read(std::uint32_t log) const {
  std::optional<std::uint64_t> least;
  for (const auto& [key, view] : views_)
    if (key.second == log && view.first) least = std::min(least.value_or(*view.first), *view.first);
  return least;
}

std::uint64_t Oracle::records_between(std::uint32_t log_index, std::uint64_t from, std::uint64_t to) const {
  const auto log = logs_.find(log_index);
  std::uint64_t count = 0;
  for (std::uint64_t offset = from; log != logs_.end() && offset < to; ++offset) {
    const std::uint64_t index = offset - log->second.base;
    if (offset >= log->second.base && index < log->second.cells.size() &&
        log->second.cells[index].state == Cell::State::record)
      ++count;
  }
  return count;
}

void Oracle::forget_old(std::uint32_t log_index) {
  Log& log = logs_[log_index];
  if (topic_of(log_index).keeps_all || log.cells.size() < kRemembered + kForgetAtOnce) return;
  std::uint64_t until = log.base + log.cells.size() - kRemembered;
  for (const auto& [key, view] : views_)
    if (key.second == log_index && view.first) until = std::min(until, view.next);
  if (until < log.base + kForgetAtOnce) return;
  log.cells.erase(log.cells.begin(), log.cells.begin() + static_cast<std::ptrdiff_t>(until - log.base));
  log.base = until;
}

void Oracle::conclude() {
  for (const auto& [id, producer] : producers_) {
    if (!producer.pending) continue;
    auto& count = producer.pending->offset ? counts_.in_flight_found : counts_.in_flight_gone;
    count += producer.pending->count;
  }
  for (const auto& [key, view] : views_)
    if (logs_.contains(key.second) && view.next < logs_.at(key.second).known_end)
      complain(fmt::format("{}: reader {} stands at offset {}, but there are records up to {}", name(key.second),
                           key.first, view.next, logs_.at(key.second).known_end - 1));
}

}  // namespace ringmain::crash
