// Printing what a partition's memory holds: header, segments, frames. Works on a bus in use, and on
// files that are left of one.
#include <fmt/format.h>

#include <memory>

#include "base/parse.hpp"
#include "cli/exit.hpp"
#include "cli/instant.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "inspect/dump.hpp"
#include "inspect/log_file.hpp"
#include "inspect/partition_file.hpp"

namespace ringmain::tools {
namespace {

const char* policy_name(format::FullPolicy policy) {
  return policy == format::FullPolicy::block ? "block" : "drop-oldest";
}

template <class T>
json::value or_null(const std::optional<T>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

template <class T>
std::string or_dash(const std::optional<T>& number) {
  return number ? fmt::to_string(*number) : "-";
}

class Dumper {
 public:
  virtual ~Dumper() = default;
  virtual void partition(const PartitionFile& file, const ControlInfo& control) = 0;
  virtual void segment(const SegmentInfo& segment) = 0;
  virtual void frame(const SegmentInfo& segment, const FrameInfo& frame) = 0;
};

class JsonDumper final : public Dumper {
 public:
  void partition(const PartitionFile& file, const ControlInfo& control) override {
    const auto& header = file.header();
    print_json(json::object{{"kind", "partition"},
                            {"path", file.path()},
                            {"topic_id", to_hex(header.topic_id)},
                            {"partition", header.partition},
                            {"single_producer", header.single_producer != 0},
                            {"full_policy", policy_name(header.full_policy)},
                            {"slot_limit", header.slot_limit},
                            {"slot_bytes", header.slot_bytes},
                            {"max_record_bytes", header.max_record_bytes},
                            {"active_segment", control.active},
                            {"log_start_segment", control.log_start},
                            {"prepared_segments", control.prepared},
                            {"waiting_producers", control.waiting_producers},
                            {"deleted", control.is_deleted}});
  }
  void segment(const SegmentInfo& segment) override {
    print_json(json::object{{"kind", "segment"},
                            {"segment", segment.sequence},
                            {"slot", segment.slot},
                            {"role", role_name(segment.role)},
                            {"base_offset", or_null(segment.base_offset)},
                            {"final_bytes", or_null(segment.final_bytes)},
                            {"final_records", or_null(segment.final_records)},
                            {"tail_bytes", segment.tail_bytes},
                            {"tail_records", segment.tail_records},
                            {"prepared_bytes", segment.prepared_bytes},
                            {"tag", segment.tag},
                            {"leader_epoch", segment.leader_epoch},
                            {"created_ms", segment.created_ms}});
  }
  void frame(const SegmentInfo& segment, const FrameInfo& frame) override {
    json::object object{{"kind", "frame"},
                        {"segment", segment.sequence},
                        {"position", frame.position},
                        {"state", state_name(frame.state)},
                        {"size", frame.size_bytes},
                        {"offset", or_null(frame.offset)}};
    if (frame.state != FrameInfo::State::unmarked) object["owner"] = frame.owner;
    if (frame.state == FrameInfo::State::published) {
      object["type"] = frame.type;
      object["offset_count"] = frame.offset_count;
      object["timestamp_ns"] = or_null(frame.timestamp_ns);
      object["key_size"] = or_null(frame.key_bytes);
      object["value_size"] = or_null(frame.value_bytes);
      object["headers_size"] = or_null(frame.headers_bytes);
    }
    print_json(object);
  }
};

class TextDumper final : public Dumper {
 public:
  void partition(const PartitionFile& file, const ControlInfo& control) override {
    const auto& header = file.header();
    write("{}\n  topic id {}, partition {}, {}, full.policy={}{}\n", file.path(),
          to_hex(header.topic_id), header.partition,
          header.single_producer != 0 ? "single producer" : "many producers",
          policy_name(header.full_policy), control.is_deleted ? ", deleted" : "");
    write("  {} slots of {} at most, records up to {}\n", header.slot_limit,
          format_bytes(header.slot_bytes), format_bytes(header.max_record_bytes));
    write(
        "  log starts at segment {}, segment {} is active, {} are prepared; {} producers wait for "
        "memory\n",
        control.log_start, control.active, control.prepared - control.active - 1,
        control.waiting_producers);
  }
  void segment(const SegmentInfo& segment) override {
    write(
        "\nSegment {} in slot {}: {}, base offset {}, ends at {} with {} records, tail at {} with "
        "{} records\n",
        segment.sequence, segment.slot, role_name(segment.role), or_dash(segment.base_offset),
        or_dash(segment.final_bytes), or_dash(segment.final_records), segment.tail_bytes,
        segment.tail_records);
    write("  prepared {} bytes, tag {:08x}, leader epoch {}, created {}\n", segment.prepared_bytes,
          segment.tag, segment.leader_epoch,
          format_instant_ns(static_cast<int64_t>(segment.created_ms) * 1'000'000));
    has_heading_ = false;
  }
  void frame(const SegmentInfo&, const FrameInfo& frame) override {
    constexpr auto row =
        "  {:>10}  {:<11}  {:<6}  {:>10}  {:>12}  {:<30}  {:>8}  {:>8}  {:>8}  {:>5}\n";
    if (!has_heading_) {
      write(row, "POSITION", "STATE", "TYPE", "SIZE", "OFFSET", "TIMESTAMP", "KEY", "VALUE",
            "HEADERS", "OWNER");
      has_heading_ = true;
    }
    write(row, frame.position, state_name(frame.state), frame.type.empty() ? "-" : frame.type,
          frame.size_bytes, or_dash(frame.offset),
          frame.timestamp_ns ? format_instant_ns(*frame.timestamp_ns) : "-",
          or_dash(frame.key_bytes), or_dash(frame.value_bytes), or_dash(frame.headers_bytes),
          frame.owner);
  }

 private:
  template <class... Parts>
  static void write(fmt::format_string<Parts...> format, Parts&&... parts) {
    standard_output().write(fmt::format(format, std::forward<Parts>(parts)...));
  }

  bool has_heading_ = false;
};

void dump_file(const std::string& path, Dumper& dumper) {
  const PartitionFile file = value_or_throw(PartitionFile::open(path));
  const ControlInfo control = value_or_throw(file.control());
  dumper.partition(file, control);
  for (const SegmentInfo& segment : value_or_throw(file.segments(control))) {
    dumper.segment(segment);
    value_or_throw(
        file.frames(segment, [&](const FrameInfo& frame) { dumper.frame(segment, frame); }));
  }
}

}  // namespace

void dump_partition_memory(const std::string& path, DumpForm form) {
  std::unique_ptr<Dumper> dumper;
  if (form == DumpForm::json) {
    dumper = std::make_unique<JsonDumper>();
  } else {
    dumper = std::make_unique<TextDumper>();
  }
  dump_file(path, *dumper);
}

}  // namespace ringmain::tools
