// TOML to settings.
#include "cli/config_file.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/result.hpp"
#include "cli/exit.hpp"
#include "os/file.hpp"

namespace ringmain::tools {
namespace {

[[noreturn]] void refuse(const std::string& path, const toml::source_region& where,
                         std::string_view why) {
  throw Failure(fmt::format("cannot use {}: line {}: {}", path, where.begin.line, why));
}

std::string text_of(const std::string& path, const std::string& name, const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  refuse(path, node.source(),
         name + " must be a text, a number, true or false, or a list of these");
}

void flatten(const std::string& path, const std::string& prefix, const toml::table& table,
             Config& config) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const auto* nested = node.as_table()) {
      flatten(path, name + ".", *nested, config);
      continue;
    }
    std::string value;
    if (const auto* list = node.as_array()) {
      for (const toml::node& each : *list) {
        if (!value.empty()) value += ',';
        value += text_of(path, name, each);
      }
    } else {
      value = text_of(path, name, node);
    }
    if (!config.emplace(name, std::move(value)).second)
      refuse(path, node.source(), name + " is set twice");
  }
}

}  // namespace

Config read_config_file(const std::string& path) {
  const std::string text = value_or_throw(os::read_small_file(path));
  Config config;
  try {
    flatten(path, "", toml::parse(text, path), config);
  } catch (const toml::parse_error& error) {
    refuse(path, error.source(), error.description());
  }
  return config;
}

}  // namespace ringmain::tools
