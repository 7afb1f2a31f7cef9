// `ringmain produce`: one record for each line of standard input.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <deque>
#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/line_reader.hpp"
#include "cli/output.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "commands.hpp"
#include "format/tail_word.hpp"
#include "ringmain/producer.hpp"

namespace ringmain::tools {
namespace {

// No topic takes a larger record: a frame fills at most a quarter of the largest slot.
constexpr size_t longest_line_bytes = format::kMaxSlotBytes / 4;

struct Options {
  std::string topic;
  std::string key_separator;
  std::vector<std::string> headers;
  std::optional<int32_t> partition;
  std::string partitioner;
  std::string acks = "1";
  bool report = false;
};

// Prints where records went, in the order in which they were sent, each as soon as it and all
// before it are acknowledged.
class Report {
 public:
  explicit Report(bool as_json) : as_json_(as_json) {}

  uint64_t expect() {
    waiting_.emplace_back();
    return next_sequence_++;
  }
  void acknowledged(uint64_t sequence, const RecordMetadata& metadata) {
    waiting_[sequence - first_sequence_] = metadata;
  }
  void print_ready() {
    if (waiting_.empty() || !waiting_.front()) return;
    for (; !waiting_.empty() && waiting_.front(); waiting_.pop_front(), ++first_sequence_) {
      print(*waiting_.front());
    }
    standard_output().flush();
  }

 private:
  void print(const RecordMetadata& metadata) const {
    if (as_json_) {
      print_json(json::object{{"partition", metadata.partition}, {"offset", metadata.offset}});
    } else {
      standard_output().write(fmt::format("{} {}\n", metadata.partition, metadata.offset));
    }
  }

  bool as_json_;
  std::deque<std::optional<RecordMetadata>> waiting_;
  uint64_t first_sequence_ = 0;  // of waiting_.front()
  uint64_t next_sequence_ = 0;
};

// Sends lines; the first record that is refused ends the command, so that what was sent is a
// prefix of the input.
class LineProducer {
 public:
  LineProducer(const Options& options, const CommandLine& line, Bus& bus, const StopSignal& stop)
      : options_(options),
        stop_(stop),
        producer_(bus, config_of(options)),
        report_(line.json),
        key_separator_(unescape("--key-separator", options.key_separator)) {
    for (const std::string& text : options.headers)
      header_texts_.push_back(parse_key_value("--header", text));
    for (const auto& [key, value] : header_texts_) headers_.push_back({key, value});
  }

  void send(std::string_view text, size_t line_number) {
    const ProducerRecord record = record_of(text);
    const uint64_t sequence = options_.report ? report_.expect() : 0;
    const int64_t give_up_ns = now_steady_ns() + longest_wait_ms * 1'000'000;
    do {  // waits for room in short turns, so that a stop signal ends it soon
      full_ = false;
      producer_.send(record, [=, this](const RecordMetadata& metadata, const Error* error) {
        if (error == nullptr) {
          if (options_.report) report_.acknowledged(sequence, metadata);
          return;
        }
        // Of a record that was refused this comes within send(); of one that cannot get to disk, later.
        const bool refused = metadata.offset < 0;
        full_ = refused && error->code == ErrorCode::no_space && !stop_.requested() &&
                now_steady_ns() < give_up_ns;
        if (!full_ && !failure_) {
          failure_ = fmt::format("cannot send line {} to topic '{}': {}", line_number,
                                 options_.topic, error->message);
        }
      });
    } while (full_);
    settle();
  }

  // Waits until all that was sent is acknowledged, and reported.
  void flush() {
    producer_.flush();
    settle();
  }

 private:
  static constexpr int64_t longest_wait_ms = 60'000;  // max.block.ms of Kafka

  static Config config_of(const Options& options) {
    Config config{{"acks", options.acks}, {"max.block.ms", "200"}};
    if (!options.partitioner.empty()) config["partitioner"] = options.partitioner;
    return config;
  }

  ProducerRecord record_of(std::string_view text) const {
    ProducerRecord record{.topic = options_.topic, .value = text, .headers = headers_};
    if (options_.partition) record.partition = *options_.partition;
    const size_t at = key_separator_.empty() ? std::string_view::npos : text.find(key_separator_);
    if (at != std::string_view::npos) {
      record.key = text.substr(0, at);
      record.value = text.substr(at + key_separator_.size());
    }
    return record;
  }

  void settle() {
    report_.print_ready();
    if (failure_) throw Failure(*failure_);
  }

  const Options& options_;
  const StopSignal& stop_;
  Producer producer_;
  Report report_;
  std::string key_separator_;
  std::vector<std::pair<std::string, std::string>> header_texts_;
  std::vector<Header> headers_;  // views of header_texts_
  bool full_ = false;  // the record at hand was refused: there is no room
  std::optional<std::string> failure_;
};

void produce(const Options& options, const CommandLine& line) {
  const StopSignal stop;
  Bus bus = line.open_bus();
  LineProducer producer(options, line, bus, stop);
  LineReader lines(STDIN_FILENO, longest_line_bytes, stop);
  for (;;) {                                   // until the input ends or a stop signal comes
    if (lines.would_read()) producer.flush();  // a wait for more input must not delay a report
    const auto text = lines.next();
    if (!text) break;
    producer.send(*text, lines.line_number());
  }
  producer.flush();
}

}  // namespace

void add_produce_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("produce", "Send each line of standard input as a record");
  command->footer(
      "The first record that is refused ends the command: what was sent is a prefix of the input.\n"
      "Example:\n"
      "  printf 'k1:hello\\nk2:world\\n' | ringmain produce events --key-separator : --report");
  command->add_option("TOPIC", options->topic, "Topic to send to")->required();
  command->add_option(
      "--key-separator", options->key_separator,
      "What separates key and value in a line (\\t is a tab); a line without it has no key");
  command
      ->add_option("--header", options->headers, "A header of every record, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  CLI::Option* partition =
      command->add_option("--partition", options->partition, "Send all records to this partition")
          ->check(whole_number(0, INT32_MAX));
  command
      ->add_option("--partitioner", options->partitioner,
                   "How a record's partition is chosen. Default: murmur2, as Kafka's Java producer")
      ->check(CLI::IsMember({"murmur2", "crc32", "round-robin", "random", "sticky"}))
      ->excludes(partition);
  command
      ->add_option("--acks", options->acks,
                   "0: nothing promised; 1: published in shared memory, survives the death of any "
                   "process of the host; all: on every in-sync replica, and on disk if the topic is")
      ->check(CLI::IsMember({"0", "1", "all"}))
      ->capture_default_str();
  command->add_flag(
      "--report", options->report,
      "Print 'PARTITION OFFSET' for each record once it is acknowledged, in input order");
  command->callback(
      [options, &line] { line.command = [options, &line] { produce(*options, line); }; });
}

}  // namespace ringmain::tools
