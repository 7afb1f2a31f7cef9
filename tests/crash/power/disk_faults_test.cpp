// Full, failing and read-only disks under real load: what producers are told, that nothing is
// called durable that is not, and that the service comes back by itself.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "base/random.hpp"
#include "faulty_disk.hpp"
#include "os/fd.hpp"
#include "troupe.hpp"
#include "unit/os/scratch.hpp"
#include "volume.hpp"

namespace ringmain::crash {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint64_t kBudgetBytes = 24 << 20;
const std::map<std::string, std::string> kConfigs = {{"storage", "disk"},
                                                     {"slot.bytes", "65536"},
                                                     {"memory.budget.bytes", "524288"},
                                                     {"segment.bytes", "131072"}};
// The one that floods has a partition to itself: it leaves no memory to others, who are then not
// told of the disk.
const std::vector<LogPlan> kLogs = {{"events", 0, {How::appender}, 16000},
                                    {"events", 1, {How::flooder}, 16000},
                                    {"events", 2, {How::producer}, 16000}};

// Whether this process can have file systems of its own: asked once, since it changes the process.
const std::string& why_no_volumes() {
  static const std::string problem = volumes_are_possible();
  return problem;
}
const std::string& why_no_faulty_disks() {
  static const std::string problem =
      !why_no_volumes().empty() ? why_no_volumes() : faulty_disks_are_possible();
  return problem;
}

// A producer that has waits that end well has what it waits for; one that floods sees the
// watermark.
class DiskFaults : public testing::Test {
 protected:
  void begin(const std::string& bus) {
    troupe_ = std::make_unique<Troupe>(bus, scratch_.path(), kLogs);
    guarded([&] {
      troupe_->start_broker();
      troupe_->create_topic("events", 3, kConfigs);
    });
  }
  template <class Body>
  void guarded(const Body& body) {
    try {
      body();
    } catch (const Failure& failure) {
      FAIL() << failure.text << "\n"
             << troupe_->told() << testing::PrintToString(troupe_->broker_said("not written"));
    } catch (const Exception& error) {
      FAIL() << error_name(error.code()) << ": " << error.what();
    }
  }
  std::vector<Load*> loads() {
    std::vector<Load*> all;
    for (std::size_t i = 0; i < 3; ++i) all.push_back(&troupe_->stage().loads[i]);
    return all;
  }
  void start_load() {
    troupe_->start_producers(seed_++, kBudgetBytes);
    await_durable_progress("some records to be on disk");
  }
  void await_durable_progress(const char* what) {
    std::vector<std::uint64_t> before;
    for (const Load* load : loads()) before.push_back(load->durable_end.load());
    troupe_->wait_until(
        [&] {
          for (std::size_t i = 0; i < before.size(); ++i)
            if (loads()[i]->durable_end.load() <= before[i]) return false;
          return true;
        },
        what);
  }
  // Until each that waits for the disk is told what is wrong, and the one that floods finds no
  // room.
  void await_refusals(ErrorCode code) {
    troupe_->wait_until(
        [&] {
          return loads()[0]->refusals.load() > 0 && loads()[1]->out_of_memory.load() > 0 &&
                 loads()[2]->refusals.load() > 0;
        },
        "everybody to be told");
    for (const Load* load : {loads()[0], loads()[2]}) {
      EXPECT_EQ(load->refused_as.load(), static_cast<int>(code)) << load->refused;
      EXPECT_THAT(std::string(load->refused),
                  HasSubstr(fmt::format("events-{}", load->orders.partition)));
    }
  }
  // All is there: from memory, and, when that is gone, from the disk.
  void expect_everything() {
    troupe_->stop_producers();
    troupe_->carry_to_oracle();
    troupe_->oracle().all_published_must_be_there();
    troupe_->audit(Voids::allowed);  // an append that gave up leaves a void offset
    troupe_->append_one_each();
    troupe_->kill_everybody();
    troupe_->remove_memory();
  }

