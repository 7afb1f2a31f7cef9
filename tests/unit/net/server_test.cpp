// Server: requests and replies over real sockets.
#include "net/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "sanitizers.hpp"
#include "unit/net/served.hpp"

namespace ringmain::net {
namespace {

using Requests = ServerTest;

TEST_F(Requests, are_answered_over_unix_ipv4_and_ipv6_sockets) {
  start();
  serve_unix();
  Client local = connect_unix();
  round_trip(local);
  Client over_ipv4 = connect_tcp(serve_tcp());
  round_trip(over_ipv4);
  if (!Listener::on_tcp({"::1", 0})) GTEST_SKIP() << "no IPv6 on this host";
  Client over_ipv6 = connect_tcp(serve_tcp({"::1", 0}));
  round_trip(over_ipv6);
}

TEST_F(Requests, reach_a_listener_of_every_address_over_ipv4) {
  start();
  const Endpoint bound = serve_tcp({"", 0});
  EXPECT_NE(bound.port, 0);
  Client client = connect_tcp({"127.0.0.1", bound.port});
  round_trip(client);
}

TEST_F(Requests, that_come_pipelined_are_answered_in_their_order) {
  start();
  Client client = connect_tcp(serve_tcp());
  constexpr int count = 10'000;
  std::string stream;
  for (int i = 0; i < count; ++i) stream += framed("request " + std::to_string(i));
  std::thread sender([&] { client.send(stream); });
  for (int i = 0; i < count; ++i) ASSERT_EQ(client.receive(), "request " + std::to_string(i));
  sender.join();
}

TEST_F(Requests, of_a_client_that_sends_byte_by_byte_are_answered_and_hold_up_nobody) {
  start();
  serve_unix();
  Client slow = connect_unix();
  Client other = connect_unix();
  for (const char byte : framed("slow")) {
    round_trip(other);
    slow.send({&byte, 1});
  }
  EXPECT_EQ(slow.receive(), "slow");
}

TEST_F(Requests, of_several_megabytes_come_through_whole) {
  start();
  Client client = connect_tcp(serve_tcp());
  const std::string body(20 << 20, 'x');
  std::thread sender([&] { client.send(framed(body)); });
  EXPECT_TRUE(client.receive() == body);
  sender.join();
}

TEST_F(Requests, without_a_reply_leave_the_order_of_the_others_as_it_is) {
  handler_.on_request = [](Connection&, const std::string& text) {
    return text == "acks=0" ? Reply{} : Reply{bytes_of(framed(text))};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("a") + framed("acks=0") + framed("b"));
  EXPECT_EQ(client.receive(), "a");
  EXPECT_EQ(client.receive(), "b");
}

TEST_F(Requests, sent_before_the_client_ended_its_sending_are_answered) {
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("last words"));
  client.end_sending();
  EXPECT_EQ(client.receive(), "last words");
  EXPECT_EQ(client.receive(), "(closed)");
}

using HostileClients = ServerTest;

TEST_F(HostileClients, with_impossible_lengths_are_closed_with_a_line_that_says_why) {
  start();
  serve_unix();
  Client other = connect_unix();
  for (const uint32_t length : {0xffffffffU, 0x80000000U, 0x7fffffffU, (100U << 20) + 1}) {
    Client hostile = connect_unix();
    hostile.send(framed("fine") + frame_length(length));
    EXPECT_EQ(hostile.receive(), "fine");
    EXPECT_EQ(hostile.receive(), "(closed)");
    const auto shown = std::to_string(static_cast<int32_t>(length));
    EXPECT_THAT(log_.wait_for("announced a request of " + shown), testing::HasSubstr("pid "));
  }
  round_trip(other);
}

TEST_F(HostileClients, with_requests_above_the_listeners_limit_are_closed) {
  start();
  Limits limits = Limits::for_tcp();
  limits.request_max_bytes = 10;
  const Endpoint bound = serve_tcp({"127.0.0.1", 0}, limits);
  Client client = connect_tcp(bound);
  client.send(framed("ten bytes."));
  EXPECT_EQ(client.receive(), "ten bytes.");
  client.send(framed("eleven byte"));
  EXPECT_EQ(client.receive(), "(closed)");
  log_.wait_for("socket.request.max.bytes is 10");
}

TEST_F(HostileClients, that_vanish_within_a_frame_are_forgotten) {
  Journal closed;
  handler_.on_closed = [&](Connection& connection) { closed.add(connection.peer()); };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(frame_length(1000) + "some of it");
  client.disconnect();
  closed.wait_for("pid ");
  on_loop([&] { EXPECT_EQ(server_->connection_count(), 0u); });
}

TEST_F(HostileClients, that_never_read_are_not_read_until_they_do) {
  constexpr size_t reply_bytes = 64 << 10;
  constexpr size_t count = 1000;
  std::atomic<size_t> handled = 0;
  handler_.on_request = [&](Connection&, const std::string& text) {
    if (text == "ping") return Reply{bytes_of(framed(text))};
    ++handled;
    return Reply{bytes_of(framed(text + std::string(reply_bytes - text.size(), '.')))};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  std::string stream;
  for (size_t i = 0; i < count; ++i) stream += framed("request " + std::to_string(i) + " ");
  client.send(stream);

  Client other = connect_unix();
  for (size_t i = 0; i < count; ++i) round_trip(other);
  // What the kernel holds for one socket is well under 4 MiB.
  EXPECT_LE(handled, (queued_replies_max_bytes + (4 << 20)) / reply_bytes);

  for (size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(client.receive().starts_with("request " + std::to_string(i) + " "));
  }
  EXPECT_EQ(handled, count);
}

TEST_F(HostileClients, that_never_read_go_when_all_hold_too_much_and_the_others_stay) {
  constexpr size_t reply_bytes = 8 << 20;  // more than the kernel holds for a socket
  handler_.on_request = [&](Connection&, const std::string& text) {
    return Reply{bytes_of(framed(text == "ping" ? text : std::string(reply_bytes, '.')))};
  };
  start(/*memory_max_bytes=*/20 << 20);
  serve_unix();
  Client other = connect_unix();
  round_trip(other);
  std::vector<Client> deaf;
  for (size_t i = 0; i < 6; ++i) {
    deaf.push_back(connect_unix());
    deaf.back().send(framed("much"));
    round_trip(other);
  }
  log_.wait_for("connections.memory.max.bytes");
  EXPECT_EQ(deaf.front().receive(), "(closed)");
  EXPECT_EQ(deaf.back().receive().size(), reply_bytes) << "the last one has just been heard";
  round_trip(other);
}

TEST_F(HostileClients, that_begin_many_large_requests_go_when_all_hold_too_much) {
  start(/*memory_max_bytes=*/20 << 20);
  serve_unix();
  Client other = connect_unix();
  std::vector<Client> slow;
  for (size_t i = 0; i < 6; ++i) {
    slow.push_back(connect_unix());
    slow.back().send(frame_length(100 << 20) + std::string(8 << 20, 'x'));
    round_trip(other);
  }
  log_.wait_for("connections.memory.max.bytes");
  EXPECT_EQ(slow.front().receive(), "(closed)");
  round_trip(other);
}

using Connections = ServerTest;

TEST_F(Connections, above_the_limit_are_refused_until_one_ends) {
  start();
  Limits limits;
  limits.connections_max = 1;
  serve_unix(limits);
  Client first = connect_unix();
  round_trip(first);
  Client second = connect_unix();
  EXPECT_EQ(second.receive(), "(closed)");
  log_.wait_for("refusing further connections, 1 are open");
  round_trip(first);

  first.disconnect();
  log_.wait_for("connection closed: by the client");
  on_loop([] {});  // the end is told in a turn of its own
  Client third = connect_unix();
  round_trip(third);
  EXPECT_EQ(log_.count("refusing"), 1u);
}

TEST_F(Connections, that_stay_silent_too_long_are_closed) {
  start();
  Limits limits = Limits::for_tcp();
  limits.idle_max = std::chrono::milliseconds(1);
  Client client = connect_tcp(serve_tcp({"127.0.0.1", 0}, limits));
  EXPECT_EQ(client.receive(), "(closed)");
  log_.wait_for("connections.max.idle.ms");
}

TEST_F(Connections, know_the_process_at_their_other_end) {
  Journal seen;
  handler_.on_request = [&](Connection& connection, const std::string& text) {
    EXPECT_EQ(connection.transport(), Transport::unix_socket);
    EXPECT_EQ(connection.credentials()->pid, ::getpid());
    EXPECT_EQ(connection.credentials()->uid, ::geteuid());
    const auto process = connection.open_peer_pidfd();
    EXPECT_TRUE(process && !process->is_dead());
    return Reply{bytes_of(framed(text))};
  };
  start();
  serve_unix();
  Client client = connect_unix();
  round_trip(client);
}

TEST_F(Connections, over_tcp_have_an_address_and_no_process) {
  handler_.on_request = [&](Connection& connection, const std::string&) {
    EXPECT_EQ(connection.transport(), Transport::tcp);
    EXPECT_FALSE(connection.credentials());
    EXPECT_FALSE(connection.open_peer_pidfd());
    return Reply{bytes_of(framed(connection.peer()))};
  };
  start();
  Client client = connect_tcp(serve_tcp());
  client.send(framed("who am I?"));
  const auto address = local_endpoint(client.fd());
  ASSERT_TRUE(address);
  EXPECT_EQ(client.receive(), to_string(*address));
}

TEST_F(Connections, tell_which_listener_they_came_from) {
  handler_.on_request = [&](Connection& connection, const std::string&) {
    return Reply{bytes_of(framed(std::to_string(connection.listener().value())))};
  };
  start();
  serve_unix();
  Client over_tcp = connect_tcp(serve_tcp());
  Client local = connect_unix();
  local.send(framed("?"));
  over_tcp.send(framed("?"));
  EXPECT_EQ(local.receive(), "0");
  EXPECT_EQ(over_tcp.receive(), "1");
}

TEST_F(Connections, remember_what_the_handler_put_there_until_they_end) {
  struct Counter final : SessionState {
    explicit Counter(Journal& gone) : journal(gone) {}
    ~Counter() override { journal.add("forgotten"); }
    int requests = 0;
    Journal& journal;
  };
  Journal journal;
  handler_.on_request = [&](Connection& connection, const std::string&) {
    if (!connection.session()) connection.session() = std::make_unique<Counter>(journal);
    const int number = ++static_cast<Counter&>(*connection.session()).requests;
    return Reply{bytes_of(framed(std::to_string(number)))};
  };
  handler_.on_closed = [&](Connection& connection) {
    EXPECT_TRUE(connection.session());
    EXPECT_EQ(journal.count("forgotten"), 0u);
  };
  start();
  serve_unix();
  Client client = connect_unix();
  client.send(framed("") + framed(""));
  EXPECT_EQ(client.receive(), "1");
  EXPECT_EQ(client.receive(), "2");
  client.disconnect();
  journal.wait_for("forgotten");
}

TEST_F(Connections, are_all_told_to_the_handler_when_the_server_goes) {
  int closed = 0;
  handler_.on_closed = [&](Connection&) { ++closed; };
  start();
  serve_unix();
  Client asked = connect_unix();
  Client never_asked = connect_unix();
  round_trip(asked);
  on_loop([&] {
    EXPECT_EQ(server_->connection_count(), 2u);
    server_.reset();
    EXPECT_EQ(closed, 2);
  });
  EXPECT_EQ(asked.receive(), "(closed)");
  EXPECT_EQ(never_asked.receive(), "(closed)");
}

TEST_F(Connections, wait_while_the_process_may_open_no_more_files) {
#if defined(RINGMAIN_WITH_ASAN)
  GTEST_SKIP() << "the sanitizer's own checks open files";
#endif
  start();
  const Endpoint bound = serve_tcp();
  const auto address = addresses_to_bind(bound);
  ASSERT_TRUE(address);
  os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit allowed{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &allowed), 0);
  const rlimit none{0, allowed.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_EQ(::connect(socket.get(), address->front().generic(), address->front().size_bytes), 0);
  log_.wait_for("cannot accept connections: Too many open files");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &allowed), 0);
  Client client(std::move(socket));
  round_trip(client);
  EXPECT_EQ(log_.count("cannot accept"), 1u);
}

TEST_F(Connections, go_on_when_no_more_are_accepted) {
  start();
  serve_unix();
  Client client = connect_unix();
  round_trip(client);
  on_loop([&] { server_->stop_accepting(); });
  round_trip(client);
}

TEST(Listener, says_what_is_wrong_when_its_address_is_taken) {
  const auto first = Listener::on_tcp({"127.0.0.1", 0});
  ASSERT_TRUE(first);
  const auto second = Listener::on_tcp(first->bound());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message,
              testing::AllOf(testing::HasSubstr(first->name()), testing::HasSubstr("in use")));
}

}  // namespace
}  // namespace ringmain::net
