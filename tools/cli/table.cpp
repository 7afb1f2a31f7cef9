// Layout of tables.
#include "cli/table.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace ringmain::tools {
namespace {

// Characters, not bytes: every byte of UTF-8 but the continuations.
size_t width_of(const std::string& cell) {
  return static_cast<size_t>(std::count_if(cell.begin(), cell.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

void Table::add(std::vector<std::string> row) {
  RINGMAIN_ASSERT(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<size_t> widths;
  std::vector<std::string> header;
  for (const Column& column : columns_) {
    header.push_back(column.name);
    widths.push_back(width_of(column.name));
  }
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }

  std::string text;
  const auto put = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      if (i != 0) line += "  ";
      line += columns_[i].align == Align::right ? padding + row[i] : row[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  put(header);
  for (const auto& row : rows_) put(row);
  return text;
}

}  // namespace ringmain::tools
