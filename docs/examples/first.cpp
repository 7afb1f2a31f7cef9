#include <chrono>
#include <iostream>

#include "ringmain/ringmain.hpp"

int main() {
  auto bus = ringmain::Bus::open();  // starts a broker if none runs
  bus.admin().create_topic({.name = "greetings", .partitions = 1, .if_not_exists = true});

  ringmain::Producer producer(bus);
  producer.send({.topic = "greetings", .key = "en", .value = "hello"});
  producer.send({.topic = "greetings", .key = "fr", .value = "bonjour"});

  ringmain::Consumer consumer(bus, {{"auto.offset.reset", "earliest"}});
  consumer.subscribe({"greetings"});
  for (const auto& record : consumer.poll(std::chrono::seconds(1)))
    std::cout << record.offset << " " << *record.key << " " << *record.value << "\n";
}
