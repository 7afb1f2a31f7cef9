#include "stage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "os/file.hpp"

namespace ringmain::crash {

const char* role_name(Role role) {
  switch (role) {
    case Role::none: return "none";
    case Role::appender_on_drop: return "appender on drop";
    case Role::producer_on_block: return "producer on block";
    case Role::appender_on_block: return "appender on block";
    case Role::appender_on_single: return "appender on single";
    case Role::appender_on_disk: return "appender on disk";
    case Role::appender_on_short: return "appender on short";
    case Role::reader_on_drop: return "reader on drop";
    case Role::consumer_on_all: return "consumer on block and drop";
    case Role::reader_on_block: return "reader on block";
    case Role::reader_on_single: return "reader on single";
    case Role::reader_on_disk: return "reader on disk";
    case Role::rereader_on_disk: return "rereader on disk";
    case Role::reader_on_short: return "reader on short";
    case Role::forker: return "forker";
    case Role::prober: return "prober";
  }
  return "?";
}

os::Mapping open_stage_file(const std::string& path, bool create) {
  const auto must = [&path](auto result) {
    if (!result) {
      std::fprintf(stderr, "stage %s: %s\n", path.c_str(), result.error().message.c_str());
      std::_Exit(2);
    }
    return std::move(*result);
  };
  os::UniqueFd file = must(os::open_file(path, create ? O_RDWR | O_CREAT | O_EXCL : O_RDWR));
  if (create) {
    if (const Status made = os::allocate(file.get(), 0, sizeof(Stage)); !made) {
      std::fprintf(stderr, "stage %s: %s\n", path.c_str(), made.error().message.c_str());
      std::_Exit(2);
    }
  }
  return must(os::Mapping::map(file.get(), 0, sizeof(Stage), os::Access::read_write));
}

Entry& Journal::next() {
  const std::uint64_t head = slot_.head.load(std::memory_order_relaxed);
  // Ends when the campaign has read on: it always does, or it ends and takes this process with it.
  while (head - slot_.tail.load(std::memory_order_acquire) >= kJournalEntries) ::usleep(100);
  return slot_.entry(head);
}

void Journal::intend(std::uint32_t topic, std::uint64_t sequence, std::uint32_t count) {
  Entry& entry = next();
  entry.log = topic;
  entry.sequence = sequence;
  entry.count = count;
  entry.producer = slot_.life;
  entry.offset.store(0, std::memory_order_relaxed);
  entry.progress.store(Progress::intended, std::memory_order_relaxed);
  push();
}

void Journal::settle(Progress outcome, std::uint32_t log, std::uint64_t offset) {
  Entry& entry = slot_.entry(slot_.head.load(std::memory_order_relaxed) - 1);
  entry.offset.store(offset | std::uint64_t{log} << 56, std::memory_order_relaxed);
  entry.progress.store(outcome, std::memory_order_release);
}

void Journal::read(std::uint32_t log, std::uint64_t offset, std::uint32_t producer, std::uint64_t sequence) {
  Entry& entry = next();
  entry.log = log;
  entry.sequence = sequence;
  entry.producer = producer;
  entry.count = 1;
  entry.offset.store(offset, std::memory_order_relaxed);
  entry.progress.store(Progress::read, std::memory_order_relaxed);
  push();
}

void Journal::lost(std::uint32_t log, std::uint64_t count) { tell(Progress::lost, log, count); }
void Journal::began_anew(std::uint32_t log) { tell(Progress::began_anew, log, 0); }

void Journal::tell(Progress what, std::uint32_t log, std::uint64_t count) {
  Entry& entry = next();
  entry.log = log;
  entry.offset.store(count, std::memory_order_relaxed);
  entry.progress.store(what, std::memory_order_relaxed);
  push();
}

}  // namespace ringmain::crash
