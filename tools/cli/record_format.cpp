// Records as text and as JSON.
#include "cli/record_format.hpp"

#include <fmt/format.h>

#include <iterator>

#include "cli/exit.hpp"
#include "cli/text.hpp"

namespace ringmain::tools {
namespace {

constexpr std::string_view tokens = "tpoksKSTh";
constexpr int64_t ns_per_ms = 1'000'000;

void append_number(std::string& text, int64_t number) {
  fmt::format_to(std::back_inserter(text), "{}", number);
}

int64_t size_of(const std::optional<Bytes>& bytes) {
  return bytes ? static_cast<int64_t>(bytes->size()) : -1;
}

void append_headers(std::string& text, const ConsumerRecord& record) {
  bool is_first = true;
  for (const Header& header : record.headers()) {
    if (!is_first) text += ',';
    is_first = false;
    text += header.key;
    text += '=';
    text += header.value.value_or("NULL");  // as kcat
  }
}

}  // namespace

RecordFormat::RecordFormat(std::string_view format) {
  // Escapes first: \x25 is a percent sign that begins a token, as in kcat.
  const std::string text = unescape("--format", format);
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      add_literal(text[at]);
      continue;
    }
    ++at;
    if (at < text.size() && text[at] == '%') {
      add_literal('%');
    } else if (at < text.size() && tokens.find(text[at]) != std::string_view::npos) {
      pieces_.push_back({text[at], {}});
    } else {
      throw UsageError(
          fmt::format("--format '{}': after % use one of t p o k s K S T h %", format));
    }
  }
}

void RecordFormat::add_literal(char c) {
  if (pieces_.empty() || pieces_.back().token != 0) pieces_.emplace_back();
  pieces_.back().literal += c;
}

void RecordFormat::append_to(std::string& text, const ConsumerRecord& record) const {
  for (const Piece& piece : pieces_) {
    switch (piece.token) {
      case 0:
        text += piece.literal;
        break;
      case 't':
        text += record.topic;
        break;
      case 'p':
        append_number(text, record.partition);
        break;
      case 'o':
        append_number(text, record.offset);
        break;
      case 'k':
        text += record.key.value_or("");
        break;
      case 's':
        text += record.value.value_or("");
        break;
      case 'K':
        append_number(text, size_of(record.key));
        break;
      case 'S':
        append_number(text, size_of(record.value));
        break;
      case 'T':
        append_number(text, record.timestamp_ns / ns_per_ms);
        break;
      case 'h':
        append_headers(text, record);
        break;
      default:
        break;  // the constructor lets no other token in
    }
  }
}

json::object to_json(const ConsumerRecord& record) {
  json::object object{{"topic", record.topic},
                      {"partition", record.partition},
                      {"offset", record.offset},
                      {"timestamp_ms", record.timestamp_ns / ns_per_ms},
                      {"timestamp_ns", record.timestamp_ns}};
  set_bytes(object, "key", record.key);
  set_bytes(object, "value", record.value);
  json::array headers;
  for (const Header& header : record.headers()) {
    json::object entry;
    set_bytes(entry, "key", header.key);
    set_bytes(entry, "value", header.value);
    headers.push_back(std::move(entry));
  }
  object["headers"] = std::move(headers);
  return object;
}

}  // namespace ringmain::tools
