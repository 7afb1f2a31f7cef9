// sendmsg with gathered replies and SCM_RIGHTS.
#include "net/reply_queue.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.hpp"
#include "net/server.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::net {
namespace {

constexpr size_t gathered_replies_max = 16;  // of pipelined requests, in one system call
constexpr size_t gathered_parts_max = 256;

Result<size_t> send_message(int socket_fd, const msghdr& header) {
  while (true) {  // ends: a signal interrupts only so often
    const ssize_t count = ::sendmsg(socket_fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return size_t{0};
    if (errno == EPIPE || errno == ECONNRESET) {
      return fail(ErrorCode::closed, "the client has closed the connection");
    }
    if (errno != EINTR) return fail_errno("cannot send a reply");
  }
}

}  // namespace

template <class Use>
bool ReplyQueue::Waiting::each_from(size_t from, Use use) const {
  const auto give = [&](std::span<const std::byte> part) {
    const size_t skipped = std::min(from, part.size());
    from -= skipped;
    part = part.subspan(skipped);
    return part.empty() || use(part);
  };
  size_t at = 0;
  for (const Reply::Borrowed& lent : borrowed) {
    if (!give(std::span(bytes).subspan(at, lent.at - at)) || !give(lent.bytes)) return false;
    at = lent.at;
  }
  return give(std::span(bytes).subspan(at));
}

// Some bytes, and the descriptors of the first reply.
struct ReplyQueue::Message {
  std::array<iovec, gathered_parts_max> parts;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(os::passed_fds_max * sizeof(int))> control;
  msghdr header{};

  // False: there is no room for all of it.
  bool add(const Waiting& reply, size_t from) {
    return reply.each_from(from, [this](std::span<const std::byte> part) {
      if (header.msg_iovlen == parts.size()) return false;
      parts[header.msg_iovlen++] = {const_cast<std::byte*>(part.data()), part.size()};
      return true;
    });
  }

  void attach(const std::vector<os::UniqueFd>& fds) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    for (size_t i = 0; i < fds.size(); ++i) {
      const int fd = fds[i].get();
      std::memcpy(CMSG_DATA(rights) + i * sizeof fd, &fd, sizeof fd);
    }
  }
};

Status ReplyQueue::push(Reply reply) {
  RINGMAIN_ASSERT(reply.fds.size() <= os::passed_fds_max);
  RINGMAIN_ASSERT(reply.fds.empty() || !reply.bytes.empty());
  if (reply.bytes.empty()) return {};
  Waiting waiting{std::move(reply.bytes), std::move(reply.borrowed), 0, {}};
  waiting.size_bytes = waiting.bytes.size();
  for (const Reply::Borrowed& lent : waiting.borrowed) waiting.size_bytes += lent.bytes.size();
  for (const int fd : reply.fds) {
    os::UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("cannot keep a file descriptor for a reply");
    waiting.fds.push_back(std::move(copy));
  }
  queued_bytes_ += waiting.size_bytes;
  queued_fds_ += waiting.fds.size();
  queue_.push_back(std::move(waiting));
  return {};
}

Result<ReplyQueue::Outcome> ReplyQueue::send(int socket_fd) {
  while (!queue_.empty()) {  // ends: each turn sends at least a byte of a queue that is bounded
    Message message;
    bool has_room = message.add(queue_.front(), front_sent_bytes_);
    if (!queue_.front().fds.empty()) message.attach(queue_.front().fds);
    for (size_t i = 1; has_room && i < queue_.size() && i < gathered_replies_max; ++i) {
      if (!queue_[i].fds.empty()) break;  // these start a message of their own
      has_room = message.add(queue_[i], 0);
    }
    message.header.msg_iov = message.parts.data();
    RINGMAIN_TRY_ASSIGN(count, send_message(socket_fd, message.header));
    if (count == 0) return Outcome::blocked;
    drop_sent(count);
  }
  return Outcome::drained;
}

void ReplyQueue::keep_borrowed() {
  for (Waiting& reply : queue_) {
    if (reply.borrowed.empty()) continue;
    const size_t from = &reply == &queue_.front() ? std::exchange(front_sent_bytes_, 0) : 0;
    std::vector<std::byte> rest;
    rest.reserve(reply.size_bytes - from);
    reply.each_from(from, [&](std::span<const std::byte> part) {
      rest.insert(rest.end(), part.begin(), part.end());
      return true;
    });
    reply.bytes = std::move(rest);
    reply.borrowed.clear();
    reply.size_bytes = reply.bytes.size();
  }
}

bool ReplyQueue::is_full() const noexcept {
  return queued_bytes_ > queued_replies_max_bytes || queued_fds_ > queued_fds_max;
}

void ReplyQueue::clear() noexcept {
  queue_.clear();
  front_sent_bytes_ = queued_bytes_ = queued_fds_ = 0;
}

void ReplyQueue::drop_sent(size_t count) noexcept {
  sent_bytes_ += count;
  queued_bytes_ -= count;
  front_sent_bytes_ += count;
  queued_fds_ -= queue_.front().fds.size();
  queue_.front().fds.clear();
  while (!queue_.empty() && front_sent_bytes_ >= queue_.front().size_bytes) {
    front_sent_bytes_ -= queue_.front().size_bytes;
    queue_.pop_front();
  }
}

}  // namespace ringmain::net
