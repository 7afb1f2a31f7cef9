// A topic's name has no colon.
#include "cli/partition_choice.hpp"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "cli/exit.hpp"

namespace ringmain::tools {

std::vector<TopicPartition> chosen_partitions(Admin& admin, const std::vector<std::string>& texts) {
  std::set<TopicPartition> chosen;
  for (const std::string& text : texts) {
    const size_t colon = text.find(':');
    const std::string topic = text.substr(0, colon);
    if (colon == std::string::npos) {
      const int32_t count = admin.describe_topic(topic).partitions;
      for (int32_t i = 0; i < count; ++i) chosen.insert({topic, i});
      continue;
    }
    int32_t partition = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, partition);
    if (topic.empty() || error != std::errc{} || rest != end || partition < 0)
      throw UsageError(fmt::format("--topic '{}': write it as TOPIC or TOPIC:PARTITION", text));
    chosen.insert({topic, partition});
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace ringmain::tools
