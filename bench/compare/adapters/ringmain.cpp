// Ringmain: a topic in memory for each direction, one partition, Appender and Reader. in_place
// claims room in the log and commits it, by_copy appends bytes that lie elsewhere; readers read in
// place either way. Settings as docs/configuration.md names them: storage=memory,
// full.policy=block, so that nothing is lost, as with everybody else; memory.budget.bytes of four
// slots, so that the log stays in the caches; else defaults, wait strategy spin. With one producer:
// single.producer=true. The broker runs, and has nothing to do.
#include "ringmain/ringmain.hpp"

#include <fmt/format.h>

#include <optional>

#include "adapters/list.hpp"
#include "adapters/ringmain_server.hpp"
#include "cli/build_info.hpp"
#include "compare/match.hpp"

namespace ringmain::bench {
namespace {

template <Handing handing>
class Topics {
 public:
  Topics(Bus& bus, const std::string& in, const std::string& out, size_t message_bytes)
      : message_bytes_(message_bytes),
        appender_(bus, {out, 0}),
        reader_(bus, {in, 0}, {.start = StartAt::earliest, .wait = WaitStrategy::spin}) {
    if (handing == Handing::by_copy) room_.resize(message_bytes);
  }

  char* claim() {
    if (handing == Handing::by_copy) return room_.data();
    claim_.emplace(appender_.claim(message_bytes_));
    return reinterpret_cast<char*>(claim_->value().data());
  }

  void publish() {
    if (handing == Handing::by_copy) {
      appender_.append(Bytes(room_.data(), room_.size()));
    } else {
      claim_->commit();
    }
  }

  const char* receive() {
    for (;;) {  // until something comes
      const Bytes value = reader_.try_next();
      if (value.data() == nullptr) continue;
      if (value.size() != message_bytes_) throw tools::Failure("a record of another size arrived");
      return value.data();
    }
  }

  void release() noexcept {}  // the next call does

 private:
  const size_t message_bytes_;
  Appender appender_;
  Reader reader_;
  std::optional<Claim> claim_;
  std::vector<char> room_;
};

class Ringmain final : public Transport {
 public:
  Ringmain(Producers producers, Handing handing)
      : Transport({producers == Producers::one ? "ringmain-single" : "ringmain",
                   producers == Producers::one ? "Ringmain, single producer" : "Ringmain",
                   handing == Handing::in_place ? "claim" : "append",
                   fmt::format("storage=memory, full.policy=block, memory.budget.bytes of four "
                               "slots{}; Appender and "
                               "Reader, wait strategy spin",
                               producers == Producers::one ? ", single.producer=true" : ""),
                   bench::Role::ours}),
        producers_(producers),
        handing_(handing) {}

  std::string version() override { return fmt::format("{} ({})", tools::version(), tools::commit()); }

  void start(const Site& site) override { server_ = std::make_unique<RingmainServer>(site); }
  void stop() override { server_.reset(); }

  void play(Match& match, const Site& site) override {
    Bus bus = RingmainServer::open_bus(site);
    if (handing_ == Handing::in_place) {
      play_with<Handing::in_place>(match, bus);
    } else {
      play_with<Handing::by_copy>(match, bus);
    }
  }

 private:
  template <Handing handing>
  void play_with(Match& match, Bus& bus) {
    match.play([&](size_t bytes) {
      const std::string there = fmt::format("there-{}", bytes),
                        back = fmt::format("back-{}", bytes);
      if (match.is_first()) {
        for (const std::string& topic : {there, back})
          bus.admin().create_topic({.name = topic, .partitions = 1, .configs = configs()});
      }
      match.meet();  // the topics are there
      auto topics = match.is_first() ? std::make_unique<Topics<handing>>(bus, back, there, bytes)
                                     : std::make_unique<Topics<handing>>(bus, there, back, bytes);
      return topics;
    });
  }

  Config configs() const {
    return {{"storage", "memory"},
            {"full.policy", "block"},
            {"memory.budget.bytes", "17039360"},
            {"single.producer", producers_ == Producers::one ? "true" : "false"}};
  }

  const Producers producers_;
  const Handing handing_;
  std::unique_ptr<RingmainServer> server_;
};

}  // namespace

std::unique_ptr<Transport> make_ringmain(Producers producers, Handing handing) {
  return std::make_unique<Ringmain>(producers, handing);
}

}  // namespace ringmain::bench
