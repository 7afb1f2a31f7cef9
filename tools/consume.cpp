// `ringmain consume`: prints the records of a topic, in order by partition.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/output.hpp"
#include "cli/record_format.hpp"
#include "cli/start_position.hpp"
#include "cli/stop_signal.hpp"
#include "commands.hpp"
#include "inspect/offsets.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  std::string topic;
  std::string group;     // empty: none
  std::string assignor;  // of the group's member; empty: the default
  std::vector<int32_t> partitions;
  std::string from;  // empty: earliest with --exit-at-end, else latest
  std::optional<uint64_t> max_records;
  bool exit_at_end = false;
  std::string wait = "sleep";
  std::string format = "%s\\n";
};

// Nothing depends on this bound: a stop signal wakes the consumer, and so do records.
constexpr std::chrono::nanoseconds longest_poll = std::chrono::minutes(1);
constexpr std::chrono::nanoseconds commit_interval =
    std::chrono::seconds(5);  // as auto.commit.interval.ms

StartPosition start_of(const Options& options) {
  if (!options.from.empty()) return parse_start_position(options.from);
  return {options.exit_at_end ? StartPosition::Kind::earliest : StartPosition::Kind::latest, 0};
}

Config config_of(const Options& options, StartPosition start) {
  Config config{
      {"wait.strategy", options.wait},
      {"auto.offset.reset", start.kind == StartPosition::Kind::latest ? "latest" : "earliest"}};
  if (options.group.empty()) return config;
  config["group.id"] = options.group;
  if (!options.assignor.empty()) config["partition.assignment.strategy"] = options.assignor;
  config["enable.auto.commit"] = "false";  // what was printed is committed, not what was polled
  return config;
}

void check(const Options& options, StartPosition start, const CommandLine& line) {
  if (line.is_remote() && options.wait != "sleep")
    throw UsageError(fmt::format(
        "--wait {} watches the shared memory of a bus on this host; over TCP (--bootstrap) the "
        "broker tells when there is something: leave it out",
        options.wait));
  if (options.group.empty()) {
    if (!options.assignor.empty())
      throw UsageError("--assignor says how a group shares: name the --group");
    return;
  }
  if (!options.partitions.empty())
    throw UsageError(
        "--group and --partition exclude each other: the group shares out the partitions");
  if (start.kind != StartPosition::Kind::earliest && start.kind != StartPosition::Kind::latest)
    throw UsageError(
        "with --group, --from is earliest or latest, for partitions of which the group has "
        "committed nothing");
}

// What to read, and how far: --exit-at-end stops at the ends as of the start.
class Course {
 public:
  virtual ~Course() = default;
  virtual bool is_wanted(const ConsumerRecord& record) const = 0;
  virtual void printed(const ConsumerRecord&) {}
  // After each poll, when what it brought is printed.
  virtual void after_poll() = 0;
  virtual bool is_over() const = 0;
  virtual std::chrono::nanoseconds patience() const { return longest_poll; }
  virtual void finish() {}
};

// By the command line's partitions and positions.
class OwnCourse final : public Course {
 public:
  // Stands at its start in every partition afterwards.
  OwnCourse(const Options& options, StartPosition start, Bus& bus, Consumer& consumer)
      : consumer_(consumer), topic_(options.topic) {
    const bool follows_the_topic =
        options.partitions.empty() && !options.exit_at_end &&
        (start.kind == StartPosition::Kind::earliest || start.kind == StartPosition::Kind::latest);
    if (follows_the_topic) {  // partitions that are added later, too
      consumer.subscribe({options.topic});
      return;
    }
    const auto partitions = chosen_partitions(options, bus);
    const auto ranges = offset_ranges(consumer, partitions);
    consumer.assign(partitions);
    seek(start, partitions, ranges);
    if (!options.exit_at_end) return;
    has_end_ = true;
    for (size_t i = 0; i < partitions.size(); ++i) ends_[partitions[i].partition] = ranges[i].end;
    after_poll();
  }

  bool is_wanted(const ConsumerRecord& record) const override {
    if (!has_end_) return true;
    const auto end = ends_.find(record.partition);
    return end != ends_.end() && record.offset < end->second;
  }

  // Partitions that are through no longer hold up the others.
  void after_poll() override {
    for (auto at = ends_.begin(); at != ends_.end();) {
      const TopicPartition partition{topic_, at->first};
      if (consumer_.position(partition) < at->second) {
        ++at;
        continue;
      }
      consumer_.pause({partition});
      at = ends_.erase(at);
    }
  }

  bool is_over() const override { return has_end_ && ends_.empty(); }
  // Behind the last record may be an offset that a producer died over: nothing wakes who passes it.
  std::chrono::nanoseconds patience() const override {
    return has_end_ ? std::chrono::seconds(1) : longest_poll;
  }

