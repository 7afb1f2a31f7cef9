// `ringmain produce`: one record for each line of standard input.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

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
  std::string durability;
  std::string compression;
  std::string linger;
  bool report = false;

  bool makes_batches() const { return !linger.empty() || (!compression.empty() && compression != "none"); }
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
        is_remote_(line.is_remote()),
        producer_(bus, config_of(options, line)),
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
    do {  // waits in short turns, so that a stop signal ends it soon
      ++unsettled_;
      asked_again_ = false;
      sending_ = line_number;
      producer_.send(record, [=, this](const RecordMetadata& metadata, const Error* error) {
        --unsettled_;
        if (error == nullptr) {
          if (options_.report) report_.acknowledged(sequence, metadata);
          return;
        }
        // Of a record that was refused this comes within send(); of one that was sent, later.
        const bool refused = metadata.offset < 0 && sending_ == line_number;
        if (refused && is_passing(*error) && !stop_.requested() && now_steady_ns() < give_up_ns) {
          asked_again_ = true;
        } else if (!failure_) {
          failure_ = fmt::format("cannot send line {} to topic '{}': {}", line_number,
                                 options_.topic, error->message);
        }
      });
      sending_.reset();
    } while (asked_again_);
    settle();
  }

  // Before a wait for more input, which must not delay a report. Batches go when their time has come.
  void pause(const LineReader& lines) {
    if (!options_.makes_batches() && !is_remote_) return flush();
    while (unsettled_ != 0 && !lines.wait(report_pause)) {
      producer_.poll();
      settle();
    }
  }

  // Waits until all that was sent is acknowledged, and reported. Over TCP that may take as long as
  // delivery.timeout.ms: a stop signal cuts it short.
  void finish() {
    if (!is_remote_) return flush();
    std::optional<int64_t> give_up_ns;
    while (unsettled_ != 0) {
      if (stop_.requested() && !give_up_ns) give_up_ns = now_steady_ns() + linger_ns() + longest_stop_ns;
      if (give_up_ns && now_steady_ns() > *give_up_ns)
        throw Failure(fmt::format("stopped with {} record(s) not acknowledged by topic '{}': nobody "
                                  "knows whether they were appended",
                                  unsettled_, options_.topic));
      std::this_thread::sleep_for(report_pause);
      producer_.poll();
      settle();
    }
  }

 private:
  static constexpr int64_t longest_wait_ms = 60'000;  // max.block.ms of Kafka
  static constexpr std::chrono::milliseconds report_pause{1};
  static constexpr int64_t longest_stop_ns = 5'000'000'000;

  // There is no room at present, or, over TCP, the topic is not known yet.
  static bool is_passing(const Error& error) {
    return error.code == ErrorCode::no_space || error.code == ErrorCode::request_timed_out;
  }

  void flush() {
    producer_.flush();
    settle();
  }

  int64_t linger_ns() const {
    return options_.linger.empty() ? 0 : parse_duration_option("--linger", options_.linger);
  }

  static Config config_of(const Options& options, const CommandLine& line) {
    Config config{{"acks", options.acks}};
    if (!options.makes_batches() || line.is_remote()) config["max.block.ms"] = "200";  // send() is called again
    if (!options.compression.empty()) config["compression.type"] = options.compression;
    if (!options.linger.empty()) {
      constexpr int64_t ns_per_ms = 1'000'000;
      const int64_t lingers_ns = parse_duration_option("--linger", options.linger);
      config["linger.ms"] = std::to_string((lingers_ns + ns_per_ms - 1) / ns_per_ms);
    }
    if (!options.durability.empty()) config["ack.durability"] = options.durability;
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
  const bool is_remote_;
  Producer producer_;
  Report report_;
  std::string key_separator_;
  std::vector<std::pair<std::string, std::string>> header_texts_;
  std::vector<Header> headers_;  // views of header_texts_
  uint64_t unsettled_ = 0;  // records sent, and neither acknowledged nor refused
  std::optional<size_t> sending_;  // the line that send() is called for
  bool asked_again_ = false;       // it was refused, for the time being
  std::optional<std::string> failure_;
};

void produce(const Options& options, const CommandLine& line) {
  if (line.is_remote() && !options.durability.empty())
    throw UsageError("--durability chooses what a bus on this host waits for; over TCP (--bootstrap) Kafka's protocol has no "
                     "word for it: use --acks all, by which the topic's ack.durability holds");
  const StopSignal stop;
  Bus bus = line.open_bus();
  LineProducer producer(options, line, bus, stop);
  LineReader lines(STDIN_FILENO, longest_line_bytes, stop);
  for (;;) {                                   // until the input ends or a stop signal comes
    if (lines.would_read()) producer.pause(lines);
    const auto text = lines.next();
    if (!text) break;
    producer.send(*text, lines.line_number());
  }
  producer.finish();
}

}  // namespace

void add_produce_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("produce", "Send each line of standard input as a record");
  command->footer(
      "The first record that is refused ends the command: what was sent is a prefix of the input. With\n"
      "--bootstrap lines behind it may have been sent, too, and a record may be there twice if a connection\n"
      "was lost over it.\n"
      "Example:\n"
      "  printf 'k1:hello\\nk2:world\\n' | ringmain produce events --key-separator : --report\n"
      "  seq 1000 | ringmain produce numbers --compression zstd --acks all --bootstrap broker.example:9092");
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
  command
      ->add_option("--durability", options->durability,
                   "What an acknowledgement waits for, memory or disk. Default: with --acks all what the "
                   "topic's ack.durability says, else memory")
      ->check(CLI::IsMember({"memory", "disk"}));
  command
      ->add_option("--compression", options->compression,
                   "Gather records into batches, and compress those. Default: none")
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}));
  command->add_option("--linger", options->linger,
                      "How long a record may wait for others, to go with them as one batch, such as 5ms. Default: "
                      "it goes at once; with --compression 5ms");
  command->add_flag(
      "--report", options->report,
      "Print 'PARTITION OFFSET' for each record once it is acknowledged, in input order");
  command->callback([options, &line] {
    line.takes_bootstrap = true;
    line.command = [options, &line] { produce(*options, line); };
  });
}

}  // namespace ringmain::tools
