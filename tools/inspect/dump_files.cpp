// Printing log files and indexes on disk.
#include <fmt/format.h>

#include "base/parse.hpp"
#include "cli/exit.hpp"
#include "cli/instant.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "format/record_body.hpp"
#include "inspect/dump.hpp"
#include "inspect/log_file.hpp"
#include "inspect/verify_file.hpp"
#include "segment/prove.hpp"

namespace ringmain::tools {
namespace {

using segment::ImageStop;

// Behind a damaged frame others are looked for, which takes time in the size of the segment.
constexpr int most_searches = 64;

const char* stop_name(ImageStop stop) noexcept {
  switch (stop) {
    case ImageStop::none:
      break;
    case ImageStop::end_of_image:
      return "end_of_image";
    case ImageStop::end_of_data:
      return "end_of_data";
    case ImageStop::torn_frame:
      return "torn_frame";
    case ImageStop::bad_checksum:
      return "bad_checksum";
    case ImageStop::bad_fields:
      return "bad_fields";
  }
  return "none";
}

const char* type_name(uint8_t type) noexcept {
  switch (format::FrameType{type}) {
    case format::FrameType::record:
      return "record";
    case format::FrameType::batch:
      return "batch";
    case format::FrameType::filler:
      return "filler";
  }
  return "unknown";
}

template <class... Parts>
void write(fmt::format_string<Parts...> format, Parts&&... parts) {
  standard_output().write(fmt::format(format, std::forward<Parts>(parts)...));
}

template <class T>
json::value or_null(const std::optional<T>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}
template <class T>
std::string or_dash(const std::optional<T>& number) {
  return number ? fmt::to_string(*number) : "-";
}

std::optional<int64_t> smallest_of(const format::LogFileHead& head) {
  return head.smallest_ns <= head.largest_ns ? std::optional(head.smallest_ns) : std::nullopt;
}
std::optional<int64_t> largest_of(const format::LogFileHead& head) {
  return head.smallest_ns <= head.largest_ns ? std::optional(head.largest_ns) : std::nullopt;
}
std::string instant_or_dash(const std::optional<int64_t>& ns) {
  return ns ? format_instant_ns(*ns) : "-";
}

// A frame as its header says, whose numbers nobody vouches for if the checksum is bad.
struct Row {
  uint64_t position = 0;  // in the file
  segment::PlainFrameHeader header{};
  bool is_good = true;
  std::optional<format::RecordParts> parts;  // of a good record
};

Row row_at(std::span<const std::byte> image, uint64_t segment_at, uint32_t units, bool is_good) {
  const auto frame = image.subspan(size_t{units} * format::kFrameAlignment);
  Row row;
  row.position = segment_at + uint64_t{units} * format::kFrameAlignment;
  std::memcpy(&row.header, frame.data(), sizeof(row.header));
  row.is_good = is_good;
  if (is_good && format::FrameType{row.header.type} == format::FrameType::record)
    row.parts = format::read_body(
        frame.data() + format::kFrameHeaderBytes,
        static_cast<uint32_t>(format::commit_size(row.header.commit)) - format::kFrameHeaderBytes,
        row.header.flags);
  return row;
}

class Printer {
 public:
  explicit Printer(DumpForm form) : is_json_(form == DumpForm::json) {}

  void file(const LogFile& log_file, const segment::FileIdentity& identity) const {
    if (is_json_)
      return print_json(json::object{{"kind", "log_file"},
                                     {"path", log_file.path()},
                                     {"size", log_file.size_bytes()},
                                     {"topic_id", to_hex(identity.topic_id)},
                                     {"partition", identity.partition},
                                     {"file_tag", identity.file_tag},
                                     {"base_offset", identity.base_offset},
                                     {"slot_bytes", identity.slot_bytes}});
    write("{}\n  topic id {}, partition {}, base offset {}, segments of {} at most, file of {}\n",
          log_file.path(), to_hex(identity.topic_id), identity.partition, identity.base_offset,
          format_bytes(identity.slot_bytes), format_bytes(log_file.size_bytes()));
  }

