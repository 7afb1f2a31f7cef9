// Processes: watched, described, started apart, and identified at the end of a socket.
#include "os/process.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "os/file.hpp"
#include "os/host.hpp"
#include "os/peer.hpp"
#include "os/pidfd.hpp"
#include "os/spawn.hpp"
#include "os/unix_socket.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::os {
namespace {

using testing::HasSubstr;

int wait_for_signals() {
  while (true) ::pause();
}

// The number of a process that is gone.
pid_t dead_pid() {
  const pid_t pid = start_child([] { return 0; });
  wait_for_child(pid);
  return pid;
}

TEST(PidfdTest, turns_readable_when_the_process_dies) {
  const pid_t child = start_child(wait_for_signals);
  const Pidfd watched = Pidfd::open(child).value();
  EXPECT_FALSE(watched.is_dead());
  EXPECT_EQ(watched.wait(Deadline::at_steady_ns(0)), Pidfd::Wait::timed_out);
  ASSERT_TRUE(watched.send_signal(SIGKILL));
  EXPECT_EQ(watched.wait(), Pidfd::Wait::dead);
  EXPECT_TRUE(watched.is_dead());  // though nobody has reaped it yet
  wait_for_child(child);
  EXPECT_EQ(watched.send_signal(SIGKILL).error().code, ErrorCode::closed);
}

TEST(PidfdTest, a_process_that_is_gone_cannot_be_watched) {
  const pid_t pid = dead_pid();
  const auto pidfd = Pidfd::open(pid);
  EXPECT_EQ(pidfd.error().code, ErrorCode::closed);
  EXPECT_EQ(pidfd.error().message, "there is no process " + std::to_string(pid));
}

TEST(ProcessStateTest, tells_a_stopped_process_and_its_start_time) {
  const pid_t child = start_child(wait_for_signals);
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  wait_for_child(child, WUNTRACED);
  const ProcessState stopped = process_state(child).value();
  EXPECT_TRUE(stopped.is_stopped());
  EXPECT_FALSE(stopped.is_dead());
  EXPECT_GE(stopped.start_time_ticks, process_state(::getpid()).value().start_time_ticks);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(Pidfd::open(child).value().wait(), Pidfd::Wait::dead);
  EXPECT_TRUE(process_state(child).value().is_dead());
  wait_for_child(child);
}

TEST(ProcessStateTest, a_process_that_is_gone_is_closed) {
  EXPECT_EQ(process_state(dead_pid()).error().code, ErrorCode::closed);
}

TEST(ProcessStateTest, a_name_with_spaces_and_parentheses_does_not_confuse) {
  const ProcessState found =
      parse_process_stat("12 (a) R (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 998877 20")
          .value();
  EXPECT_EQ(found.state, 'S');
  EXPECT_EQ(found.start_time_ticks, 998877u);
}

TEST(ProcessStateTest, nonsense_is_an_error) {
  for (const char* text : {"", "12 (a", "12 (a)", "12 (a) S 1 2",
                           "1 (a) S 1 2 3 4 5 6 7 8 9 10 11 "
                           "12 13 14 15 16 17 18 x"}) {
    EXPECT_THAT(parse_process_stat(text).error().message,
                HasSubstr("cannot read the state of a process"))
        << text;
  }
}

TEST(ProcessTest, knows_its_own_name_and_path) {
  EXPECT_EQ(process_name(::getpid()), "unit_os");
  EXPECT_EQ(process_name(-1), "?");
  EXPECT_THAT(executable_path().value(), testing::EndsWith("/unit_os"));
}

// What `script` wrote, once it has ended.
std::string output_of_detached(const ScratchDirectory& scratch, const std::string& script) {
  const std::string fifo = scratch / "fifo";
  EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto pid =
      spawn_detached({"/bin/sh", "-c", "{ " + script + "; } > " + fifo}, scratch / "log");
  EXPECT_TRUE(pid) << pid.error().message;
  return pid ? read_small_file(fifo).value() : "";
}

TEST(SpawnTest, the_new_process_is_no_child_and_has_a_session_of_its_own) {
  const ScratchDirectory scratch;
  const std::string output = output_of_detached(scratch,
                                                "read pid name state ppid group session rest "
                                                "< /proc/$$/stat; echo $ppid $session");
  pid_t parent = 0;
  pid_t session = 0;
  ASSERT_EQ(std::sscanf(output.c_str(), "%d %d", &parent, &session), 2) << output;
  EXPECT_NE(parent, ::getpid());
  EXPECT_NE(session, ::getsid(0));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child is left to reap
}

TEST(SpawnTest, nothing_is_inherited_but_the_standard_streams) {
  const ScratchDirectory scratch;
  const UniqueFd leaky(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  const UniqueFd high(::fcntl(leaky.get(), F_DUPFD, 200));
  const std::string script = "readlink /proc/$$/fd/0; test -e /proc/$$/fd/" +
                             std::to_string(high.get()) + " && echo leaked || echo clean";
  EXPECT_EQ(output_of_detached(scratch, script), "/dev/null\nclean\n");
}

TEST(SpawnTest, output_and_errors_are_appended_to_the_log) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(write_small_file(scratch / "log", "before\n"));
  output_of_detached(scratch, "echo oops >&2");
  EXPECT_EQ(read_small_file(scratch / "log").value(), "before\noops\n");
}

TEST(SpawnTest, signals_are_as_new) {
  const ScratchDirectory scratch;
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  // Of grep itself: a shell blocks signals now and then, while it starts a command.
  const std::string output =
      output_of_detached(scratch, "exec grep -E 'Sig(Blk|Ign)' /proc/self/status");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(SpawnTest, a_program_that_cannot_be_executed_is_named) {
  const ScratchDirectory scratch;
  EXPECT_EQ(spawn_detached({"/no/such/program"}, scratch / "log").error().message,
            "cannot start /no/such/program: No such file or directory");
  EXPECT_EQ(spawn_detached({scratch.path()}, scratch / "log").error().code,
            ErrorCode::permission_denied);
  EXPECT_EQ(spawn_detached({}, scratch / "log").error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(spawn_detached({"/bin/true"}, "/no/such/log").error().message,
              HasSubstr("cannot open /no/such/log"));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
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

TEST(PeerTest, the_kernel_says_who_is_at_the_other_end) {
  const Pair pair = socket_pair();
  const PeerCredentials peer = peer_credentials(pair.near.get()).value();
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_EQ(peer.uid, ::getuid());
  EXPECT_EQ(peer.gid, ::getgid());
  EXPECT_FALSE(peer_pidfd(pair.near.get()).value().is_dead());
}

TEST(PeerTest, a_peer_that_died_is_dead_or_gone) {
  const ScratchDirectory scratch;
  const auto listener = listen_unix(scratch / "socket").value();
  const pid_t child = start_child([&] { return connect_unix(scratch / "socket") ? 0 : 1; });
  const auto socket = accept_unix(listener.get()).value();
  EXPECT_TRUE(exited_with(wait_for_child(child), 0));
  EXPECT_EQ(peer_credentials(socket.get()).value().pid, child);
  const auto peer = peer_pidfd(socket.get());
  if (peer) {
    EXPECT_TRUE(peer->is_dead());
  } else {
    EXPECT_EQ(peer.error().code, ErrorCode::closed);
  }
}

TEST(PeerTest, what_is_no_socket_has_no_peer) {
  const UniqueFd file = memory_file(1);
  EXPECT_THAT(peer_credentials(file.get()).error().message,
              HasSubstr("cannot tell who is at the other end"));
  EXPECT_FALSE(peer_pidfd(file.get()));
}

TEST(HostTest, a_pinned_process_may_use_that_core_only) {
  const std::vector<int> cores = available_cores();
  ASSERT_FALSE(cores.empty());
  const int core = cores.back();
  const pid_t child = start_child([core] {
    if (!pin_to_core(core)) return 1;
    return available_cores() == std::vector<int>{core} ? 0 : 2;
  });
  EXPECT_TRUE(exited_with(wait_for_child(child), 0));
}

TEST(HostTest, a_core_that_is_not_there_is_named) {
  EXPECT_EQ(pin_to_core(-1).error().message, "there is no core -1");
  EXPECT_THAT(pin_to_core(8191).error().message, HasSubstr("cannot run on core 8191"));
}

TEST(HostTest, names_its_cpu_and_kernel) {
  EXPECT_FALSE(cpu_model().empty());
  EXPECT_THAT(kernel_release(), HasSubstr("."));
}

}  // namespace
}  // namespace ringmain::os
