// What the operating system refuses: folders of other users, and memory that has run out.
#include <gtest/gtest.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <functional>

#include "bus_fixture.hpp"
#include "os/fault.hpp"

namespace ringmain::test {
namespace {

constexpr uid_t kNobody = 65534;

// Runs it in a child; what it throws, or nothing.
std::optional<Error> error_in_child(const std::function<void()>& body) {
  int pipe_fds[2];
  if (::pipe(pipe_fds) != 0) std::abort();
  const pid_t child = os::start_child([&] {
    const auto error = error_of(body);
    if (!error) return 0;
    const std::string text = std::to_string(static_cast<int>(error->code)) + " " + error->message;
    return ::write(pipe_fds[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 1 : 2;
  });
  ::close(pipe_fds[1]);
  std::string text(4096, '\0');
  const ssize_t got = ::read(pipe_fds[0], text.data(), text.size());
  ::close(pipe_fds[0]);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  const int status = os::wait_for_child(child);
  EXPECT_TRUE(WIFEXITED(status));
  if (text.empty()) return std::nullopt;
  return Error{static_cast<ErrorCode>(std::stoi(text)), text.substr(text.find(' ') + 1)};
}

void become_nobody() {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0)
    ::_exit(3);
}

class OtherUser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    folders.start_broker();
    Bus bus = folders.open();
    create_topic(bus, "log");
    Appender(bus, {"log", 0}).append("secret");
  }
  static void allow_all(const std::string& path) { ASSERT_EQ(::chmod(path.c_str(), 0777), 0) << path; }
  void expect_refused(const std::function<void()>& body, std::initializer_list<std::string> words) {
    const auto error = error_in_child([&] {
      become_nobody();
      body();
    });
    ASSERT_TRUE(error) << "it was let in";
    EXPECT_STREQ(error_name(error->code), "permission_denied") << error->message;
    for (const auto& word : words) EXPECT_NE(error->message.find(word), std::string::npos) << error->message;
  }

  TemporaryBus folders{TemporaryBus::Start::later};
};

TEST_F(OtherUser, cannot_enter_the_bus_directory) {
  allow_all(folders.directory() + "/..");
  expect_refused([&] { folders.open(); }, {folders.directory(), "Permission denied"});
}

TEST_F(OtherUser, cannot_connect_although_the_directory_is_open) {
  allow_all(folders.directory() + "/..");
  allow_all(folders.directory());
  expect_refused([&] { folders.open(); }, {"broker.sock", "Permission denied"});
}

TEST_F(OtherUser, is_refused_by_name_although_the_socket_is_open) {
  allow_all(folders.directory() + "/..");
  allow_all(folders.directory());
  allow_all(folders.file("broker.sock"));
  expect_refused([&] { folders.open(); }, {"uid 65534", "bus.group"});
}

TEST_F(OtherUser, cannot_open_a_file_of_shared_memory_although_its_folders_are_open) {
  allow_all(folders.directory() + "/..");
  allow_all(folders.shm());
  const std::string memory = folders.memory_folder();
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(memory)) files.push_back(entry.path());
  ASSERT_GE(files.size(), 5u);
  for (const auto& file : files) {
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077, 0u) << file;
  }
  const int probe = os::wait_for_child(os::start_child([&] {
    become_nobody();
    return ::open(files[0].c_str(), O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
  }));
  EXPECT_TRUE(os::exited_with(probe, 0));
  allow_all(memory);
  const int files_probe = os::wait_for_child(os::start_child([&] {
    become_nobody();
    for (const auto& file : files)
      if (::open(file.c_str(), O_RDONLY) >= 0 || errno != EACCES) return 1;
    return 0;
  }));
  EXPECT_TRUE(os::exited_with(files_probe, 0));
}

TEST_F(OtherUser, cannot_start_a_broker_on_it) {
  allow_all(folders.directory() + "/..");
  expect_refused([&] { if (const auto error = folders.try_start_broker()) throw Exception(*error); }, {folders.directory()});
}

TEST_F(OtherUser, cannot_keep_its_memory_in_somebody_elses_folder) {
  allow_all(folders.directory() + "/..");
  allow_all(folders.shm());
  const std::string own = std::filesystem::path(folders.directory()).parent_path() / "own";
  expect_refused(
      [&] {
        broker::BrokerOptions options;
        options.directory = own;
        options.shm_directory = folders.shm();
        auto started = broker::Broker::start(options);
        if (!started) throw Exception(started.error());
      },
      {folders.shm(), "uid 0", "RINGMAIN_SHM"});
}

