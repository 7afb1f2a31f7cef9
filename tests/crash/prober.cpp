// The prober: makes topics, writes to them, reads and deletes them, whatever broker dies over it.
#include <unistd.h>

#include <fmt/format.h>

#include "actors.hpp"
#include "ringmain/appender.hpp"
#include "ringmain/reader.hpp"
#include "topics.hpp"

namespace ringmain::crash {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

void use_a_topic(Bus& bus, ActorSlot& slot, const std::string& name, const char* storage) {
  NewTopic topic;
  topic.name = name;
  topic.if_not_exists = true;  // the answer may have died with a broker that did it
  topic.configs = {{"storage", storage},
                   {"slot.bytes", kSlotBytes},
                   {"memory.budget.bytes", "131072"},
                   {"single.producer", "true"}};
  until_it_works(slot, "make a topic", [&] { return bus.admin().create_topic(topic), true; });
  {
    Appender appender = until_it_works(slot, "attach to a new topic", [&] { return Appender(bus, {name, 0}); });
    appender.append("there");
    Reader reader = until_it_works(slot, "read a new topic", [&] { return Reader(bus, {name, 0}); });
    if (reader.next(kPatience) != "there") throw Finding{"the record of topic " + name + " is not there"};
  }
  // Single: the line that the last producer gave back is free, although a broker died meanwhile.
  until_it_works(slot, "attach to a new topic again", [&] { return Appender(bus, {name, 0}); }).append("again");
  try {
    until_it_works(slot, "delete a topic", [&] { return bus.admin().delete_topic(name), true; });
  } catch (const Exception& error) {
    if (error.code() != ErrorCode::unknown_topic_or_partition) throw;  // it was: the answer was lost
  }
}

}  // namespace

void probe(Stage& stage, ActorSlot& slot) {
  Bus bus = open_bus(stage, slot);
  for (std::uint64_t turn = 0; slot.stop.load() == 0; ++turn) {
    use_a_topic(bus, slot, fmt::format("spare-{}-{}", slot.life, turn), turn % 2 == 0 ? "memory" : "disk");
    slot.done.fetch_add(1);
    ::usleep(1000);
  }
}

}  // namespace ringmain::crash
