// The shadow of a simulated partition: who owns which bytes and offsets, what was published and
// with what content. It watches every store as it is issued and as it becomes visible, and
// stops the schedule at the first breach.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "concurrency/scheduler.hpp"
#include "concurrency/sim_memory.hpp"
#include "log/partition_view.hpp"

namespace ringmain::sim {

using View = log::BasicPartitionView<SimMemory>;

class Oracle final : public Observer {
 public:
  Oracle(const View& view, std::uint32_t used_intents, std::uint32_t used_readers);

  void attach(Scheduler& scheduler) noexcept { scheduler_ = &scheduler; }
  void add_broker(int thread) { brokers_.push_back(thread); }

  // What the actors state.
  // A record or batch that its producer is about to publish: its content is known by its seed.
  void will_publish(std::uint64_t offset, std::uint32_t size, std::uint64_t records,
                    std::uint64_t seed);
  // The exclusive producer's claims leave no mark in memory: it says so itself.
  void exclusive_claim(int thread, std::uint64_t segment, std::uint32_t slot,
                       std::uint32_t position, std::uint32_t units, std::uint64_t offset,
                       std::uint64_t records);
  void reader_enters(std::size_t reader, std::uint64_t next_offset);
  void reader_stands_in(std::size_t reader, std::uint64_t segment, std::uint64_t next_offset);
  void reader_left(std::size_t reader);
  void reader_lost(std::size_t reader, std::uint64_t lost, std::uint64_t next_offset);
  void read(std::size_t reader, std::uint64_t offset, std::uint64_t records, std::uint32_t size,
            const std::byte* body);
  void check_body(std::uint64_t offset, const std::byte* body) const;
  // The broker is about to make `slot` the home of another segment.
  void reuse(std::uint32_t slot);

  static std::uint64_t body_word(std::uint64_t seed, std::uint64_t index, std::uint32_t tag,
                                 std::uint64_t offset);

  bool reader_has_all(std::size_t reader) const;
  // After the run: everything claimed is settled.
  std::string unsettled() const;

  std::uint64_t published_frames() const noexcept { return published_frames_; }
  std::uint64_t filled_claims() const noexcept { return filled_; }
  std::uint64_t reused_slots() const noexcept { return reused_; }

  // Observer
  void on_issue(int thread, const void* address, std::uint64_t value) override;
  void on_visible(int thread, const void* address, std::uint64_t value) override;
  void on_rmw(int thread, const void* address, std::uint64_t before, std::uint64_t after) override;
  bool is_frame_memory(const void* address) const override;
  bool is_quiet(const void* address) const override;
  std::string name_of(const void* address) const override;

 private:
  enum class Fate { pending, published, filled, dropped };
  struct ClaimInfo {
    int thread = -1;
    std::uint64_t segment = 0;
    std::uint32_t slot = 0, position = 0, units = 0;
    std::uint64_t offset = 0, records = 0;
    Fate fate = Fate::pending;
    bool publish_issued = false;  // it may still be in its producer's buffer
    std::uint64_t issued_commit = 0;
  };
  struct Expected {
    std::size_t claim = 0;
    std::uint32_t size = 0;  // 0: no record begins here
    std::uint64_t records = 0, seed = 0;
    std::uint32_t tag = 0;
  };
  struct ReaderShadow {
    bool inside = false;
    std::uint64_t segment = 0;
    std::uint64_t next_offset = 0;
  };
  struct Place {
    std::uint32_t slot;
    std::uint64_t at;  // byte in the slot
  };

  bool find_place(const void* address, Place& place) const;
  bool is_broker(int thread) const;
  void check_write(int thread, const Place& place, const char* when);
  void give_claim(int thread, std::uint32_t slot, format::Tail old, format::Tail add);
  void on_active(std::uint64_t before, std::uint64_t after);
  std::uint32_t slot_of(std::uint64_t segment) const;
  void breach(const std::string& what) const;
  std::string describe(const ClaimInfo& claim) const;
  bool lies_beyond_the_end(const ClaimInfo& claim) const;

  View view_;
  std::uint32_t used_intents_, used_readers_;
  Scheduler* scheduler_ = nullptr;
  std::vector<int> brokers_;
  std::vector<ClaimInfo> claims_;
  std::vector<std::vector<int>> unit_claim_;  // by slot and unit; -1: nobody's
  std::vector<Expected> expected_;            // by offset
  std::vector<std::uint64_t> base_;           // by segment
  std::vector<ReaderShadow> readers_;
  std::uint64_t published_frames_ = 0, filled_ = 0, reused_ = 0;
};

}  // namespace ringmain::sim