  void segment(const format::LogFileHead& head) {
    const bool cleaned = (head.flags & format::kSegmentCleaned) != 0;
    const uint64_t position = head.index_in_file * head.slot_bytes;
    const uint64_t proved_bytes = uint64_t{head.proved_units} * format::kFrameAlignment;
    has_heading_ = false;
    if (is_json_)
      return print_json(json::object{
          {"kind", "segment"},
          {"segment", head.sequence},
          {"position", position},
          {"base_offset", head.base_offset},
          {"complete", segment::is_complete(head)},
          {"cleaned", cleaned},
          {"cleaned_ms", cleaned ? json::value(head.cleaned_ms) : json::value(nullptr)},
          {"proved_units", head.proved_units},
          {"proved_bytes", proved_bytes},
          {"proved_count", head.proved_count},
          {"smallest_timestamp_ns", or_null(smallest_of(head))},
          {"largest_timestamp_ns", or_null(largest_of(head))},
          {"tag", head.tag},
          {"leader_epoch", head.leader_epoch},
          {"created_ms", head.created_ms}});
    write(
        "\nSegment {} at byte {}: {}{}, base offset {}, its head proves {} bytes with {} offsets\n",
        head.sequence, position, segment::is_complete(head) ? "complete" : "open",
        cleaned ? ", cleaned" : "", head.base_offset, proved_bytes, head.proved_count);
    write("  timestamps {} to {}, tag {:08x}, leader epoch {}, created {}\n",
          instant_or_dash(smallest_of(head)), instant_or_dash(largest_of(head)), head.tag,
          head.leader_epoch, format_instant_ns(created_ns(head)));
  }

  void frame(const format::LogFileHead& head, const Row& row) {
    const auto& header = row.header;
    const auto type = format::FrameType{header.type};
    const bool is_record = type == format::FrameType::record;
    const auto timestamp_ns = is_record ? std::optional(header.extent) : std::nullopt;
    const int64_t offsets = is_record ? 1 : header.extent;
    std::optional<size_t> key, value, headers;
    if (row.parts && row.parts->key) key = row.parts->key->size();
    if (row.parts && row.parts->value) value = row.parts->value->size();
    if (row.parts && !row.parts->headers.empty()) headers = row.parts->headers.size();
    const int32_t size = format::commit_size(header.commit);
    if (is_json_)
      return print_json(json::object{{"kind", "frame"},
                                     {"segment", head.sequence},
                                     {"offset", header.offset},
                                     {"position", row.position},
                                     {"size", size},
                                     {"type", type_name(header.type)},
                                     {"offset_count", offsets},
                                     {"timestamp_ns", or_null(timestamp_ns)},
                                     {"key_size", or_null(key)},
                                     {"value_size", or_null(value)},
                                     {"headers_size", or_null(headers)},
                                     {"checksum", row.is_good ? "good" : "bad"}});
    constexpr auto line =
        "  {:>12}  {:>12}  {:<7}  {:>10}  {:>7}  {:<30}  {:>8}  {:>8}  {:>8}  {}\n";
    if (!has_heading_)
      write(line, "OFFSET", "POSITION", "TYPE", "SIZE", "OFFSETS", "TIMESTAMP", "KEY", "VALUE",
            "HEADERS", "CHECKSUM");
    has_heading_ = true;
    write(line, header.offset, row.position, type_name(header.type), size, offsets,
          instant_or_dash(timestamp_ns), or_dash(key), or_dash(value), or_dash(headers),
          row.is_good ? "good" : "bad");
  }

  // Where the frames of a segment end, or are interrupted.
  void stop(const format::LogFileHead& head, segment::SegmentPlace place, ImageStop stop) const {
    const uint64_t position =
        head.index_in_file * head.slot_bytes + uint64_t{place.units} * format::kFrameAlignment;
    if (is_json_)
      return print_json(json::object{{"kind", "stop"},
                                     {"segment", head.sequence},
                                     {"offset", place.offset},
                                     {"position", position},
                                     {"why", stop_name(stop)}});
    write("  At byte {}, where offset {} is due: {}.\n", position, place.offset, words_for(stop));
  }