 private:
  static std::vector<TopicPartition> chosen_partitions(const Options& options, Bus& bus) {
    const TopicDescription topic = bus.admin().describe_topic(options.topic);
    if (options.partitions.empty()) return partitions_of(topic);
    std::vector<TopicPartition> chosen;
    for (const int32_t partition : options.partitions) {
      if (partition >= topic.partitions) {
        throw Failure(fmt::format("topic '{}' has no partition {}: it has {}, counted from 0",
                                  topic.name, partition, topic.partitions));
      }
      chosen.push_back({topic.name, partition});
    }
    return chosen;
  }

  void seek(StartPosition start, const std::vector<TopicPartition>& partitions,
            const std::vector<OffsetRange>& ranges) {
    if (start.kind == StartPosition::Kind::instant)
      return seek_to_instant(start.value, partitions, ranges);
    for (size_t i = 0; i < partitions.size(); ++i)
      consumer_.seek(partitions[i], offset_for(start, ranges[i]));
  }

  static int64_t offset_for(StartPosition start, const OffsetRange& range) {
    switch (start.kind) {
      case StartPosition::Kind::earliest:
        return range.start;
      case StartPosition::Kind::last:
        return std::max(range.start, range.end - start.value);
      case StartPosition::Kind::offset:
        return std::clamp(start.value, range.start, range.end);
      case StartPosition::Kind::latest:
      case StartPosition::Kind::instant:
        break;
    }
    return range.end;
  }

  void seek_to_instant(int64_t real_ms, const std::vector<TopicPartition>& partitions,
                       const std::vector<OffsetRange>& ranges) {
    std::map<TopicPartition, int64_t> times;
    for (const TopicPartition& partition : partitions) times[partition] = real_ms;
    const auto found = consumer_.offsets_for_times(times);
    for (size_t i = 0; i < partitions.size(); ++i) {
      const auto& first = found.at(partitions[i]);
      consumer_.seek(partitions[i], first ? first->offset : ranges[i].end);
    }
  }

  Consumer& consumer_;
  std::string topic_;
  bool has_end_ = false;
  std::map<int32_t, int64_t> ends_;  // by partition: of those that are not through yet
};

// As a member of a group: reads its part from where the group has come to, and commits what was
// printed: now and then, before others get a partition, and at the end.
class GroupCourse final : public Course {
 public:
  GroupCourse(const Options& options, Bus& bus, Consumer& consumer)
      : consumer_(consumer), committer_(std::make_shared<Committer>(consumer)) {
    const auto partitions = partitions_of(bus.admin().describe_topic(options.topic));
    if (options.exit_at_end) ends_ = consumer.end_offsets(partitions);
    consumer.subscribe({options.topic}, committer_);
  }

  bool is_wanted(const ConsumerRecord& record) const override {
    if (!ends_) return true;
    const auto end = ends_->find({std::string(record.topic), record.partition});
    return end != ends_->end() && record.offset < end->second;
  }
  void printed(const ConsumerRecord& record) override { committer_->printed(record); }
  void after_poll() override { committer_->commit_now_and_then(); }

  // Its part is through. Others of the group may still be reading theirs.
  bool is_over() const override {
    if (!ends_ || !committer_->has_a_part) return false;
    const auto is_through = [this](const TopicPartition& partition) {
      const auto end = ends_->find(partition);
      return end == ends_->end() || consumer_.position(partition) >= end->second;
    };
    const auto part = consumer_.assignment();
    return std::all_of(part.begin(), part.end(), is_through);
  }
  std::chrono::nanoseconds patience() const override { return commit_interval; }
  void finish() override { consumer_.close(); }

 private:
  class Committer final : public RebalanceListener {
   public:
    explicit Committer(Consumer& consumer) : consumer_(consumer) {}

    void printed(const ConsumerRecord& record) {
      printed_[{std::string(record.topic), record.partition}].offset = record.offset + 1;
    }
    void commit_now_and_then() {
      const auto now = std::chrono::steady_clock::now();
      if (printed_.empty() || now < next_commit_) return;
      next_commit_ = now + commit_interval;
      consumer_.commit_async(printed_);  // what fails is committed with what comes after it
    }

    void on_assigned(const std::vector<TopicPartition>&) override { has_a_part = true; }
    void on_revoked(const std::vector<TopicPartition>&) override {
      standard_output().flush();  // committed is what has left this process
      const CommittedOffsets printed = std::exchange(printed_, {});
      if (printed.empty()) return;
      try {
        consumer_.commit_sync(printed);
      } catch (const Exception& error) {
        // Of a topic that was deleted meanwhile; the others' offsets were kept.
        if (error.code() != ErrorCode::unknown_topic_or_partition) throw;
      }
    }
    void on_lost(const std::vector<TopicPartition>&) override { printed_.clear(); }

    bool has_a_part = false;

   private:
    Consumer& consumer_;
    CommittedOffsets printed_;  // since this member got its part
    std::chrono::steady_clock::time_point next_commit_ =
        std::chrono::steady_clock::now() + commit_interval;
  };

