// ReplyQueue: replies that wait for their socket, in order, each with its descriptors.
//
// Invariant: descriptors leave with the first byte of their own reply, so a client that
// reads frame by frame finds them beside the frame that speaks of them.
//
// What a reply borrows is sent from where it lies by the next send(); what that leaves is copied by keep_borrowed(), which
// its owner calls before the lender's bytes go.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "base/result.hpp"
#include "net/connection.hpp"
#include "os/fd.hpp"

namespace ringmain::net {

class ReplyQueue {
 public:
  // Duplicates the descriptors; fails when the process may not open more. An empty reply
  // takes no room.
  Status push(Reply reply);

  enum class Outcome { drained, blocked };
  // As much as the socket takes without waiting; ErrorCode::closed when the peer is gone.
  Result<Outcome> send(int socket_fd);

  void keep_borrowed();

  bool is_full() const noexcept;
  bool is_empty() const noexcept { return queue_.empty(); }
  size_t queued_bytes() const noexcept { return queued_bytes_; }
  // Of all time; whoever wants to know whether a client still reads compares.
  uint64_t sent_bytes() const noexcept { return sent_bytes_; }
  void clear() noexcept;

 private:
  struct Waiting {
    std::vector<std::byte> bytes;
    std::vector<Reply::Borrowed> borrowed;
    size_t size_bytes = 0;          // of both
    std::vector<os::UniqueFd> fds;  // empty once the first byte is sent

    // Calls use(span) for what lies behind the first `from` bytes, in order, until it says false.
    template <class Use>
    bool each_from(size_t from, Use use) const;
  };
  struct Message;  // of one sendmsg

  void drop_sent(size_t count) noexcept;

  std::deque<Waiting> queue_;
  size_t front_sent_bytes_ = 0;  // of the first reply; < its size
  size_t queued_bytes_ = 0;
  size_t queued_fds_ = 0;
  uint64_t sent_bytes_ = 0;
};

}  // namespace ringmain::net
