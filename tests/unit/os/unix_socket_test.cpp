// Unix sockets at any path, and descriptors passed over them.
#include "os/unix_socket.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>

#include "os/file.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::os {
namespace {

using testing::HasSubstr;

const Deadline now_or_never = Deadline::at_steady_ns(0);

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Pair {
  UniqueFd near;
  UniqueFd far;
};

Pair socket_pair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// One message each way.
void expect_connected(int first, int second) {
  std::vector<UniqueFd> none;
  std::byte byte{};
  EXPECT_TRUE(send_with_fds(first, bytes_of("a"), {}));
  EXPECT_EQ(recv_with_fds(second, {&byte, 1}, none).value(), 1u);
  EXPECT_EQ(byte, std::byte{'a'});
  EXPECT_TRUE(send_with_fds(second, bytes_of("b"), {}));
  EXPECT_EQ(recv_with_fds(first, {&byte, 1}, none).value(), 1u);
  EXPECT_EQ(byte, std::byte{'b'});
}

TEST(UnixSocketTest, client_and_server_meet_at_a_path) {
  const ScratchDirectory scratch;
  const auto listener = listen_unix(scratch / "socket").value();
  const auto client = connect_unix(scratch / "socket").value();
  const auto server = accept_unix(listener.get()).value();
  expect_connected(client.get(), server.get());
  EXPECT_EQ(::fcntl(client.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(server.get(), F_GETFD), FD_CLOEXEC);
}

TEST(UnixSocketTest, the_path_may_be_longer_than_a_socket_address) {
  const ScratchDirectory scratch;
  const std::string deep = scratch / (std::string(100, 'a') + "/" + std::string(100, 'b'));
  ASSERT_TRUE(make_directories(deep));
  const auto listener = listen_unix(deep + "/socket").value();
  const auto client = connect_unix(deep + "/socket").value();
  const auto server = accept_unix(listener.get()).value();
  expect_connected(client.get(), server.get());
  EXPECT_TRUE(std::filesystem::is_socket(deep + "/socket"));
}

TEST(UnixSocketTest, the_directory_may_be_given_as_a_descriptor) {
  const ScratchDirectory scratch;
  const auto directory = open_directory(scratch.path()).value();
  const auto listener = listen_unix_at(directory.get(), "socket").value();
  const auto client = connect_unix_at(directory.get(), "socket").value();
  const auto server = accept_unix(listener.get()).value();
  expect_connected(client.get(), server.get());
}

TEST(UnixSocketTest, a_name_too_long_is_refused) {
  const ScratchDirectory scratch;
  const std::string path = scratch / std::string(120, 'n');
  EXPECT_EQ(listen_unix(path).error().message,
            "cannot use " + path + " as a socket: its name is too long");
  EXPECT_EQ(connect_unix(path).error().code, ErrorCode::invalid_argument);
}

TEST(UnixSocketTest, the_mode_holds_whatever_the_umask) {
  const ScratchDirectory scratch;
  const mode_t umask_before = ::umask(077);
  const auto listener = listen_unix(scratch / "socket", 0666);
  ::umask(umask_before);
  ASSERT_TRUE(listener);
  struct stat found;
  ASSERT_EQ(::stat((scratch / "socket").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0666u);
}

TEST(UnixSocketTest, nobody_listening_is_told_as_such) {
  const ScratchDirectory scratch;
  EXPECT_EQ(connect_unix(scratch / "socket").error().message,
            "nobody listens on " + (scratch / "socket"));
  listen_unix(scratch / "socket").value().reset();  // leaves its file behind
  EXPECT_EQ(connect_unix(scratch / "socket").error().code, ErrorCode::broker_unavailable);
}

TEST(UnixSocketTest, a_listener_replaces_a_dead_socket_but_no_file) {
  const ScratchDirectory scratch;
  listen_unix(scratch / "socket").value().reset();
  EXPECT_TRUE(listen_unix(scratch / "socket"));
  ASSERT_TRUE(write_small_file(scratch / "file", "precious"));
  EXPECT_EQ(listen_unix(scratch / "file").error().message,
            "cannot listen on " + (scratch / "file") + ": Address already in use");
  EXPECT_EQ(read_small_file(scratch / "file").value(), "precious");
}

TEST(UnixSocketTest, waits_end_at_their_deadline) {
  const ScratchDirectory scratch;
  const auto listener = listen_unix(scratch / "socket").value();
  EXPECT_EQ(accept_unix(listener.get(), now_or_never).error().message, "nobody connected");
  EXPECT_EQ(connect_unix(scratch / "socket", now_or_never).error().code,
            ErrorCode::request_timed_out);
  const Pair pair = socket_pair();
  std::vector<UniqueFd> none;
  std::byte byte{};
  EXPECT_EQ(recv_with_fds(pair.near.get(), {&byte, 1}, none, now_or_never).error().message,
            "cannot receive from a Unix socket: nothing came in time");
}

TEST(UnixSocketTest, a_deadline_ahead_does_not_hinder_a_connect) {
  const ScratchDirectory scratch;
  const auto listener = listen_unix(scratch / "socket").value();
  const auto client =
      connect_unix(scratch / "socket", Deadline::after_ns(3600'000'000'000)).value();
  const auto server = accept_unix(listener.get()).value();
  expect_connected(client.get(), server.get());
}

TEST(UnixSocketTest, a_reader_that_does_not_read_stops_the_sender_at_its_deadline) {
  const Pair pair = socket_pair();
  const std::vector<std::byte> much(16 << 20);
  const Status status = send_with_fds(pair.near.get(), much, {}, now_or_never);
  EXPECT_EQ(status.error().code, ErrorCode::request_timed_out);
  EXPECT_THAT(status.error().message, HasSubstr("its reader does not read"));
}

TEST(UnixSocketTest, a_large_message_arrives_whole) {
  const Pair pair = socket_pair();
  constexpr size_t message_bytes = 4 << 20;
  const pid_t child = start_child([&] {
    return send_with_fds(pair.far.get(), std::vector<std::byte>(message_bytes, std::byte{7}), {})
               ? 0
               : 1;
  });
  std::vector<std::byte> received(message_bytes);
  std::vector<UniqueFd> none;
  EXPECT_TRUE(recv_fully(pair.near.get(), received, none));
  EXPECT_EQ(received, std::vector<std::byte>(message_bytes, std::byte{7}));
  EXPECT_TRUE(exited_with(wait_for_child(child), 0));
}

TEST(UnixSocketTest, a_closed_peer_ends_the_stream) {
  Pair pair = socket_pair();
  pair.far.reset();
  std::vector<UniqueFd> none;
  std::byte byte{};
  EXPECT_EQ(recv_with_fds(pair.near.get(), {&byte, 1}, none).value(), 0u);
  EXPECT_EQ(recv_fully(pair.near.get(), {&byte, 1}, none).error().code, ErrorCode::closed);
  EXPECT_EQ(send_with_fds(pair.near.get(), bytes_of("x"), {}).error().message,
            "the peer has closed the connection");
}

TEST(FdPassingTest, a_passed_descriptor_is_the_same_file) {
  const Pair pair = socket_pair();
  const UniqueFd file = memory_file(0);
  const int fds[] = {file.get()};
  ASSERT_TRUE(send_with_fds(pair.near.get(), bytes_of("file"), fds));
  std::vector<UniqueFd> received;
  std::array<std::byte, 4> bytes{};
  ASSERT_TRUE(recv_fully(pair.far.get(), bytes, received));
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(std::memcmp(bytes.data(), "file", 4), 0);
  EXPECT_EQ(::fcntl(received[0].get(), F_GETFD), FD_CLOEXEC);
  ASSERT_TRUE(truncate_file(file.get(), 77));
  EXPECT_EQ(file_size_bytes(received[0].get()).value(), 77u);
}

TEST(FdPassingTest, up_to_sixteen_go_at_once) {
  const Pair pair = socket_pair();
  const UniqueFd file = memory_file(0);
  const std::vector<int> fds(passed_fds_max, file.get());
  ASSERT_TRUE(send_with_fds(pair.near.get(), bytes_of("x"), fds));
  std::vector<UniqueFd> received;
  std::byte byte{};
  ASSERT_TRUE(recv_with_fds(pair.far.get(), {&byte, 1}, received));
  EXPECT_EQ(received.size(), passed_fds_max);
}

TEST(FdPassingTest, the_sender_refuses_too_many_and_none_without_a_byte) {
  const Pair pair = socket_pair();
  const std::vector<int> fds(passed_fds_max + 1, STDIN_FILENO);
  EXPECT_EQ(send_with_fds(pair.near.get(), bytes_of("x"), fds).error().message,
            "cannot pass 17 file descriptors at once: at most 16");
  EXPECT_EQ(send_with_fds(pair.near.get(), {}, std::span(fds).first(1)).error().message,
            "cannot pass file descriptors without a byte");
}

// As a peer would that does not keep to the limit.
void send_descriptors(int socket, const std::vector<int>& fds) {
  std::byte byte{};
  iovec part{&byte, 1};
  std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  ASSERT_EQ(::sendmsg(socket, &message, 0), 1);
}

TEST(FdPassingTest, too_many_are_an_error_and_none_stays_open) {
  const Pair pair = socket_pair();
  const UniqueFd file = memory_file(0);
  send_descriptors(pair.near.get(), std::vector<int>(passed_fds_max + 4, file.get()));
  const size_t open_before = open_fd_count();
  std::vector<UniqueFd> received;
  std::byte byte{};
  const auto result = recv_with_fds(pair.far.get(), {&byte, 1}, received);
  EXPECT_EQ(result.error().message,
            "file descriptors were lost: the peer sent more than 16, or this "
            "process may not open more (ulimit -n)");
  EXPECT_TRUE(received.empty());
  EXPECT_EQ(open_fd_count(), open_before);
}

}  // namespace
}  // namespace ringmain::os
