// A foreign client against the gateway and a real server: kcat lists what there is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <future>
#include <thread>

#include "net/server.hpp"
#include "unit/gateway/fakes.hpp"

namespace ringmain::gateway {
namespace {

using testing::HasSubstr;

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string output;
  std::array<char, 4096> part;
  while (const size_t size = std::fread(part.data(), 1, part.size(), pipe))
    output.append(part.data(), size);
  ::pclose(pipe);
  return output;
}

TEST(Kcat, lists_the_topics_of_a_broker) {
  if (output_of("command -v kcat").empty()) GTEST_SKIP() << "kcat is not installed";
  FakeTopics topics;
  FakeRecords records;
  FakeBroker broker;
  FakeAttach attach;
  const AllowEverything authorizer;
  ASSERT_TRUE(topics.create({"trades", 2}, Commit::apply));
  ASSERT_TRUE(topics.create({"quotes", 1}, Commit::apply));
  std::vector<std::string> warnings;  // loop thread, until it has ended
  const net::Log log = [&](net::LogLevel level, std::string_view line) {
    if (level >= net::LogLevel::warning) warnings.emplace_back(line);
  };
  Gateway gateway({topics, records, broker, attach, authorizer}, {}, log);

  net::EventLoop loop;
  auto server = std::make_unique<net::Server>(loop, gateway, log);
  auto listener = net::Listener::on_tcp({"127.0.0.1", 0});
  ASSERT_TRUE(listener) << listener.error().message;
  broker.first_port = listener->bound().port;
  const std::string bootstrap = to_string(listener->bound());
  ASSERT_TRUE(server->serve(std::move(*listener), net::Limits::for_tcp()));
  std::thread runner([&] { loop.run(); });

  const std::string listed = output_of("kcat -L -b " + bootstrap + " 2>&1");
  const std::string created = output_of("kcat -L -t brand-new -b " + bootstrap + " 2>&1");

  loop.post([&] {
    server.reset();
    loop.stop();
  });
  runner.join();
  EXPECT_THAT(listed, HasSubstr("broker 7 at " + bootstrap + " (controller)"));
  EXPECT_THAT(listed, HasSubstr("2 topics:"));
  EXPECT_THAT(listed, HasSubstr("topic \"trades\" with 2 partitions:"));
  EXPECT_THAT(listed, HasSubstr("partition 1, leader 7, replicas: 7, isrs: 7"));
  EXPECT_THAT(created, HasSubstr("brand-new"));
  EXPECT_THAT(warnings, testing::IsEmpty());
}

}  // namespace
}  // namespace ringmain::gateway