  os::ScratchDirectory scratch_;
  std::unique_ptr<Troupe> troupe_;
  std::uint64_t seed_ = 1;
};

class FullDisk : public DiskFaults {
 protected:
  void SetUp() override {
    if (!why_no_volumes().empty()) GTEST_SKIP() << why_no_volumes();
    volume_ = std::make_unique<Volume>(
        scratch_ / "disk",
        Volume::Options{.bytes = 96 << 20, .mount_options = "data=ordered", .image_folder = {}});
    begin(volume_->path() + "/bus");
  }
  void TearDown() override {
    troupe_.reset();
    volume_.reset();
  }
  // Leaves so much free, and no more.
  void fill(std::uint64_t free_bytes) {
    struct statvfs space {};
    ASSERT_EQ(::statvfs(volume_->path().c_str(), &space), 0);
    const std::uint64_t there = space.f_bavail * space.f_frsize;
    ASSERT_GT(there, free_bytes);
    const os::UniqueFd ballast(::open(ballast_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    for (std::uint64_t left = there - free_bytes, at = 0; left >= 4096;) {  // ends: less each time
      const std::uint64_t bytes = std::min<std::uint64_t>(left, 1 << 20);
      if (::fallocate(ballast.get(), 0, static_cast<off_t>(at), static_cast<off_t>(bytes)) != 0)
        break;
      at += bytes;
      left -= bytes;
    }
  }
  void make_room() { std::filesystem::remove(ballast_path()); }
  std::string ballast_path() const { return volume_->path() + "/ballast"; }

  std::unique_ptr<Volume> volume_;
};

TEST_F(FullDisk, producers_are_told_and_go_on_when_there_is_room) {
  guarded([&] {
    fill(2 << 20);
    start_load();
    await_refusals(ErrorCode::no_space);
    EXPECT_THAT(troupe_->broker_said("events-0 is not written to disk"),
                Contains(HasSubstr("No space left")));
    make_room();
    await_durable_progress("everybody to go on");
    EXPECT_THAT(troupe_->broker_said("events-0 is written to disk again"), Not(IsEmpty()));
    expect_everything();
    troupe_->start_broker();
    troupe_->audit(Voids::allowed);
  });
}

TEST_F(FullDisk, keeps_what_is_durable_when_the_power_goes_and_a_broker_starts_on_it) {
  guarded([&] {
    fill(2 << 20);
    start_load();
    await_refusals(ErrorCode::no_space);
    troupe_->stage().is_cut.store(1);
    volume_->cut_power(Cut::journal_lost);
    troupe_->kill_everybody();
    troupe_->carry_to_oracle();
    troupe_->remove_memory();
    volume_->unmount();
    volume_->mount();
    troupe_->start_broker();
    troupe_->audit(Voids::allowed);
    make_room();
    troupe_->append_one_each();
    troupe_->audit(Voids::allowed);
  });
}

TEST_F(FullDisk, takes_no_new_topic_and_says_why) {
  guarded([&] {
    fill(0);
    for (int i = 0;; ++i) {  // ends: each takes room in the catalogue
      try {
        troupe_->create_topic(fmt::format("more-{}", i), 1, {{"storage", "disk"}});
      } catch (const Exception& error) {
        EXPECT_EQ(error.code(), ErrorCode::kafka_storage_error)
            << error_name(error.code()) << error.what();
        EXPECT_THAT(error.what(), HasSubstr("full"));
        break;
      }
    }
    make_room();
    troupe_->create_topic("after", 1, kConfigs);
    troupe_->append_one_each();
  });
}

// The kernel does this to an ext4 whose device has failed it.
TEST_F(FullDisk, that_turns_read_only_is_told_of_and_memory_keeps_all_until_it_is_mounted_again) {
  guarded([&] {
    start_load();
    volume_->remount("abort");
    await_refusals(ErrorCode::kafka_storage_error);
    EXPECT_THAT(troupe_->broker_said("events-0 is not written to disk"),
                Contains(HasSubstr("Read-only file system")));
    troupe_->kill_everybody();
    troupe_->carry_to_oracle();
    troupe_->oracle().all_published_must_be_there();
    volume_->unmount();
    volume_->mount();
    troupe_->start_broker();
    troupe_->audit(Voids::allowed);
    troupe_->append_one_each();
    troupe_->kill_everybody();
    troupe_->remove_memory();
    troupe_->start_broker();
    troupe_->audit(Voids::allowed);
  });
}

TEST_F(FullDisk, whose_folder_takes_no_files_is_told_of_and_goes_on) {
  guarded([&] {
    start_load();
    const std::string folders = volume_->path() + "/bus/log";
    const CommandResult locked =
        run_command({"chattr", "-R", "+i", folders});  // root is refused as well
    ASSERT_EQ(run_command({"touch", folders + "/probe"}).status, 1) << locked.output;
    await_refusals(ErrorCode::kafka_storage_error);
    EXPECT_THAT(troupe_->broker_said("events-0 is not written to disk"),
                Contains(HasSubstr("not permitted")));
    run_command({"chattr", "-R", "-i", folders});
    await_durable_progress("everybody to go on");
    expect_everything();
    troupe_->start_broker();
    troupe_->audit(Voids::allowed);
  });
}

struct Fault {
  const char* name;
  std::atomic<int> FaultyDiskOrders::*order;
  int error;
  ErrorCode told;
  const char* words;  // in the broker's log
};
void PrintTo(const Fault& fault, std::ostream* out) {
  *out << fault.name;
}

class FailingDisk : public DiskFaults, public testing::WithParamInterface<Fault> {
 protected:
  void SetUp() override {
    if (!why_no_faulty_disks().empty()) GTEST_SKIP() << why_no_faulty_disks();
    std::filesystem::create_directories(scratch_ / "bus");
    std::filesystem::permissions(scratch_ / "bus", std::filesystem::perms::owner_all);
    // The catalogue stays on a disk that works.
    disk_ = std::make_unique<FaultyDisk>(scratch_ / "real", scratch_ / "bus/log");
    begin(scratch_ / "bus");
  }
  void TearDown() override {
    troupe_.reset();
    disk_.reset();
  }
  void order(const Fault& fault) { (disk_->orders().*fault.order).store(fault.error); }
  // Processes, memory, and what the disk had not made safe.
  void lose_power() {
    troupe_->kill_everybody();
    troupe_->carry_to_oracle();
    troupe_->remove_memory();
    disk_->lose_power(seed_++);
  }

  std::unique_ptr<FaultyDisk> disk_;
};

TEST_P(FailingDisk, is_told_of_and_service_comes_back_when_it_works) {
  guarded([&] {
    start_load();
    order(GetParam());
    await_refusals(GetParam().told);
    EXPECT_GT(disk_->orders().given.load(), 0u);
    EXPECT_THAT(troupe_->broker_said("events-0 is not written to disk"),
                Contains(HasSubstr(GetParam().words)));
    disk_->works();
    await_durable_progress("everybody to go on");
    expect_everything();
    disk_->lose_power(seed_++);
    troupe_->start_broker();
    troupe_->audit(Voids::allowed);
    troupe_->append_one_each();
  });
}

TEST_P(FailingDisk, loses_nothing_durable_when_the_power_goes_meanwhile) {
  guarded([&] {
    start_load();
    order(GetParam());
    await_refusals(GetParam().told);
    lose_power();
    disk_->works();
    troupe_->start_broker();
    troupe_->audit(Voids::allowed);
    troupe_->append_one_each();
  });
}

const Fault kFaults[] = {
    {"write_fails", &FaultyDiskOrders::on_write, EIO, ErrorCode::kafka_storage_error,
     "Input/output error"},
    {"write_is_full", &FaultyDiskOrders::on_write, ENOSPC, ErrorCode::no_space, "No space left"},
    {"sync_fails", &FaultyDiskOrders::on_sync, EIO, ErrorCode::kafka_storage_error,
     "Input/output error"},
    {"sync_is_full", &FaultyDiskOrders::on_sync, ENOSPC, ErrorCode::no_space, "No space left"},
    {"making_fails", &FaultyDiskOrders::on_make, EIO, ErrorCode::kafka_storage_error,
     "Input/output error"},
    {"making_is_full", &FaultyDiskOrders::on_make, ENOSPC, ErrorCode::no_space, "No space left"},
    {"space_fails", &FaultyDiskOrders::on_allocate, EIO, ErrorCode::kafka_storage_error,
     "Input/output error"},
    {"space_is_full", &FaultyDiskOrders::on_allocate, ENOSPC, ErrorCode::no_space, "No space left"},
};
INSTANTIATE_TEST_SUITE_P(each, FailingDisk, testing::ValuesIn(kFaults),
                         [](const auto& each) { return std::string(each.param.name); });

class FailingNowAndThen : public FailingDisk {};

TEST_F(FailingNowAndThen, keeps_what_is_durable_also_where_nothing_fails) {
  guarded([&] {
    for (int round = 0; round < 4; ++round) {
      start_load();
      lose_power();
      troupe_->start_broker();
      troupe_->audit(Voids::none);
      troupe_->append_one_each();
    }
  });
}

// Faults come and go under load; then the power does, and what was called durable meanwhile is
// there.
TEST_F(FailingNowAndThen, never_calls_durable_what_is_lost) {
  const char* given = ::getenv("RINGMAIN_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : os_entropy64() % 1'000'000;
  const char* rounds = ::getenv("RINGMAIN_RUNS");
  SCOPED_TRACE(fmt::format("RINGMAIN_SEED={}", seed));
  Random random(seed);
  guarded([&] {
    for (std::uint64_t round = rounds != nullptr ? std::strtoull(rounds, nullptr, 10) : 6;
         round > 0; --round) {
      troupe_->start_producers(random(), 1 << 20);
      // A partition that is not open yet is not opened on a disk that fails.
      await_durable_progress("everybody to have begun");
      for (std::uint64_t fault = 1 + random.below(4); fault > 0; --fault) {
        const std::uint64_t writes = disk_->orders().writes.load() + random.below(100);
        troupe_->wait_until(
            [&] {
              return disk_->orders().writes.load() >= writes || troupe_->bytes_sent() >= 3 << 20;
            },
            "some writes");
        const std::uint64_t faults = disk_->orders().given.load() + 1 + random.below(4);
        order(kFaults[random.below(std::size(kFaults))]);
        if (random.below(2) == 0) order(kFaults[random.below(std::size(kFaults))]);
        // Those that nothing meets for lack of work are over as well.
        troupe_->wait_until(
            [&] {
              return disk_->orders().given.load() >= faults || troupe_->bytes_sent() >= 3 << 20;
            },
            "some faults");
        if (fault > 1 || random.below(2) == 0) disk_->works();
      }
      lose_power();
      disk_->works();
      troupe_->start_broker();
      troupe_->audit(Voids::allowed);
      troupe_->append_one_each();
    }
  });
}

}  // namespace
}  // namespace ringmain::crash
