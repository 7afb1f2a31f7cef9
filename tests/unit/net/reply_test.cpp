// Replies with descriptors, replies that come later, and replies that end a connection.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <sstream>

#include "net/reply_queue.hpp"
#include "unit/net/served.hpp"

namespace ringmain::net {
namespace {

// A pipe that gives this text to whoever reads it.
os::UniqueFd readable_as(std::string_view text) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const os::UniqueFd writer(ends[1]);
  EXPECT_EQ(::write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return os::UniqueFd(ends[0]);
}

std::string content_of(const os::UniqueFd& fd) {
  std::string text(100, '\0');
  const ssize_t size = ::read(fd.get(), text.data(), text.size());
  return text.substr(0, static_cast<size_t>(std::max<ssize_t>(size, 0)));
}

using RepliesWithDescriptors = ServerTest;

TEST_F(RepliesWithDescriptors, carry_each_their_own_and_only_those) {
  std::vector<os::UniqueFd> lent;
  handler_.on_request = [&](Connection&, const std::string& text) {
    lent.clear();  // those of the reply before: what is queued does not need them
    Reply reply{bytes_of(framed(text))};
    if (text == "plain") return reply;
    lent.push_back(readable_as("first of " + text));
    lent.push_back(readable_as("second of " + text));
    reply.fds = {lent[0].get(), lent[1].get()};
    return reply;
  };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("plain") + framed("a") + framed("plain") + framed("b") + framed("c"));
  for (const std::string expected : {"plain", "a", "plain", "b", "c"}) {
    ASSERT_EQ(client.receive(), expected);
    if (expected == "plain") {
      EXPECT_TRUE(client.fds.empty());
      continue;
    }
    ASSERT_EQ(client.fds.size(), 2u);
    EXPECT_EQ(content_of(client.fds[0]), "first of " + expected);
    EXPECT_EQ(content_of(client.fds[1]), "second of " + expected);
  }
}

TEST_F(RepliesWithDescriptors, keep_them_when_the_socket_is_full_in_between) {
  std::optional<os::UniqueFd> lent;
  handler_.on_request = [&](Connection&, const std::string& text) {
    lent = readable_as(text);
    return Reply{bytes_of(framed(text + std::string(300'000, '.'))), {lent->get()}};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  constexpr int count = 20;
  for (int i = 0; i < count; ++i) client.send(framed(std::to_string(i)));
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(client.receive().starts_with(std::to_string(i) + "."));
    ASSERT_EQ(client.fds.size(), 1u);
    EXPECT_EQ(content_of(client.fds[0]), std::to_string(i));
  }
}

TEST_F(RepliesWithDescriptors, pile_up_to_a_limit_when_the_client_does_not_read) {
  constexpr size_t count = 2000;
  std::atomic<size_t> handled = 0;
  const os::UniqueFd lent = readable_as("");
  handler_.on_request = [&](Connection&, const std::string& text) {
    Reply reply{bytes_of(framed(text))};
    if (text == "ping") return reply;
    ++handled;
    reply.bytes = bytes_of(framed(std::string(4096, '.')));
    reply.fds = {lent.get(), lent.get(), lent.get(), lent.get()};
    return reply;
  };
  start();
  serve_unix();
  Client client = connect_unix();
  std::string stream;
  for (size_t i = 0; i < count; ++i) stream += framed("");
  client.send(stream);
  Client other = connect_unix();
  for (size_t i = 0; i < count; ++i) round_trip(other);
  EXPECT_LT(handled, count / 2);  // some lie in the socket, 16 and one wait here
  for (size_t i = 0; i < count; ++i) {
    ASSERT_EQ(client.receive().size(), 4096u);
    ASSERT_EQ(client.fds.size(), 4u);
  }
}

// Answers each request, from a later turn of the loop or within the handler, with as many pieces of that size as it says.
class BorrowedReplies : public ServerTest, public testing::WithParamInterface<bool> {
 protected:
  void answer(const std::string& text, DeferredReply deferred) {
    size_t pieces = 0, piece_bytes = 0;
    std::istringstream(text) >> pieces >> piece_bytes;
    std::vector<std::string> lent;
    Reply reply;
    for (size_t i = 0; i < pieces; ++i) lent.push_back(std::string(piece_bytes, static_cast<char>('a' + i % 26)));
    std::string own = std::string(4, '\0') + "begin,";
    for (const std::string& piece : lent) {
      reply.borrowed.push_back({own.size(), std::as_bytes(std::span(piece))});
      own += "|";
    }
    const size_t size = own.size() - 4 + pieces * piece_bytes;
    for (size_t i = 0; i < 4; ++i) own[i] = static_cast<char>(size >> (24 - 8 * i));
    reply.bytes = bytes_of(own);
    deferred.send(std::move(reply));
    for (std::string& piece : lent) piece.assign(piece_bytes, 'X');  // the lender goes on
  }
  static std::string expected(size_t pieces, size_t piece_bytes) {
    std::string text = "begin,";
    for (size_t i = 0; i < pieces; ++i) text += std::string(piece_bytes, static_cast<char>('a' + i % 26)) + "|";
    return text;
  }
};

TEST_P(BorrowedReplies, arrive_whole_and_nothing_is_read_of_them_afterwards) {
  handler_.on_request = [&](Connection& connection, const std::string& text) {
    if (GetParam()) {
      answer(text, connection.defer());
    } else {
      auto deferred = std::make_shared<DeferredReply>(connection.defer());
      loop_.post([this, text, deferred] { answer(text, std::move(*deferred)); });
    }
    return Reply{};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  const std::vector<std::pair<size_t, size_t>> shapes{{0, 0}, {1, 10}, {1000, 3}, {3, 2'000'000}, {700, 20'000}, {2, 1}};
  for (int round = 0; round < 3; ++round)
    for (const auto& [pieces, bytes] : shapes) client.send(framed(fmt::format("{} {}", pieces, bytes)));
  for (int round = 0; round < 3; ++round)
    for (const auto& [pieces, bytes] : shapes) ASSERT_TRUE(client.receive() == expected(pieces, bytes)) << pieces << " of " << bytes;
}

INSTANTIATE_TEST_SUITE_P(Sent, BorrowedReplies, testing::Bool(),
                         [](const auto& of) { return of.param ? "within_the_handler" : "later"; });

TEST(ReplyQueue, is_full_above_its_limits_of_bytes_and_of_descriptors) {
  ReplyQueue bytes;
  ASSERT_TRUE(bytes.push({std::vector<std::byte>(queued_replies_max_bytes)}));
  EXPECT_FALSE(bytes.is_full());
  ASSERT_TRUE(bytes.push({std::vector<std::byte>(1)}));
  EXPECT_TRUE(bytes.is_full());

  ReplyQueue descriptors;
  const std::vector<int> sixteen(os::passed_fds_max, STDERR_FILENO);
  for (size_t i = 0; i < queued_fds_max / os::passed_fds_max; ++i) {
    ASSERT_TRUE(descriptors.push({std::vector<std::byte>(1), sixteen}));
  }
  EXPECT_FALSE(descriptors.is_full());
  ASSERT_TRUE(descriptors.push({std::vector<std::byte>(1), sixteen}));
  EXPECT_TRUE(descriptors.is_full());
  descriptors.clear();
  EXPECT_FALSE(descriptors.is_full());
}

TEST(ReplyQueue, takes_no_room_for_an_empty_reply_and_refuses_a_closed_descriptor) {
  ReplyQueue queue;
  ASSERT_TRUE(queue.push({}));
  EXPECT_TRUE(queue.is_empty());
  EXPECT_FALSE(queue.push({std::vector<std::byte>(1), {1'000'000}}));
}

using DeferredReplies = ServerTest;

TEST_F(DeferredReplies, come_before_those_of_later_requests_and_hold_up_no_other_connection) {
  std::optional<DeferredReply> parked;
  handler_.on_request = [&](Connection& connection, const std::string& text) {
    if (text != "park") return Reply{bytes_of(framed(text))};
    parked = connection.defer();
    return Reply{};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  Client other = connect_unix();
  client.send(framed("before") + framed("park") + framed("after"));
  EXPECT_EQ(client.receive(), "before");
  round_trip(other);
  on_loop([&] { parked->send({bytes_of(framed("parked"))}); });
  EXPECT_EQ(client.receive(), "parked");
  EXPECT_EQ(client.receive(), "after");
}

TEST_F(DeferredReplies, may_be_sent_within_the_request_already) {
  handler_.on_request = [](Connection& connection, const std::string& text) {
    connection.defer().send({bytes_of(framed(text))});
    return Reply{};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("1") + framed("2") + framed("3"));
  for (const char* expected : {"1", "2", "3"}) EXPECT_EQ(client.receive(), expected);
}

TEST_F(DeferredReplies, to_a_client_that_has_gone_are_dropped) {
  Journal closed;
  std::optional<DeferredReply> parked;
  handler_.on_request = [&](Connection& connection, const std::string&) {
    parked = connection.defer();
    return Reply{};
  };
  handler_.on_closed = [&](Connection&) { closed.add("closed"); };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("park") + framed("more"));
  client.disconnect();
  closed.wait_for("closed");  // the end is noticed while the request is parked
  on_loop([&] {
    parked->send({bytes_of(framed("too late"))});
    EXPECT_FALSE(parked->is_connected());
  });
}

TEST_F(DeferredReplies, that_are_dropped_unsent_close_the_connection) {
  handler_.on_request = [](Connection& connection, const std::string&) {
    (void)connection.defer();
    return Reply{};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("park"));
  EXPECT_EQ(client.receive(), "(closed)");
  log_.wait_for("dropped without an answer");
}

TEST_F(DeferredReplies, let_a_client_send_ahead_only_so_much) {
  std::optional<DeferredReply> parked;
  Journal journal;
  handler_.on_request = [&](Connection& connection, const std::string& text) {
    if (text != "park") return Reply{bytes_of(framed(std::to_string(text.size())))};
    parked = connection.defer();
    journal.add("parked");
    return Reply{};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("park"));
  journal.wait_for("parked");
  std::thread sender([&] { client.send(framed(std::string(30 << 20, 'x'))); });
  on_loop([&] { parked->send({bytes_of(framed("parked"))}); });
  EXPECT_EQ(client.receive(), "parked");
  EXPECT_EQ(client.receive(), std::to_string(30 << 20));
  sender.join();
}

using LastReplies = ServerTest;

TEST_F(LastReplies, are_sent_whole_and_end_the_connection) {
  constexpr size_t reply_bytes = 5 << 20;  // more than a socket holds
  Journal journal;
  handler_.on_request = [&](Connection&, const std::string& text) {
    journal.add(text);
    return Reply{bytes_of(framed(std::string(reply_bytes, '.'))), {}, true};
  };
  start();
  Client client = connect_tcp(serve_tcp());
  client.send(framed("first") + framed("second"));
  EXPECT_EQ(client.receive().size(), reply_bytes);
  EXPECT_EQ(client.receive(), "(closed)");
  EXPECT_EQ(journal.count("first"), 1u);
  EXPECT_EQ(journal.count("second"), 0u);
}

TEST_F(LastReplies, may_be_empty) {
  handler_.on_request = [](Connection&, const std::string&) { return Reply{{}, {}, true}; };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("?"));
  EXPECT_EQ(client.receive(), "(closed)");
}

TEST_F(LastReplies, are_not_needed_when_a_handler_closes_at_once) {
  Journal closed;
  handler_.on_request = [](Connection& connection, const std::string&) {
    connection.close("no more of this");
    return Reply{bytes_of(framed("never sent"))};
  };
  handler_.on_closed = [&](Connection&) { closed.add("closed"); };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("?"));
  EXPECT_EQ(client.receive(), "(closed)");
  log_.wait_for("no more of this");
  closed.wait_for("closed");
}

}  // namespace
}  // namespace ringmain::net
