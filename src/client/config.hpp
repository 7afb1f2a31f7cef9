// Reads the settings of producers and consumers; an unknown name or value is an error.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "ringmain/bus.hpp"

namespace ringmain::client {

// "client.id", which stands in the requests that a producer or consumer makes; empty: the bus's.
inline std::string client_id_of(const Config& config) {
  const auto found = config.find("client.id");
  return found == config.end() ? std::string() : found->second;
}

class ConfigReader {
 public:
  ConfigReader(const Config& config, std::string whose, std::initializer_list<std::string_view> known)
      : config_(config), whose_(std::move(whose)) {
    std::string names;
    for (const auto name : known) names += (names.empty() ? "" : ", ") + std::string(name);
    for (const auto& [key, value] : config) {
      bool found = false;
      for (const auto name : known) found |= key == name;
      if (!found) refuse(key, value, "a setting of a " + whose_ + ": " + names);
    }
  }

  bool has(const std::string& key) const { return config_.contains(key); }

  std::string choice(const std::string& key, const std::string& preset,
                     std::initializer_list<std::string_view> allowed) const {
    const auto found = config_.find(key);
    const std::string& value = found == config_.end() ? preset : found->second;
    std::string names;
    for (const auto name : allowed) {
      if (value == name) return value;
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    refuse(key, value, "one of " + names);
  }

  std::int64_t number(const std::string& key, std::int64_t preset, std::int64_t least, std::int64_t most) const {
    const auto found = config_.find(key);
    if (found == config_.end()) return preset;
    const std::string& value = found->second;
    std::int64_t parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc{} || end != value.data() + value.size() || parsed < least || parsed > most)
      refuse(key, value, fmt::format("a number from {} to {}", least, most));
    return parsed;
  }

 private:
  [[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& allowed) const {
    throw Exception({ErrorCode::invalid_config, fmt::format("{}={}: must be {}", key, value, allowed)});
  }

  const Config config_;
  const std::string whose_;
};

}  // namespace ringmain::client
