#include "broker/catalogue.hpp"

#include <sqlite3.h>

#include <cstring>

#include <fmt/format.h>

#include "os/fault.hpp"

namespace ringmain::broker {
namespace {

constexpr int kVersion = 1;

// Overrides as lines "key=value": keys hold no '=', values no newline (both are checked before).
std::string encode(const partition::Overrides& overrides) {
  std::string text;
  for (const auto& [key, value] : overrides) text += key + "=" + value + "\n";
  return text;
}
partition::Overrides decode(const std::string& text) {
  partition::Overrides overrides;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) overrides[line.substr(0, equals)] = line.substr(equals + 1);
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return overrides;
}

std::string hex_of(const TopicId& id) {
  std::string text;
  for (const std::uint8_t byte : id) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

void Catalogue::Close::operator()(sqlite3* database) const noexcept { sqlite3_close(database); }

tl::unexpected<Error> Catalogue::error(const std::string& doing) const {
  const int code = sqlite3_errcode(database_.get());
  const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  const bool full = code == SQLITE_FULL;
  return fail(damaged ? ErrorCode::corrupt_memory : full ? ErrorCode::no_space : ErrorCode::io,
              fmt::format("cannot {} the topic catalogue {}: {}{}", doing, path_, sqlite3_errmsg(database_.get()),
                          damaged ? "; restore the file, or move it away to start with no topics" : ""));
}

Result<Catalogue> Catalogue::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Catalogue catalogue(std::unique_ptr<sqlite3, Close>(raw), path);
  if (opened != SQLITE_OK) return catalogue.error("open");
  sqlite3_busy_timeout(raw, 5000);
  // EXTRA also syncs the folder once the journal is removed: a power cut must not bring the journal back, which would undo
  // what was committed.
  RINGMAIN_TRY(catalogue.run("PRAGMA synchronous=EXTRA", {}));
  RINGMAIN_TRY(catalogue.run("CREATE TABLE IF NOT EXISTS fact(key TEXT PRIMARY KEY, value TEXT NOT NULL)", {}));
  RINGMAIN_TRY(catalogue.run("CREATE TABLE IF NOT EXISTS trimmed(id TEXT, partition TEXT, start TEXT NOT NULL, "
                             "PRIMARY KEY(id, partition))", {}));
  RINGMAIN_TRY_ASSIGN(version, catalogue.fact("version"));
  if (!version) {
    RINGMAIN_TRY(catalogue.run("CREATE TABLE IF NOT EXISTS topic(name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
                               "partitions TEXT NOT NULL, overrides TEXT NOT NULL)", {}));
    RINGMAIN_TRY(catalogue.set_fact("version", std::to_string(kVersion)));
  } else if (*version != std::to_string(kVersion)) {
    return fail(ErrorCode::version_mismatch,
                fmt::format("the bus directory holds a catalogue of version {} ({}), this program knows {}; use the "
                            "Ringmain that wrote it",
                            *version, path, kVersion));
  }
  return catalogue;
}

Status Catalogue::run(const char* sql, const std::vector<std::string>& arguments,
                      std::vector<std::vector<std::string>>* rows) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql, -1, &raw, nullptr) != SQLITE_OK) return error("use");
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, &sqlite3_finalize);
  for (std::size_t i = 0; i < arguments.size(); ++i)
    sqlite3_bind_text(raw, static_cast<int>(i) + 1, arguments[i].data(), static_cast<int>(arguments[i].size()),
                      nullptr);
  for (;;) {  // a row a turn
    const int step = sqlite3_step(raw);
    if (step == SQLITE_DONE) return {};
    if (step != SQLITE_ROW) return error("write or read");
    if (rows == nullptr) continue;
    std::vector<std::string>& row = rows->emplace_back();
    for (int column = 0; column < sqlite3_column_count(raw); ++column) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, column));
      row.emplace_back(text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_column_bytes(raw, column)));
    }
  }
}

Result<std::optional<std::string>> Catalogue::fact(const std::string& key) {
  std::vector<std::vector<std::string>> rows;
  RINGMAIN_TRY(run("SELECT value FROM fact WHERE key=?", {key}, &rows));
  if (rows.empty()) return std::nullopt;
  return rows[0][0];
}

Status Catalogue::set_fact(const std::string& key, const std::string& value) {
  return run("INSERT OR REPLACE INTO fact(key, value) VALUES(?, ?)", {key, value});
}

Result<std::vector<CatalogueTopic>> Catalogue::topics() {
  std::vector<std::vector<std::string>> rows;
  RINGMAIN_TRY(run("SELECT name, id, partitions, overrides FROM topic ORDER BY name", {}, &rows));
  std::vector<CatalogueTopic> topics;
  for (const auto& row : rows) {
    CatalogueTopic topic;
    topic.name = row[0];
    const unsigned long partitions = std::strtoul(row[2].c_str(), nullptr, 10);
    if (row[1].size() != 32 || row[1].find_first_not_of("0123456789abcdef") != std::string::npos || partitions == 0 ||
        partitions > 1'000'000)
      return fail(ErrorCode::corrupt_memory,
                  fmt::format("the topic catalogue {} is damaged: topic {} makes no sense", path_, topic.name));
    for (std::size_t i = 0; i < 16; ++i)
      topic.id[i] = static_cast<std::uint8_t>(std::stoul(row[1].substr(2 * i, 2), nullptr, 16));
    topic.partitions = static_cast<std::uint32_t>(partitions);
    topic.overrides = decode(row[3]);
    topics.push_back(std::move(topic));
  }
  return topics;
}

Status Catalogue::put(const CatalogueTopic& topic) {
  os::fault_point("catalogue.put");
  RINGMAIN_TRY(run("INSERT OR REPLACE INTO topic(name, id, partitions, overrides) VALUES(?, ?, ?, ?)",
                   {topic.name, hex_of(topic.id), std::to_string(topic.partitions), encode(topic.overrides)}));
  os::fault_point("catalogue.was_put");
  return {};
}

Status Catalogue::remove(const std::string& name) {
  RINGMAIN_TRY(run("DELETE FROM topic WHERE name=?", {name}));
  return run("DELETE FROM trimmed WHERE id NOT IN (SELECT id FROM topic)", {});
}

Result<std::uint64_t> Catalogue::trimmed(const TopicId& topic, std::uint32_t partition) {
  std::vector<std::vector<std::string>> rows;
  RINGMAIN_TRY(run("SELECT start FROM trimmed WHERE id=? AND partition=?", {hex_of(topic), std::to_string(partition)}, &rows));
  return rows.empty() ? 0 : std::strtoull(rows[0][0].c_str(), nullptr, 10);
}

Status Catalogue::set_trimmed(const TopicId& topic, std::uint32_t partition, std::uint64_t offset) {
  return run("INSERT OR REPLACE INTO trimmed(id, partition, start) VALUES(?, ?, ?)",
             {hex_of(topic), std::to_string(partition), std::to_string(offset)});
}

}  // namespace ringmain::broker
