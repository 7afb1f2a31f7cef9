#include "campaign.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

namespace ringmain::crash {
namespace {

constexpr std::uint64_t kLeastCutsOfVolume = 8,
                        kMostCutsOfVolume = 32;  // then the log is long, and a new one begins
constexpr std::uint64_t kBudgetBytes = 2 << 20;  // of each producer between two cuts
constexpr std::uint64_t kLeastBytes = 64 << 10;  // of all of them before a cut
constexpr std::uint64_t kMostDelayUs = 3000;
constexpr std::uint64_t kDeviceBytes = 512 << 20;
constexpr std::uint64_t kSpareTopics = 8;
constexpr std::uint32_t kSmallRecord = 16 * 1024 - 64, kLargeRecord = 100 * 1000;

std::vector<LogPlan> logs_of(Canary canary) {
  const How plain = canary == Canary::published_for_durable ? How::as_if_durable : How::appender;
  const How floods = canary == Canary::published_for_durable ? How::as_if_durable : How::flooder;
  const How callbacks =
      canary == Canary::published_for_durable ? How::as_if_durable : How::producer;
  return {{"small", 0, {plain, plain}, kSmallRecord},
          {"small", 1, {callbacks}, kSmallRecord},
          {"large", 0, {plain, floods}, kLargeRecord},
          {"large", 1, {callbacks, plain}, kLargeRecord}};
}

void add(DurableCounts& sum, const DurableCounts& counts) {
  sum.told_durable += counts.told_durable;
  sum.read += counts.read;
  sum.lost += counts.lost;
  sum.survived += counts.survived;
  sum.voids += counts.voids;
}

}  // namespace

PowerCampaign::PowerCampaign(std::string folder, CampaignOptions options)
    : folder_(std::move(folder)),
      options_(options),
      has_devices_(faulty_disks_are_possible().empty()),
      random_(options.seed) {}
PowerCampaign::~PowerCampaign() = default;

void PowerCampaign::run() {
  while (cuts_ < options_.cuts) {
    if (!volume_ || cuts_of_volume_ == 0) new_volume();
    next_move();
  }
}

// A file system and a bus that nothing has happened to.
void PowerCampaign::new_volume() {
  if (troupe_) add(counts_, troupe_->oracle().counts());
  if (troupe_) tally_ += troupe_->tally();
  troupe_.reset();
  volume_.reset();
  device_.reset();
  static constexpr std::array<const char*, 4> kMountOptions = {
      "data=ordered", "data=writeback", "data=ordered,nodelalloc", "data=journal"};
  const std::string folder = fmt::format("{}/{}", folder_, ++volumes_);
  Volume::Options options;
  options.mount_options = kMountOptions[random_.below(kMountOptions.size())];
  const bool loses_cache = volumes_ % 2 == 1;
  if (loses_cache && has_devices_) {
    options.image_folder = folder + "/device";
    options.bytes = kDeviceBytes;
    device_ = std::make_unique<FaultyDisk>(folder + "/real", options.image_folder);
  }
  volume_ = std::make_unique<Volume>(folder, options);
  troupe_ = std::make_unique<Troupe>(volume_->path() + "/bus", folder, logs_of(options_.canary));
  // The first two, which every run has, are of both kinds and soon over.
  cuts_of_volume_ = kLeastCutsOfVolume +
                    (volumes_ > 2 ? random_.below(kMostCutsOfVolume - kLeastCutsOfVolume) : 0);
  spare_.clear();
  troupe_->start_broker();
  troupe_->create_topic("small", 2,
                        {{"storage", "disk"},
                         {"slot.bytes", "65536"},
                         {"memory.budget.bytes", "524288"},
                         {"segment.bytes", "196608"}});
  troupe_->create_topic("large", 2,
                        {{"storage", "disk"},
                         {"slot.bytes", "524288"},
                         {"memory.budget.bytes", "3145728"},
                         {"segment.bytes", "1572864"},
                         {"flush.ms", "3"}});
}

// From a broker that serves to the next one that serves, with everything checked.
void PowerCampaign::next_move() {
  const std::uint64_t dice = options_.canary == Canary::none ? random_.below(100) : 0;
  load_until(kLeastBytes + random_.below(4 * kBudgetBytes));
  if (random_.below(3) == 0) change_topics();
  if (dice < 55) {
    cut("cut under load");
    power_on();
    troupe_->start_broker();
  } else if (dice < 67) {
    cut("cut under load, and again in the recovery");
    power_on();
    troupe_->begin_broker();
    ::usleep(static_cast<useconds_t>(random_.below(20 * kMostDelayUs)));
    cut("cut in a recovery");
    power_on();
    troupe_->start_broker();
  } else if (dice < 77) {
    troupe_->kill_broker();
    ++made_["broker killed under load"];
    troupe_->start_broker();
    ::usleep(static_cast<useconds_t>(random_.below(20 * kMostDelayUs)));
    cut("cut after a broker's death under load");
    power_on();
    troupe_->start_broker();
  } else if (dice < 85) {
    troupe_->stop_producers();
    troupe_->stop_broker();
    cut("cut after a clean stop");
    power_on();
    troupe_->start_broker();
  } else {
    ++made_["everybody killed, memory kept"];
    troupe_->kill_everybody();
    troupe_->carry_to_oracle();
    troupe_->oracle().all_published_must_be_there();
    troupe_->start_broker();
    troupe_->audit(Voids::allowed);
    check();
    return troupe_->audit(
        Voids::allowed);  // what was void at the end is seen once something stands behind it
  }
  troupe_->audit(Voids::none);
  check();
  if (options_.canary != Canary::one_too_many) return;
  const std::uint64_t end = troupe_->oracle().known_end(0);
  troupe_->oracle().published(0, UINT32_MAX, 0, end);
  troupe_->oracle().durable(0, end + 1);
  troupe_->audit(Voids::none);
}

void PowerCampaign::load_until(std::uint64_t bytes) {
  troupe_->start_producers(random_(), kBudgetBytes);
  troupe_->wait_until([&] { return troupe_->bytes_sent() >= bytes; },
                      "the producers to send their load");
  ::usleep(static_cast<useconds_t>(random_.below(kMostDelayUs)));
}

// Power is gone: of the processes and the memory as well.
void PowerCampaign::cut(const char* how) {
  const Cut kind = random_.below(5) == 0 ? Cut::journal_flushed : Cut::journal_lost;
  troupe_->stage().is_cut.store(1);
  volume_->cut_power(kind);
  ++made_[how];
  ++cuts_;
  if (cuts_of_volume_ > 0) --cuts_of_volume_;
  troupe_->kill_everybody();
  troupe_->carry_to_oracle();
  troupe_->remove_memory();
}

void PowerCampaign::power_on() {
  volume_->unmount();
  const std::uint64_t seed = random_();
  if (device_) {
    device_->lose_power(seed);
    lost_blocks_ += device_->orders().lost_blocks.exchange(0);
    kept_blocks_ += device_->orders().kept_blocks.exchange(0);
    ++made_["with the device's cache lost"];
  }
  volume_->mount();
}

// And everything goes on.
void PowerCampaign::check() {
  check_topics();
  troupe_->append_one_each();
}

// Makes or deletes a topic: once that has returned, no cut takes it back.
void PowerCampaign::change_topics() {
  const std::string name = fmt::format("spare-{}", random_.below(kSpareTopics));
  if (spare_.erase(name) != 0) {
    troupe_->open_bus().admin().delete_topic(name);
  } else {
    troupe_->create_topic(
        name, 1, {{"storage", "disk"}, {"slot.bytes", "65536"}, {"memory.budget.bytes", "196608"}});
    spare_.insert(name);
  }
  ++made_["topic made or deleted just before"];
}

void PowerCampaign::check_topics() {
  std::set<std::string> found;
  Bus bus = troupe_->open_bus();
  for (const TopicDescription& topic : bus.admin().list_topics()) found.insert(topic.name);
  std::set<std::string> wanted = spare_;
  wanted.insert({"small", "large"});
  for (const std::string& name : wanted)
    if (!found.contains(name))
      throw Failure{fmt::format("topic {} is gone, and its making had returned", name)};
  for (const std::string& name : found)
    if (!wanted.contains(name))
      throw Failure{fmt::format("topic {} is there, and nobody wants it", name)};
}

void PowerCampaign::print_summary() const {
  DurableCounts counts = counts_;
  LoadTally tally = tally_;
  if (troupe_) add(counts, troupe_->oracle().counts());
  if (troupe_) tally += troupe_->tally();
  fmt::print("{} cuts on {} volumes\n", cuts_, volumes_);
  for (const auto& [move, count] : made_) fmt::print("  {:8}  {}\n", count, move);
  fmt::print(
      "{:10}  bytes sent\n"
      "{:10}  waits for durability that ended well\n"
      "{:10}  errors that producers were told, after the cut\n"
      "{:10}  times a durable record was looked for, and there at its offset, whole and in order\n"
      "{:10}  records read\n"
      "{:10}  published, not called durable, and there all the same\n"
      "{:10}  published, not called durable, and gone\n"
      "{:10}  void offsets of producers that died while memory was kept\n"
      "{:10}  blocks in a device's cache lost, {} kept\n",
      tally.bytes, tally.waits, tally.refusals, counts.told_durable, counts.read, counts.survived,
      counts.lost, counts.voids, lost_blocks_, kept_blocks_);
}

void PowerCampaign::print_everything() const {
  if (troupe_) troupe_->print_everything();
}

}  // namespace ringmain::crash
