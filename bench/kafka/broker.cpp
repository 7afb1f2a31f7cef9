// Starting a broker and asking the kernel about it.
#include "kafka/broker.hpp"

#include <fmt/format.h>

#include <ctime>

#include "base/result.hpp"
#include "cli/exit.hpp"
#include "os/file.hpp"

namespace ringmain::bench {
namespace {

constexpr std::size_t kStatusBytes = 64 << 10;  // of a file in /proc

// "listening on 127.0.0.1:40001\n", once the line is whole.
std::string address_in(const std::string& log) {
  constexpr std::string_view kBefore = "listening on ";
  const auto found = log.find(kBefore);
  if (found == std::string::npos) return {};
  const auto begin = found + kBefore.size();
  const auto end = log.find('\n', begin);
  return end == std::string::npos ? std::string{} : log.substr(begin, end - begin);
}

}  // namespace

KafkaBroker::KafkaBroker(const std::string& ringmain, const std::string& folder)
    : ringmain_(ringmain),
      scratch_(folder),
      server_("the Ringmain broker",
              {ringmain, "--bus", scratch_.folder() + "/bus", "broker", "--shm", scratch_.memory_folder() + "/bus",
               "--listen", "127.0.0.1:0"},
              scratch_.folder() + "/broker.log", {0, 1}) {
  server_.await([this] { return !(address_ = address_in(server_.said())).empty(); }, [] {});
}

void KafkaBroker::run(const std::vector<std::string>& words) const {
  std::string arguments = "--bus '" + scratch_.folder() + "/bus'";
  for (const std::string& word : words) arguments += " " + word;
  const std::string command = "'" + ringmain_ + "' " + arguments + " >/dev/null";
  if (std::system(command.c_str()) != 0) throw tools::Failure("'ringmain " + arguments + "' failed");
}

void KafkaBroker::create_topic(const std::string& name) const { run({"topic", "create", name}); }
void KafkaBroker::delete_topic(const std::string& name) const { run({"topic", "delete", name}); }

int64_t KafkaBroker::cpu_ns() const {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(server_.pid(), &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    throw tools::Failure("the broker has ended: " + server_.said());
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int64_t KafkaBroker::resident_bytes() const {
  const std::string path = fmt::format("/proc/{}/status", server_.pid());
  const std::string status = tools::value_or_throw(os::read_small_file(path, kStatusBytes));
  const auto found = status.find("\nRssAnon:");
  if (found == std::string::npos) throw tools::Failure(path + " has no RssAnon");
  return std::stoll(status.substr(found + sizeof("\nRssAnon:") - 1)) * 1024;
}

}  // namespace ringmain::bench
