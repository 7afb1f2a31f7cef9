// The campaign of power cuts: one bus on a volume of its own, cut and cut again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/random.hpp"
#include "faulty_disk.hpp"
#include "troupe.hpp"
#include "volume.hpp"

namespace ringmain::crash {

enum class Canary { none, one_too_many, published_for_durable };

struct CampaignOptions {
  std::uint64_t cuts = 8;
  std::uint64_t seed = 0;
  Canary canary = Canary::none;
};

class PowerCampaign {
 public:
  PowerCampaign(std::string folder, CampaignOptions options);
  ~PowerCampaign();

  void run();  // throws Failure, std::runtime_error
  void print_summary() const;
  void print_everything() const;

 private:
  void new_volume();
  void next_move();
  void load_until(std::uint64_t bytes);
  void cut(const char* how);
  void power_on();
  void check();
  void change_topics();
  void check_topics();

  const std::string folder_;
  const CampaignOptions options_;
  const bool has_devices_;  // that lose their caches
  Random random_;
  std::unique_ptr<FaultyDisk>
      device_;  // under the volume; none: the device keeps what it was given
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<Troupe> troupe_;
  std::uint64_t volumes_ = 0, cuts_ = 0, cuts_of_volume_ = 0;  // the latter: still to come
  std::set<std::string> spare_;                // topics that are there for being made and deleted
  std::map<std::string, std::uint64_t> made_;  // moves, by name
  DurableCounts counts_;                       // of the volumes before
  LoadTally tally_;
  std::uint64_t lost_blocks_ = 0, kept_blocks_ = 0;  // of the devices' caches
};

}  // namespace ringmain::crash
