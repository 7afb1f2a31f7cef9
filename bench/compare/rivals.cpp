// The field: who takes part, in the order of the tables. A rival whose library was not there when
// this was built stands for itself with the name of its package.
#include "adapters/list.hpp"
#include "compare/match.hpp"

namespace ringmain::bench {
namespace {

#if !RINGMAIN_COMPARE_ZEROMQ || !RINGMAIN_COMPARE_ICEORYX
class AbsentTransport final : public Transport {
 public:
  AbsentTransport(const char* key, const char* name, const char* package)
      : Transport({key, name, "", "", Role::rival}), package_(package) {}
  std::string absence() override { return "not installed (Debian: " + package_ + ")"; }
  std::string version() override { return {}; }
  void play(Match&, const Site&) override {}  // never called: it is absent

 private:
  std::string package_;
};
#endif

#if !RINGMAIN_COMPARE_REDIS
class AbsentLog final : public LogRival {
 public:
  AbsentLog(const char* key, const char* name, const char* package)
      : LogRival({key, name, "", "", Role::rival}), package_(package) {}
  std::string absence() override { return "not installed (Debian: " + package_ + ")"; }
  std::string version() override { return {}; }
  std::string acknowledgement() override { return {}; }
  std::unique_ptr<DurableLog> open(const Site&, size_t) override {
    return nullptr;
  }  // never called

 private:
  std::string package_;
};
#endif

}  // namespace

const char* name_of(Waits waits) noexcept {
  return waits == Waits::blocking ? "blocking" : "spinning";
}

Field all_rivals() {
  Field field;
  auto& transports = field.transports;
  for (const Producers producers : {Producers::many, Producers::one})
    for (const Handing handing : {Handing::in_place, Handing::by_copy})
      transports.push_back(make_ringmain(producers, handing));
#if RINGMAIN_COMPARE_ICEORYX
  transports.push_back(make_iceoryx());
#else
  transports.push_back(
      std::make_unique<AbsentTransport>("iceoryx", "iceoryx 2", "libiceoryx-posh-dev, iceoryx"));
#endif
  for (const Waits waits : {Waits::blocking, Waits::spinning})
    transports.push_back(make_boost_queue(waits));
#if RINGMAIN_COMPARE_ZEROMQ
  for (const Waits waits : {Waits::blocking, Waits::spinning})
    transports.push_back(make_zeromq(waits));
#else
  transports.push_back(std::make_unique<AbsentTransport>("zeromq", "ZeroMQ ipc://", "libzmq3-dev"));
#endif
  for (const Waits waits : {Waits::blocking, Waits::spinning})
    transports.push_back(make_unix_socket(waits));
  for (const Waits waits : {Waits::blocking, Waits::spinning})
    transports.push_back(make_pipe(waits));
  transports.push_back(make_memory_limit());

  field.logs.push_back(make_ringmain_log());
#if RINGMAIN_COMPARE_REDIS
  field.logs.push_back(make_redis());
#else
  field.logs.push_back(
      std::make_unique<AbsentLog>("redis", "Redis Streams", "libhiredis-dev, redis-server"));
#endif
  field.logs.push_back(make_nats());
  field.logs.push_back(make_disk_limit());
  return field;
}

}  // namespace ringmain::bench
