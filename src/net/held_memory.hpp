// HeldMemory: what clients make the server keep: requests that are not whole yet, and replies that they do not take.
//
// Each connection has a little for itself; beyond that all share what there is. When more than that is held, the
// connection on which nothing has moved for longest is closed, then the next, until the rest fits: one that reads and
// writes is never among the first. Loop thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <utility>

namespace ringmain::net {

class HeldMemory {
 public:
  static constexpr size_t own_bytes = 64 << 10;  // of each connection, not counted

  explicit HeldMemory(size_t max_bytes) : max_bytes_(max_bytes) {}
  HeldMemory(const HeldMemory&) = delete;
  HeldMemory& operator=(const HeldMemory&) = delete;

  // One connection's part. The memory need not outlive one that holds nothing.
  class Share {
   public:
    // close() lets go of all that the connection holds, and says so with hold(0).
    Share(HeldMemory& memory, std::function<void()> close) : memory_(memory), close_(std::move(close)) {}
    ~Share() { hold(0, false); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // What the connection holds now, and whether bytes came or went since it last said so. More than before may close
    // connections, this one among them.
    void hold(size_t bytes, bool has_moved);
    // What a reply may have so that everybody else's fit, too: at least own_bytes.
    size_t room_for_reply() const noexcept;
    size_t max_bytes() const noexcept { return memory_.max_bytes_; }

   private:
    friend class HeldMemory;
    HeldMemory& memory_;
    const std::function<void()> close_;
    size_t counted_bytes_ = 0;
    std::list<Share*>::iterator place_{};  // if anything is counted
  };

  size_t counted_bytes() const noexcept { return counted_bytes_; }

 private:
  void make_room();

  const size_t max_bytes_;
  size_t counted_bytes_ = 0;
  std::list<Share*> shares_;  // of which something is counted; the one that moved last is last
};

}  // namespace ringmain::net
