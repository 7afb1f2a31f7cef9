// The power campaign's program: real power cuts under load. Needs root and loop devices; without
// them it ends with the status that ctest takes for "skipped". A longer hunt:
//   build/release/power_campaign --cuts 2000 --seed 7
#include <fmt/format.h>
#include <stdlib.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/clock.hpp"
#include "campaign.hpp"

namespace ringmain::crash {
namespace {

constexpr int kSkipped = 77;

bool read_options(int argc, char** argv, CampaignOptions& options) {
  const char* seed = ::getenv("RINGMAIN_SEED");
  options.seed = seed != nullptr ? std::strtoull(seed, nullptr, 10) : os_entropy64() % 1'000'000;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 >= argc) return false;
    const std::string value = argv[i + 1];
    if (name == "--cuts")
      options.cuts = std::strtoull(value.c_str(), nullptr, 10);
    else if (name == "--seed")
      options.seed = std::strtoull(value.c_str(), nullptr, 10);
    else if (name == "--canary" && value == "one-too-many")
      options.canary = Canary::one_too_many;
    else if (name == "--canary" && value == "published")
      options.canary = Canary::published_for_durable;
    else
      return false;
  }
  return true;
}

struct Folder {
  Folder() {
    if (::mkdtemp(path.data()) == nullptr)
      throw std::runtime_error("cannot make a folder in /dev/shm");
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path = "/dev/shm/ringmain-power-XXXXXX";
};

int run_canary(PowerCampaign& campaign) {
  const char* expected = "was called durable";
  try {
    campaign.run();
    campaign.print_summary();
    fmt::print("FAILED: the canary lives: nobody noticed that more was called durable than is\n");
    return 1;
  } catch (const Failure& failure) {
    const bool is_noticed = failure.text.find(expected) != std::string::npos;
    fmt::print("{}:\n{}\n",
               is_noticed ? "the canary was noticed" : "FAILED, and not over the canary",
               failure.text);
    campaign.print_summary();
    return is_noticed ? 0 : 1;
  }
}

int run(const CampaignOptions& options) {
  const std::int64_t began_ns = now_steady_ns();
  const Folder folder;
  PowerCampaign campaign(folder.path, options);
  fmt::print("power campaign: at least {} cuts, seed {}\n", options.cuts, options.seed);
  std::fflush(stdout);
  if (options.canary != Canary::none) return run_canary(campaign);
  std::string text;
  try {
    campaign.run();
  } catch (const Failure& failure) {
    text = failure.text;
  } catch (const std::exception& error) {
    text = error.what();
  }
  campaign.print_summary();
  fmt::print("seed {}, {} s\n", options.seed, (now_steady_ns() - began_ns) / 1'000'000'000);
  if (text.empty()) return 0;
  fmt::print("\nFAILED\n\n");
  campaign.print_everything();
  fmt::print("\nFAILED: {}\n", text);  // last: of a long output people see the end
  fmt::print("replay the plan: power_campaign --cuts {} --seed {}\n", options.cuts, options.seed);
  return 1;
}

}  // namespace
}  // namespace ringmain::crash

int main(int argc, char** argv) {
  using namespace ringmain::crash;
  CampaignOptions options;
  if (!read_options(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: power_campaign [--cuts N] [--seed S] [--canary one-too-many|published]\n");
    return 2;
  }
  if (const std::string problem = volumes_are_possible(); !problem.empty()) {
    std::printf("skipped: %s\n", problem.c_str());
    return kSkipped;
  }
  return run(options);
}