  Consumer& consumer_;
  std::shared_ptr<Committer> committer_;
  std::optional<std::map<TopicPartition, int64_t>> ends_;  // with --exit-at-end
};

class Printer {
 public:
  Printer(const std::string& format, bool as_json) : format_(format), as_json_(as_json) {}

  void print(const ConsumerRecord& record) {
    if (as_json_) return print_json(to_json(record));
    text_.clear();
    format_.append_to(text_, record);
    standard_output().write(text_);
  }

 private:
  RecordFormat format_;
  bool as_json_;
  std::string text_;
};

void warn_of_loss(const std::string& topic, uint64_t lost, bool is_remote) {
  if (is_remote)
    return print_error(fmt::format(
        "topic '{}' dropped {} records before they could be read: retention or its memory budget "
        "took them, and this reader was too slow",
        topic, lost));
  print_error(fmt::format(
      "topic '{}' dropped {} records before they could be read: it has full.policy=drop-oldest, "
      "and this reader was too slow; raise memory.budget.bytes, or use full.policy=block",
      topic, lost));
}

void consume(const Options& options, const CommandLine& line) {
  const StartPosition start = start_of(options);
  check(options, start, line);
  Printer printer(options.format, line.json);
  StopSignal stop;
  Bus bus = line.open_bus();
  Consumer consumer(bus, config_of(options, start));
  std::unique_ptr<Course> course;
  if (options.group.empty())
    course = std::make_unique<OwnCourse>(options, start, bus, consumer);
  else
    course = std::make_unique<GroupCourse>(options, bus, consumer);
  const auto wakes_consumer = stop.call([&consumer] { consumer.wakeup(); });

  uint64_t left = options.max_records.value_or(UINT64_MAX);
  while (left > 0 && !course->is_over() && !stop.requested()) {
    const ConsumerRecords& records = consumer.poll(course->patience());
    if (records.lost() > 0) warn_of_loss(options.topic, records.lost(), line.is_remote());
    for (const ConsumerRecord& record : records) {
      if (left == 0 || stop.requested()) break;
      if (!course->is_wanted(record)) continue;
      printer.print(record);
      course->printed(record);
      --left;
    }
    standard_output().flush();
    course->after_poll();
  }
  course->finish();
}

}  // namespace

void add_consume_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("consume", "Print the records of a topic");
  command->footer(
      "--format knows kcat's tokens: %t topic, %p partition, %o offset, %k key, %s value, %K and "
      "%S their\n"
      "sizes, %T timestamp in ms since 1970, %h headers, %% a percent sign; and \\n, \\t, \\xHH.\n"
      "With --json, bytes that are not UTF-8 come as base64 in key_base64 and value_base64.\n"
      "With --group, the members of the group share the topic's partitions, each from where the "
      "group\n"
      "has come to; what was printed is committed every 5 s, before another member gets the\n"
      "partition, and at the end.\n"
      "Example:\n"
      "  ringmain consume events --from earliest --exit-at-end --format '%o %k %s\\n'\n"
      "  ringmain consume events --group billing --bootstrap broker.example:9092");
  command->add_option("TOPIC", options->topic, "Topic to read")->required();
  command
      ->add_option("--group", options->group,
                   "Read as a member of this group: its part of the partitions")
      ->check(not_empty());
  command->add_option("--assignor", options->assignor,
                      "With --group: how to share, a list by commas of range, roundrobin, sticky, "
                      "cooperative-sticky. Default: range,cooperative-sticky");
  command
      ->add_option("--partition", options->partitions,
                   "Read only this partition; repeatable. Default: all, new ones too")
      ->check(whole_number(0, INT32_MAX))
      ->allow_extra_args(false);
  command->add_option(
      "--from", options->from,
      "earliest, latest, an OFFSET, -N for the last N records of each partition, or @TIMESTAMP (ms "
      "since 1970, or ISO 8601, UTC if it names no zone). Default: latest; with --exit-at-end "
      "earliest. With --group only where the group has committed nothing: earliest or latest")
      ->check(not_empty());
  command->add_option("--max", options->max_records, "Stop after so many records")
      ->check(whole_number(0));
  command->add_flag("--exit-at-end", options->exit_at_end,
                    "Stop at the end of each partition as of the start");
  command
      ->add_option("--wait", options->wait,
                   "What to do while there is nothing. spin: lowest latency, a whole core; yield: "
                   "lets others run; sleep: no CPU when idle")
      ->check(CLI::IsMember({"spin", "yield", "sleep"}))
      ->capture_default_str();
  command->add_option("--format", options->format, "How to print a record")->capture_default_str();
  command->callback([options, &line] {
    line.takes_bootstrap = true;
    line.command = [options, &line] { consume(*options, line); };
  });
}

}  // namespace ringmain::tools