 private:
  static int64_t created_ns(const format::LogFileHead& head) noexcept {
    constexpr uint64_t most_ms = 9'000'000'000'000;  // what fits into 64 bits of ns
    return static_cast<int64_t>(std::min(head.created_ms, most_ms)) * 1'000'000;
  }

  bool is_json_;
  bool has_heading_ = false;
};

void dump_segment(LogFile& file, const format::LogFileHead& head, Printer& printer) {
  printer.segment(head);
  const auto image = value_or_throw(file.image(head));
  const uint64_t at = head.index_in_file * head.slot_bytes;
  segment::SegmentPlace from{format::kFirstFrameUnits, head.base_offset};
  for (int search = 0; search <= most_searches; ++search) {
    segment::ImageWalk walk(image, segment::FrameSeal(head), head.base_offset, from);
    ImageStop stop = walk.step();
    for (; stop == ImageStop::none; stop = walk.step())  // each turn moves on in the image
      printer.frame(head, row_at(image, at, walk.note().place.units, true));
    const bool is_frame = stop == ImageStop::bad_checksum || stop == ImageStop::bad_fields ||
                          stop == ImageStop::torn_frame;
    if (is_frame) printer.frame(head, row_at(image, at, walk.place().units, false));
    printer.stop(head, walk.place(), stop);
    if (stop == ImageStop::end_of_image) return;
    const auto beyond = segment::find_beyond(image, head, walk.place());
    if (!beyond || beyond->end_units <= beyond->first.units) return;
    from = beyond->first;
  }
}

}  // namespace

void dump_log_file(const std::string& path, DumpForm form) {
  LogFile file = value_or_throw(LogFile::open(path));
  const segment::HeadRun run = file.heads();
  Printer printer(form);
  if (!run.heads.empty()) printer.file(file, run.identity());
  for (const format::LogFileHead& head : run.heads) dump_segment(file, head, printer);
  if (run.fault != segment::RunFault::none) throw Exception(run.error);
}

void dump_index(const std::string& path, DumpForm form) {
  const IndexContent content = value_or_throw(read_index(path));
  const bool is_time = content.kind == segment::FileKind::time_index;
  const char* kind = is_time ? "time_index" : "offset_index";
  if (form == DumpForm::json)
    print_json(json::object{{"kind", kind},
                            {"path", path},
                            {"topic_id", to_hex(content.file.topic_id)},
                            {"partition", content.file.partition},
                            {"file_tag", content.file.file_tag},
                            {"base_offset", content.file.base_offset},
                            {"slot_bytes", content.file.slot_bytes},
                            {"entries", content.entries.size()}});
  else
    write(
        "{}\n  {} of partition {} of topic id {}, base offset {}: {} entries\n  {:>12}  {:>12}{}\n",
        path, is_time ? "time index" : "offset index", content.file.partition,
        to_hex(content.file.topic_id), content.file.base_offset, content.entries.size(), "OFFSET",
        "POSITION", is_time ? "  LARGEST TIMESTAMP" : "");
  for (const IndexEntry& entry : content.entries) {
    const uint64_t position = entry.place.segment_index * content.file.slot_bytes +
                              uint64_t{entry.place.units} * format::kFrameAlignment;
    if (form == DumpForm::json)
      print_json(json::object{{"kind", "entry"},
                              {"offset", entry.place.offset},
                              {"position", position},
                              {"largest_timestamp_ns", or_null(entry.largest_ns)}});
    else
      write("  {:>12}  {:>12}{}\n", entry.place.offset, position,
            is_time ? "  " + instant_or_dash(entry.largest_ns) : "");
  }
}

}  // namespace ringmain::tools
