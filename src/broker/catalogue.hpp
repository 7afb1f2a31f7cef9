// The topic catalogue: which topics there are, kept in a SQLite file in the bus directory.
// Broker's thread only. Every change is on disk when the call returns.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "partition/topic_config.hpp"

struct sqlite3;

namespace ringmain::broker {

using TopicId = std::array<std::uint8_t, 16>;

struct CatalogueTopic {
  TopicId id{};
  std::string name;
  std::uint32_t partitions = 1;
  partition::Overrides overrides;
};

class Catalogue {
 public:
  // Errors: version_mismatch (a newer Ringmain wrote it), io, corrupt_memory (damaged file).
  static Result<Catalogue> open(const std::string& path);

  Result<std::vector<CatalogueTopic>> topics();
  Status put(const CatalogueTopic& topic);
  Status remove(const std::string& name);

  // Where a partition's log on disk was trimmed to; 0: it was not. Goes with its topic.
  Result<std::uint64_t> trimmed(const TopicId& topic, std::uint32_t partition);
  Status set_trimmed(const TopicId& topic, std::uint32_t partition, std::uint64_t offset);

  // Facts about the bus: its id, its shared-memory folder.
  Result<std::optional<std::string>> fact(const std::string& key);
  Status set_fact(const std::string& key, const std::string& value);

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  Catalogue(std::unique_ptr<sqlite3, Close> database, std::string path)
      : database_(std::move(database)), path_(std::move(path)) {}
  tl::unexpected<Error> error(const std::string& doing) const;
  Status run(const char* sql, const std::vector<std::string>& arguments,
             std::vector<std::vector<std::string>>* rows = nullptr);

  std::unique_ptr<sqlite3, Close> database_;
  std::string path_;
};

}  // namespace ringmain::broker
