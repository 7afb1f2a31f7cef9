// One partition's store on a simulated disk: producers, writer, power cuts, kills, recovery, and
// the comparison of what lies on disk with what was published.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "os/simulated_disk.hpp"
#include "segment/log_file_view.hpp"
#include "simulation/storage/hot_log.hpp"
#include "storage/recovery.hpp"
#include "storage/retention.hpp"

namespace ringmain::storage::test {

inline constexpr const char* kFolder = "/log/topic-0";

struct RunOptions {
  std::uint64_t seed = 1;
  std::uint32_t slots = 4;
  std::uint64_t slot_bytes = kSlotBytes;
  std::uint32_t segments_per_file = 3;
  Producers producers = Producers::shared;
  std::uint32_t buffer_bytes = 16 * 1024;
  std::uint32_t buffer_count = 6;
  std::uint32_t depth = 16;
  std::uint32_t most_body_bytes = 12 * 1024;
  std::uint32_t short_write_percent = 10;
  std::int64_t file_ms = INT64_MAX / 2;
  bool removes_files = false;  // as retention does
};

inline StoreOwner run_owner() {
  StoreOwner owner;  // LogFixture's segments have topic id 0, partition 0
  owner.name = "topic-0";
  owner.folder = kFolder;
  return owner;
}

class StoreRun {
 public:
  explicit StoreRun(const RunOptions& options)
      : options_(options),
        disk({.seed = options.seed, .short_write_percent = options.short_write_percent}),
        random_(options.seed * 7919 + 13) {
    config.slot_bytes = options.slot_bytes;
    config.file_bytes = options.slot_bytes * options.segments_per_file;
    config.flush_ms = 10;
    config.file_ms = options.file_ms;
  }
  ~StoreRun() { stop(); }

  // Reads the folder and starts a writer. What outlived in shared memory is used, if there is any.
  Status start() {
    files = std::make_unique<LogFiles>();
    auto recovered = recover_log(disk, owner, config, hot ? &hot->view() : nullptr, *files);
    if (!recovered) return tl::make_unexpected(recovered.error());
    notes = recovered->notes;
    begun_at = recovered->start;
    if (!hot) {
      model.erase(model.lower_bound(begun_at.base_offset), model.end());
      hot = std::make_unique<HotLog>(begun_at, model, random_(), options_.slots, options_.producers,
                                     options_.slot_bytes);
    }
    RINGMAIN_TRY_ASSIGN(
        made, disk.make_queue({options_.depth, options_.buffer_count, options_.buffer_bytes}));
    queue = std::move(made);
    const std::uint64_t told = hot->view().control().durable_offset.load();
    writer = std::make_shared<LogWriter>(disk, owner, config, hot->view(), *files, begun_at);
    EXPECT_GE(hot->view().control().durable_offset.load(), told) << "the watermark went back";
    note_durable();
    return {};
  }

  StepResult step(bool flush_all = false) {
    const StepResult result = writer->step(*queue, now_ns, flush_all);
    note_durable();
    return result;
  }
  void reap() {
    static_cast<void>(
        queue->reap(os::ReapWait::no, [&](os::DiskToken token, Result<std::uint64_t> result) {
          writer->completed(token, result, now_ns);
          note_durable();
        }));
    hot->upkeep(writer->durable_segments());
  }
  // What is reported as durable may only grow, and shared memory must say the same.
  void note_durable() {
    const std::uint64_t durable = writer->durable_offset();
    EXPECT_GE(hot->view().control().durable_offset.load(), durable);
    reported = std::max(reported, durable);
    EXPECT_LE(durable, std::max(hot->published_end(), begun_at.base_offset));
    check_entries();
  }
  // Readers look offsets up by them.
  void check_entries() const {
    const auto entries = files->all();
    for (std::size_t i = 1; i < entries.size(); ++i) {
      EXPECT_LT(entries[i - 1].base_offset, entries[i].base_offset);
      EXPECT_LE(entries[i - 1].end_offset, entries[i].base_offset);
      if (entries[i].end_offset != entries[i].base_offset) {
        EXPECT_EQ(entries[i - 1].end_offset, entries[i].base_offset) << "a gap before what is durable";
      }
    }
  }

  // One random deed of anybody.
  void turn() {
    now_ns += static_cast<std::int64_t>(random_.below(4'000'000));
    const std::uint64_t deed = random_.below(10);
    if (deed < 4) {
      if (!open_) hot->append_random(options_.most_body_bytes);
    } else if (deed == 4) {
      if (open_) {
        hot->publish(*open_);
        open_.reset();
      } else if (random_.below(3) == 0) {
        open_ = hot->append_behind_an_open_claim(static_cast<std::uint32_t>(random_.below(300)));
      }
    } else if (deed < 8) {
      if (options_.removes_files && random_.below(60) == 0) remove_oldest_file();
      step(random_.below(3) == 0);
    } else {
      reap();
    }
  }
  void publish_open() {
    if (open_) hot->publish(*open_);
    open_.reset();
  }
  // Until all that is published is durable. False: it does not get there.
  bool settle() {
    publish_open();
    for (int i = 0; i < 100'000; ++i) {
      now_ns += 1'000'000;
      step(true);
      reap();
      if (writer->is_settled()) return true;
      if (!disk.has_power()) return false;
    }
    return false;
  }

