#include "durable_oracle.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringmain::crash {
namespace {

constexpr std::size_t kEnoughComplaints = 20;  // the first ones say it

}  // namespace

void DurableOracle::sends(std::uint32_t log, std::uint32_t producer, std::uint64_t sent) {
  Producer& known = logs_[log].producers[producer];
  known.sent = std::max(known.sent, sent);
}

void DurableOracle::published(std::uint32_t log, std::uint32_t producer, std::uint64_t sequence,
                              std::uint64_t offset) {
  sends(log, producer, sequence + 1);
  Cell& found = cell(logs_[log], offset);
  if (found.state != Cell::State::unknown &&
      (found.producer != producer || found.sequence != sequence))
    complain(fmt::format(
        "log {}: offset {} was given to producer {} for its record {}, and to producer {} for {}",
        log, offset, found.producer, found.sequence, producer, sequence));
  found = {Cell::State::record, producer, sequence};
}

void DurableOracle::refused(std::uint32_t log, std::uint32_t producer, std::uint64_t sequence) {
  sends(log, producer, sequence + 1);
  logs_[log].producers[producer].refused.insert(sequence);
}

void DurableOracle::durable(std::uint32_t log, std::uint64_t end_offset) {
  Log& known = logs_[log];
  known.durable_end = std::max(known.durable_end, end_offset);
}

void DurableOracle::all_published_must_be_there() {
  for (auto& [number, log] : logs_) durable(number, log.cells.size());
}

void DurableOracle::begins(std::uint32_t log, Voids voids) {
  Log& known = logs_[log];
  known.next = 0;
  known.voids = voids;
  for (auto& [number, producer] : known.producers) producer.next_read = 0;
  for (std::uint64_t offset = 0; offset < known.cells.size(); ++offset)
    if (known.cells[offset].state == Cell::State::record && offset < known.durable_end)
      ++counts_.told_durable;
}

void DurableOracle::reads(std::uint32_t log, std::uint64_t offset, const Origin& origin) {
  Log& known = logs_[log];
  if (offset < known.next)
    return complain(
        fmt::format("log {}: offset {} comes after offset {}", log, offset, known.next - 1));
  skip(log, offset);
  const auto what = fmt::format("log {}: offset {} holds record {} of producer {}", log, offset,
                                origin.sequence, origin.producer);
  const bool is_new =
      offset >= known.cells.size() || known.cells[offset].state == Cell::State::unknown;
  Cell& found = cell(known, offset);
  if (!is_new && found.state == Cell::State::empty) complain(what + ", and was void before");
  if (!is_new && found.state == Cell::State::record &&
      (found.producer != origin.producer || found.sequence != origin.sequence))
    complain(
        fmt::format("{}, and not record {} of producer {}", what, found.sequence, found.producer));
  const auto sender = known.producers.find(origin.producer);
  if (sender == known.producers.end() || origin.sequence >= sender->second.sent)
    complain(what + ", which it never sent");
  else if (is_new && sender->second.is_over)
    complain(what + ", which was not there when the log was read before");
  if (sender != known.producers.end()) {
    while (sender->second.refused.contains(sender->second.next_read)) ++sender->second.next_read;
    if (origin.sequence != sender->second.next_read)
      complain(fmt::format("{}, where its record {} is due", what, sender->second.next_read));
    sender->second.next_read = origin.sequence + 1;
  }
  if (offset >= known.durable_end) ++counts_.survived;
  found = {Cell::State::record, origin.producer, origin.sequence};
  known.next = offset + 1;
  ++counts_.read;
}

// Offsets that the reading passes over.
void DurableOracle::skip(std::uint32_t log, std::uint64_t to) {
  Log& known = logs_[log];
  for (; known.next < to; ++known.next) {
    Cell& passed = cell(known, known.next);
    if (passed.state == Cell::State::record)
      complain(
          fmt::format("log {}: record {} of producer {} is missing at offset {}, with records "
                      "behind it; durable was "
                      "everything below {}",
                      log, passed.sequence, passed.producer, known.next, known.durable_end));
    else if (passed.state == Cell::State::unknown && known.voids == Voids::none)
      complain(fmt::format(
          "log {}: nothing is at offset {}, and nobody died who could have left it void", log,
          known.next));
    passed.state = Cell::State::empty;
    ++counts_.voids;
  }
}

void DurableOracle::ends(std::uint32_t log) {
  Log& known = logs_[log];
  for (std::uint64_t offset = known.next; offset < known.cells.size(); ++offset) {
    if (known.cells[offset].state != Cell::State::record) continue;
    if (offset < known.durable_end)
      complain(fmt::format(
          "log {}: it ends at {}, and record {} of producer {} at offset {} was called durable",
          log, known.next, known.cells[offset].sequence, known.cells[offset].producer, offset));
    else
      ++counts_.lost;
  }
  known.cells.resize(known.next);
  known.durable_end = known.next;
  for (auto& [number, producer] : known.producers) {
    producer.is_over = true;
    producer.sent = producer.next_read;
  }
}

DurableOracle::Cell& DurableOracle::cell(Log& log, std::uint64_t offset) {
  if (offset >= log.cells.size()) log.cells.resize(offset + 1);
  return log.cells[offset];
}

void DurableOracle::complain(std::string text) {
  if (complaints_.size() < kEnoughComplaints) complaints_.push_back(std::move(text));
}

}  // namespace ringmain::crash
