// The crash campaign: real processes that are killed and stopped at random and at named places;
// every record that was published must be there, once and in order, for everybody.
//
//   crash_campaign --kills N [--seed S]     the campaign; S replays the plan, the kernel's
//                                           scheduling stays free
//   crash_campaign --canary NAME            flip, drop or repeat: spoils something and succeeds
//                                           only if that is noticed
//   crash_campaign actor PLACE              one of its processes
//   crash_campaign broker --bus DIR ...     its broker, also as clients start it
#include <signal.h>
#include <stdlib.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "actors.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "campaign.hpp"

namespace ringmain::crash {
namespace {

struct Options {
  std::uint64_t kills = 100;
  std::uint64_t seed = 0;
  std::string canary;
};

class Folder {
 public:
  Folder() {
    std::string name = "/dev/shm/ringmain-crash-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool read_options(int argc, char** argv, Options& options) {
  const char* seed = ::getenv("RINGMAIN_SEED");
  options.seed = seed != nullptr ? std::strtoull(seed, nullptr, 10) : os_entropy64() % 1'000'000;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 >= argc) return false;
    if (name == "--kills")
      options.kills = std::strtoull(argv[i + 1], nullptr, 10);
    else if (name == "--seed")
      options.seed = std::strtoull(argv[i + 1], nullptr, 10);
    else if (name == "--canary")
      options.canary = argv[i + 1];
    else
      return false;
  }
  return options.canary.empty() || options.canary == "flip" || options.canary == "drop" || options.canary == "repeat";
}

// What the oracle or a reader says of the spoilt thing.
const char* expected_words(const std::string& canary) {
  return canary == "flip" ? "torn or foreign bytes" : canary == "drop" ? "is missing to reader" : "after offset";
}

int run_canary(Company& company, const Options& options) {
  Campaign campaign(company, options.seed);
  try {
    campaign.run_canary(options.canary == "flip"   ? Canary::flip_a_byte
                        : options.canary == "drop" ? Canary::drop_a_record
                                                   : Canary::repeat_a_record);
    fmt::print("FAILED: the canary \"{}\" lives: nobody noticed what was spoilt\n", options.canary);
    return 1;
  } catch (const Failure& failure) {
    if (failure.text.find(expected_words(options.canary)) == std::string::npos) {
      fmt::print("FAILED, and not over the canary: {}\n", failure.text);
      company.print_everything();
      return 1;
    }
    fmt::print("the canary \"{}\" was noticed:\n{}\n", options.canary, failure.text);
    return 0;
  }
}

int run_campaign(Company& company, const Options& options) {
  const std::int64_t began_ns = now_steady_ns();
  Campaign campaign(company, options.seed);
  fmt::print("crash campaign: at least {} kills, seed {}\n", options.kills, options.seed);
  std::fflush(stdout);
  std::string text;
  try {
    campaign.run(options.kills);
  } catch (const Failure& failure) {
    text = failure.text;
  } catch (const std::exception& error) {
    text = error.what();
  }
  campaign.print_summary();
  fmt::print("seed {}, {} s\n", options.seed, (now_steady_ns() - began_ns) / 1'000'000'000);
  if (text.empty()) return 0;
  fmt::print("\nFAILED\n\nthe moves that led there:\n{}", campaign.trail());
  std::fflush(stdout);
  company.print_everything();
  fmt::print("\nFAILED: {}\n", text);  // last: of a long output people see the end
  fmt::print("replay the plan: crash_campaign --kills {} --seed {}\n", options.kills, options.seed);
  return 1;
}

int run(const Options& options) {
  const Folder folder;
  Company company(folder.path(), options.seed);
  return options.canary.empty() ? run_campaign(company, options) : run_canary(company, options);
}

}  // namespace
}  // namespace ringmain::crash

int main(int argc, char** argv) {
  using namespace ringmain::crash;
  if (argc == 3 && std::strcmp(argv[1], "actor") == 0) return act(static_cast<std::uint32_t>(std::atoi(argv[2])));
  if (argc > 1 && std::strcmp(argv[1], "broker") == 0) return serve_as_broker(argc, argv);
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fprintf(stderr, "usage: crash_campaign [--kills N] [--seed S] [--canary flip|drop|repeat]\n");
    return 2;
  }
  return run(options);
}