  void stop() {
    queue.reset();
    writer.reset();
  }
  // The machine goes down: what was not synced is as the seed says, and shared memory is gone.
  void lose_power() {
    disk.cut_power();
    if (queue) reap();  // what had completed before may still be told
    stop();
    open_.reset();
    hot.reset();
    disk.restart();
  }
  // All processes die; of what was in flight any part reaches the disk, and shared memory stays.
  void kill() {
    publish_open();
    disk.add_fault(
        {os::DiskOperationKind::write, 1 + random_.below(4), 1 + random_.below(6), ErrorCode::io});
    stop();
    disk.clear_faults();
  }

  // As retention does, while anything may be in flight.
  void remove_oldest_file() {
    if (files->all().size() < 2 || files->all()[0].end_offset > writer->settled_offset()) return;
    retained_from = files->all()[1].base_offset;
    static_cast<void>(files->spares().begin_round(disk));
    static_cast<void>(remove_oldest(disk, owner, config, *files, 1));
    recycled += files->spares().count();
  }

  // Compares all log files with the model. Requires that all of them end where `end_offset` says.
  // Gives what is wrong; empty: nothing.
  std::string check(std::uint64_t end_offset) {
    const auto entries = files->all();
    std::uint64_t next = entries.empty() ? retained_from : entries.front().base_offset;
    if (next > retained_from)
      return fmt::format("the log begins with {} and not with {}", next, retained_from);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::string wrong = check_file(entries[i], next, end_offset);
      if (!wrong.empty()) return entries[i].path + ": " + wrong;
    }
    if (next != end_offset)
      return fmt::format("the files end at {} and not at {}", next, end_offset);
    return {};
  }
  std::string check_file(const LogFileEntry& entry, std::uint64_t& next, std::uint64_t end_offset) {
    if (entry.base_offset != next)
      return fmt::format("begins with {} and not with {}", entry.base_offset, next);
    auto file = disk.open(entry.path, os::DiskOpen::read);
    if (!file) return entry.base_offset == end_offset ? "" : file.error().message;
    std::vector<std::byte> bytes((*file)->size_bytes().value());
    if (auto read = (*file)->read(0, bytes); !read) return read.error().message;
    auto view = segment::LogFileView::parse(bytes, entry.path);
    if (!view) return entry.base_offset == end_offset ? "" : view.error().message;
    if (view->fault() != segment::RunFault::none) return view->error().message;
    segment::LogFileWalk walk(*view, view->first_place());
    for (;;) {  // ends: each turn takes a frame, or leaves
      const auto outcome = walk.next();
      if (outcome == segment::WalkOutcome::damaged)
        return fmt::format("is damaged at offset {}", walk.place().offset);
      if (outcome == segment::WalkOutcome::end) break;
      const segment::FrameNote& note = walk.note();
      const auto expected = model.find(note.place.offset);
      if (note.place.offset != next)
        return fmt::format("offset {} follows {}", note.place.offset, next);
      if (expected == model.end())
        return fmt::format("holds offset {}, which nobody published", next);
      if (auto wrong = compare(expected->second, note, walk.frame()); !wrong.empty())
        return fmt::format("offset {}: {}", next, wrong);
      next += note.offsets;
      ++frames_checked;
    }
    return {};
  }
  static std::string compare(const PublishedFrame& expected, const segment::FrameNote& note,
                             std::span<const std::byte> frame) {
    format::FrameHeader header;
    std::memcpy(static_cast<void*>(&header), frame.data(), sizeof(header));
    if (note.type != expected.type) return "another type";
    if (note.offsets != expected.offsets) return "other offsets";
    if (header.extent.load() != expected.extent) return "another time or extent";
    const std::vector<std::byte> body = expected.body();
    const auto found = frame.subspan(format::kFrameHeaderBytes);
    if (!std::equal(body.begin(), body.end(), found.begin(), found.end())) return "another body";
    return {};
  }

  const RunOptions options_;
  os::SimulatedDisk disk;
  StoreOwner owner = run_owner();
  StoreConfig config;
  Model model;
  std::unique_ptr<HotLog> hot;
  std::unique_ptr<LogFiles> files = std::make_unique<LogFiles>();
  std::unique_ptr<os::DiskQueue> queue;
  std::shared_ptr<LogWriter> writer;
  WriteStart begun_at;
  std::vector<std::string> notes;
  std::uint64_t reported = 0;  // the highest offset that was ever called durable
  std::int64_t now_ns = 1'000'000'000;
  std::uint64_t frames_checked = 0;
  std::uint64_t retained_from = 0;  // files below were removed
  std::uint64_t recycled = 0;       // or kept for the writer

 private:
  Random random_;
  std::optional<HotLog::Open> open_;
};

}  // namespace ringmain::storage::test