// Memory that runs out.

class FullMemory : public ::testing::Test {
 protected:
  // Runs the body in a child that sees a small tmpfs at shm(); false if the system forbids that.
  bool on_small_tmpfs(const char* options, const std::function<void()>& body) {
    std::filesystem::create_directories(folders.shm());
    const int status = os::wait_for_child(os::start_child([&] {
      if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("small", folders.shm().c_str(), "tmpfs", 0, options) != 0)
        return 77;
      body();
      return HasFailure() ? 1 : 0;
    }));
    if (os::exited_with(status, 77)) return false;
    EXPECT_TRUE(os::exited_with(status, 0));
    return true;
  }
  int complaints() const {
    int count = 0;
    for (const auto& line : folders.log())
      if (line.find("No space") != std::string::npos) ++count;
    return count;
  }

  TemporaryBus folders{TemporaryBus::Start::later};
};

TEST_F(FullMemory, is_said_at_attachment_and_the_bus_goes_on_when_there_is_room_again) {
  const bool done = on_small_tmpfs("size=3m", [&] {
    folders.start_broker();
    Bus bus = folders.open();
    auto configs = small_slots(8);
    configs["full.policy"] = "block";  // the other goes on in its oldest slots
    create_topic(bus, "log", 8, configs);
    std::vector<Appender> appenders;
    std::optional<Error> error;
    while (!error && appenders.size() < 100) error = error_of([&] {
      appenders.emplace_back(bus, TopicPartition{"log", static_cast<std::int32_t>(appenders.size() % 8)},
                             AppenderOptions{std::chrono::milliseconds(1)});
      for (int i = 0; i < 2000; ++i) appenders.back().append(std::string(1000, 'x'));
    });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, ErrorCode::no_space) << error->message;
    EXPECT_NE(error->message.find("full"), std::string::npos) << error->message;
    EXPECT_FALSE(appenders.empty());
    appenders[0].try_append("what is prepared is still there");
    appenders.clear();
    bus.admin().delete_topic("log");
    create_topic(bus, "log", 1, small_slots(8));
    Appender again(bus, {"log", 0});
    for (int i = 0; i < 2000; ++i) again.append(std::string(1000, 'x'));
  });
  if (!done) GTEST_SKIP() << "this system lets nobody mount a tmpfs here";
}

TEST_F(FullMemory, keeps_the_bus_from_starting_with_a_sentence_that_says_why) {
  const bool done = on_small_tmpfs("size=64k", [&] {
    const auto error = folders.try_start_broker();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, ErrorCode::no_space) << error->message;
    EXPECT_NE(error->message.find(folders.shm()), std::string::npos) << error->message;
  });
  if (!done) GTEST_SKIP() << "this system lets nobody mount a tmpfs here";
}

TEST_F(FullMemory, stops_producers_and_no_readers_and_is_said_once) {
  folders.start_broker();
  Bus bus = folders.open();
  auto configs = small_slots(64);
  configs["full.policy"] = "block";  // the other goes on in its oldest slot
  create_topic(bus, "log", 1, configs);
  Appender appender(bus, {"log", 0}, {std::chrono::milliseconds(1)});
  Appender patient(bus, {"log", 0});
  Reader reader(bus, {"log", 0});
  patient.append("before");
  ASSERT_TRUE(os::configure_faults("os.allocate:enospc:1+"));
  std::optional<Error> error;
  while (!error) error = error_of([&] { appender.append(std::string(1000, 'x')); });
  EXPECT_EQ(error->code, ErrorCode::no_space);
  EXPECT_EQ(reader.next(kForever), "before");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(error_of([&] { appender.append("no"); }));
  wait_until([&] { return complaints() > 0; });
  EXPECT_EQ(complaints(), 1);
  ASSERT_TRUE(os::configure_faults(""));
  wait_until([&] { return !error_of([&] { appender.append(std::string(1000, 'x')); }); });
  for (int i = 0; i < 1000; ++i) patient.append(std::string(1000, 'x'));
  EXPECT_EQ(reader.lost(), 0u);
}

}  // namespace
}  // namespace ringmain::test
