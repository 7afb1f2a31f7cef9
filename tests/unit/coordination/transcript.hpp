// Transcript: a coordinator's life as text. Lines at the left margin are what happens, indented
// lines are what comes of it; a test runs the first and holds the outcome to the second.
//
//   t=0 join g a              client a sends JoinGroup for group g, without a member id yet
//     a <- join MEMBER_ID_REQUIRED a#1
//   t=5 join g a#1 s=10000    with the id that it got: session timeout 10 s
//
// A client's member ids are a#1, a#2, ... in the order in which it got them; a bare `a` is its
// newest one, and `a#0` is none. What is appended to the log is done at once, unless `log held` was
// said: then `append ok`, or another outcome, ends the oldest. `crash` loses all but the log;
// `loaded` ends the replay.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coordination/coordinator.hpp"

namespace ringmain::coordination::test {

class Transcript {
 public:
  // The events of `script`, with what really came of each. Throws on a line that is no event.
  std::string run(const std::string& script);

 private:
  using Words = std::vector<std::string>;

  void event(const std::string& line);
  void advance_to(int64_t time_ms);
  bool log_event(const Words& words);
  bool member_event(const Words& words);
  bool offset_event(const Words& words);
  bool admin_event(const Words& words);
  void join(const Words& words);
  void sync(const Words& words);
  void await_rebalance(const Words& words);
  void leave(const Words& words);
  void commit(const Words& words);
  void fetch(const Words& words);
  void describe(const Words& words);

  Coordinator& coordinator();
  Caller caller(const std::string& client);
  Now now() const { return {time_ms_, kEpochMs + time_ms_}; }
  std::string id_of(const std::string& name) const;
  MemberName who(const Words& words, size_t at) const;
  std::string named(const std::string& member_id);

  void carry_out(Output& out);
  void show(const Answer& answer);
  void show(const Append& append);
  std::string text_of(const JoinReply& reply);
  std::string text_of(const SyncReply& reply);
  void say(const std::string& line);

  static constexpr const char* kNeverGiven = "never-given";
  static constexpr int64_t kEpochMs = 1'700'000'000'000;

  GroupConfig config_;
  std::unique_ptr<Coordinator> coordinator_;
  bool loading_ = false;
  uint64_t seed_ = 1;
  int64_t time_ms_ = 0;
  uint64_t last_ticket_ = 0;
  std::map<uint64_t, std::string> asked_by_;             // ticket -> client
  std::map<std::string, std::vector<std::string>> ids_;  // client -> its member ids
  std::map<std::string, std::string> instances_;         // instance id -> client
  std::map<std::string, uint64_t> connections_;
  bool held_ = false;
  std::deque<Append> held_appends_;
  std::vector<Record> log_;
  std::string out_;
};

}  // namespace ringmain::coordination::test

// ---- the implementation; one test file includes this

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "kafka/consumer_protocol.hpp"

namespace ringmain::coordination::test {

inline Bytes bytes_of(const std::string& text) {
  const auto* from = reinterpret_cast<const std::byte*>(text.data());
  return {from, from + text.size()};
}
inline std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "name=value" among the words, or the default.
inline std::string option(const std::vector<std::string>& words, const std::string& name,
                          const std::string& otherwise = "") {
  for (const std::string& word : words) {
    if (word.starts_with(name + "=")) return word.substr(name.size() + 1);
  }
  return otherwise;
}
inline int32_t number(const std::vector<std::string>& words, const std::string& name,
                      int32_t otherwise) {
  const std::string text = option(words, name);
  return text.empty() ? otherwise : std::stoi(text);
}
inline std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}
// "t/0": partition 0 of topic t.
inline TopicPartition partition_of(const std::string& text) {
  const size_t slash = text.find('/');
  return {text.substr(0, slash), std::stoi(text.substr(slash + 1))};
}
inline std::string text_of(const TopicPartition& partition) {
  return fmt::format("{}/{}", partition.topic, partition.partition);
}

inline std::string Transcript::run(const std::string& script) {
  std::istringstream in(script);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("  ")) continue;  // what was expected
    if (line.empty() || line.starts_with("#")) {
      out_ += line + "\n";
      continue;
    }
    event(line);
  }
  return out_;
}

inline void Transcript::say(const std::string& line) {
  out_ += "  " + line + "\n";
}

inline Coordinator& Transcript::coordinator() {
  if (!coordinator_) {
    coordinator_ = std::make_unique<Coordinator>(config_, seed_++);
    if (!loading_) {
      Output out;
      coordinator_->finish_loading(now(), out);
      carry_out(out);
    }
  }
  return *coordinator_;
}

// Goes through every alarm on the way, at its own time.
inline void Transcript::advance_to(int64_t time_ms) {
  if (time_ms < time_ms_) throw std::invalid_argument("time runs backwards");
  while (coordinator_) {
    const auto next = coordinator_->next_tick_ms();
    if (!next || *next > time_ms) break;
    time_ms_ = std::max(time_ms_, *next);
    Output out;
    coordinator_->tick(now(), out);
    const size_t before = out_.size();
    carry_out(out);
    if (out_.size() != before) out_.insert(before, fmt::format("  at {}:\n", time_ms_));
  }
  time_ms_ = time_ms;
}

inline void Transcript::event(const std::string& line) {
  Words words = split(line, ' ');
  if (words[0].starts_with("t=")) {
    out_ += line + "\n";
    advance_to(std::stoll(words[0].substr(2)));
    words.erase(words.begin());
    if (words.empty()) return;
  } else {
    out_ += line + "\n";
  }
  if (!log_event(words) && !member_event(words) && !offset_event(words) && !admin_event(words))
    throw std::invalid_argument("no event: " + line);
  advance_to(time_ms_);  // what is due at once
}

inline bool Transcript::log_event(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "config") {
    config_.initial_rebalance_delay_ms = number(words, "initial_delay", 0);
    config_.max_members = number(words, "max_members", config_.max_members);
    config_.offsets_retention_ms = number(words, "retention", 1'000'000);
    config_.retention_check_ms = number(words, "retention_check", 600'000);
    config_.offset_metadata_max_bytes = number(words, "metadata_max", 4096);
  } else if (verb == "log") {
    held_ = words[1] == "held";
  } else if (verb == "append") {
    const std::map<std::string, AppendResult> results{
        {"ok", AppendResult::done},
        {"too_large", AppendResult::too_large},
        {"timed_out", AppendResult::timed_out},
        {"not_leader", AppendResult::not_leader},
        {"failed", AppendResult::failed},
        {"not_enough_replicas", AppendResult::not_enough_replicas}};
    if (held_appends_.empty()) throw std::invalid_argument("nothing is held");
    const Append append = held_appends_.front();
    held_appends_.pop_front();
    const AppendResult result = results.at(words[1]);
    if (result == AppendResult::done)
      log_.insert(log_.end(), append.records.begin(), append.records.end());
    Output out;
    coordinator().append_done(append.id, result, now(), out);
    carry_out(out);
  } else if (verb == "crash") {
    coordinator_.reset();
    held_appends_.clear();
    loading_ = true;
    for (const Record& record : log_) {
      if (const auto status = coordinator().replay(record); !status)
        throw std::runtime_error(status.error().message);
    }
  } else if (verb == "loaded") {
    Output out;
    coordinator().finish_loading(now(), out);
    loading_ = false;
    carry_out(out);
  } else if (verb == "resign") {
    Output out;
    coordinator().resign(out);
    carry_out(out);
  } else {
    return false;
  }
  return true;
}

inline bool Transcript::member_event(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "join") {
    join(words);
  } else if (verb == "sync") {
    sync(words);
  } else if (verb == "beat") {
    const GroupError error =
        coordinator().heartbeat({words[1], who(words, 2), number(words, "gen", -1)}, now());
    say(fmt::format("{} <- heartbeat {}", words[2], name_of(error)));
  } else if (verb == "await") {
    await_rebalance(words);
  } else if (verb == "leave") {
    leave(words);
  } else if (verb == "gone") {
    Output out;
    coordinator().connection_gone(ConnectionId(connections_.at(words[1])), now(), out);
    carry_out(out);
  } else {
    return false;
  }
  return true;
}

inline bool Transcript::offset_event(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "commit") {
    commit(words);
  } else if (verb == "fetch") {
    fetch(words);
  } else if (verb == "delete-offsets") {
    std::vector<TopicPartition> partitions;
    for (size_t i = 2; i < words.size(); ++i) partitions.push_back(partition_of(words[i]));
    Output out;
    coordinator().delete_offsets(caller("admin"), words[1], partitions, now(), out);
    carry_out(out);
  } else if (verb == "topic-deleted") {
    Output out;
    coordinator().topic_deleted(words[1], now(), out);
    carry_out(out);
  } else {
    return false;
  }
  return true;
}

inline bool Transcript::admin_event(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "describe") {
    describe(words);
  } else if (verb == "list") {
    const Listing listing = coordinator().list({words.begin() + 1, words.end()});
    say(fmt::format("list {}", name_of(listing.error)));
    for (const ListedGroup& group : listing.groups)
      say(fmt::format("  {} {} {}", group.group, group.protocol_type, group.state));
  } else if (verb == "delete") {
    Output out;
    coordinator().delete_group(caller("admin"), words[1], now(), out);
    carry_out(out);
  } else {
    return false;
  }
  return true;
}

inline Caller Transcript::caller(const std::string& client) {
  if (!connections_.contains(client)) connections_.emplace(client, connections_.size() + 1);
  asked_by_[++last_ticket_] = client;
  return {Ticket(last_ticket_), ConnectionId(connections_[client]), client, "/host"};
}

inline std::string Transcript::id_of(const std::string& name) const {
  if (name.ends_with("#0")) return "";
  const size_t hash = name.find('#');
  const auto client = ids_.find(name.substr(0, hash));
  if (client == ids_.end()) return hash == std::string::npos ? "" : kNeverGiven;
  if (hash == std::string::npos) return client->second.back();
  return client->second.at(std::stoul(name.substr(hash + 1)) - 1);
}

inline MemberName Transcript::who(const Words& words, size_t at) const {
  MemberName name{words[at] == "-" ? "" : id_of(words[at])};
  if (const std::string instance = option(words, "i"); !instance.empty()) name.instance = instance;
  return name;
}

// The name of an id; one that is seen for the first time gets the next number. It begins with the
// instance id or the client's name.
inline std::string Transcript::named(const std::string& member_id) {
  if (member_id.empty()) return "-";
  if (member_id == kNeverGiven) return member_id;
  std::string client = member_id.substr(0, member_id.find('-'));
  if (const auto instance = instances_.find(client); instance != instances_.end())
    client = instance->second;
  std::vector<std::string>& ids = ids_[client];
  auto found = std::ranges::find(ids, member_id);
  if (found == ids.end()) found = ids.insert(found, member_id);
  return fmt::format("{}#{}", client, found - ids.begin() + 1);
}

// join GROUP CLIENT [v=3] [i=INSTANCE] [s=SESSION] [r=REBALANCE] [type=] [p=NAME:METADATA,...]
// [topics=a,b]
inline void Transcript::join(const Words& words) {
  const std::string client = words[2].substr(0, words[2].find('#'));
  JoinRequest request{words[1], who(words, 2)};
  if (request.who.instance) instances_[*request.who.instance] = client;
  if (number(words, "v", 5) < 4) request.new_members = NewMembers::join_at_once;
  request.session_timeout_ms = number(words, "s", 10000);
  request.rebalance_timeout_ms = number(words, "r", 60000);
  request.protocol_type = option(words, "type", "consumer");
  if (const std::string topics = option(words, "topics"); !topics.empty()) {
    request.protocols.push_back(
        {"range", kafka::encode(kafka::ConsumerSubscription{split(topics, ',')}).value()});
  } else {
    for (const std::string& one : split(option(words, "p", "range:x"), ',')) {
      const size_t colon = one.find(':');
      request.protocols.push_back({one.substr(0, colon), bytes_of(one.substr(colon + 1))});
    }
  }
  Output out;
  coordinator().join(caller(client), std::move(request), now(), out);
  carry_out(out);
}

// sync GROUP CLIENT gen=N [i=INSTANCE] [protocol=NAME] [MEMBER=PART...]
inline void Transcript::sync(const Words& words) {
  const std::string client = words[2].substr(0, words[2].find('#'));
  SyncRequest request{words[1], who(words, 2), number(words, "gen", -1)};
  if (const std::string name = option(words, "protocol"); !name.empty()) request.protocol = name;
  for (size_t i = 3; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    if (name == "gen" || name == "i" || name == "protocol") continue;
    request.assignments.emplace_back(id_of(name), bytes_of(words[i].substr(equals + 1)));
  }
  Output out;
  coordinator().sync(caller(client), std::move(request), now(), out);
  carry_out(out);
}

// await GROUP CLIENT gen=N [i=INSTANCE] [wait=MS]
inline void Transcript::await_rebalance(const Words& words) {
  Output out;
  coordinator().await_rebalance(
      caller(words[2].substr(0, words[2].find('#'))),
      {{words[1], who(words, 2), number(words, "gen", -1)}, number(words, "wait", 3000)}, now(),
      out);
  carry_out(out);
}

// leave GROUP MEMBER... [i=INSTANCE]
inline void Transcript::leave(const Words& words) {
  LeaveRequest request{words[1], {}};
  for (size_t i = 2; i < words.size(); ++i) {
    if (!words[i].starts_with("i=")) request.members.push_back(who(words, i));
  }
  Output out;
  const LeaveReply reply = coordinator().leave(request, now(), out);
  std::string line = fmt::format("leave {}", name_of(reply.error));
  for (const GroupError error : reply.members) line += fmt::format(" {}", name_of(error));
  say(line);
  carry_out(out);
}

// commit GROUP CLIENT [gen=N] [i=INSTANCE] [keep=MS] TOPIC/PARTITION=OFFSET[:METADATA]...
inline void Transcript::commit(const Words& words) {
  CommitRequest request{words[1], who(words, 2), number(words, "gen", -1)};
  if (const std::string keep = option(words, "keep"); !keep.empty())
    request.retention_ms = std::stoll(keep);
  for (size_t i = 3; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (words[i].find('/') > equals) continue;
    const std::string value = words[i].substr(equals + 1);
    const size_t colon = value.find(':');
    request.offsets.push_back({partition_of(words[i].substr(0, equals)), std::stoll(value), -1,
                               colon == std::string::npos ? "" : value.substr(colon + 1)});
  }
  Output out;
  coordinator().commit(caller(words[2].substr(0, words[2].find('#'))), request, now(), out);
  carry_out(out);
}

inline void Transcript::fetch(const Words& words) {
  std::vector<TopicPartition> partitions;
  for (size_t i = 2; i < words.size(); ++i) {
    if (words[i] != "*") partitions.push_back(partition_of(words[i]));
  }
  const bool all = words.size() == 3 && words[2] == "*";
  const FetchReply reply = coordinator().fetch(words[1], all ? nullptr : &partitions);
  std::string line = fmt::format("fetch {}", name_of(reply.error));
  for (const FetchedOffset& one : reply.offsets) {
    line += fmt::format(" {}={}", test::text_of(one.partition), one.offset);
    if (!one.metadata.empty()) line += ":" + one.metadata;
  }
  say(line);
}

inline void Transcript::describe(const Words& words) {
  const Description found = coordinator().describe(words[1]);
  std::string line = fmt::format("describe {} {}", name_of(found.error), found.state);
  if (!found.protocol_type.empty()) line += " type=" + found.protocol_type;
  if (!found.protocol.empty()) line += " protocol=" + found.protocol;
  say(line);
  for (const DescribedMember& member : found.members) {
    say(fmt::format("  {} client={}{} has={}", named(member.who.member), member.client_id,
                    member.who.instance ? " instance=" + *member.who.instance : "",
                    test::text_of(member.assignment)));
  }
}

inline void Transcript::carry_out(Output& out) {
  for (const Answer& answer : out.answers) show(answer);
  for (Append& append : out.appends) {
    show(append);
    held_appends_.push_back(std::move(append));
  }
  while (!held_ &&
         !held_appends_.empty()) {  // ends: an append's end makes no endless chain of others
    const Append append = held_appends_.front();
    held_appends_.pop_front();
    log_.insert(log_.end(), append.records.begin(), append.records.end());
    Output more;
    coordinator().append_done(append.id, AppendResult::done, now(), more);
    carry_out(more);
  }
}

inline std::string Transcript::text_of(const JoinReply& reply) {
  std::string line = fmt::format("join {} {}", name_of(reply.error), named(reply.member));
  if (reply.error != GroupError::none) return line;
  line += fmt::format(" gen={} protocol={} leader={}", reply.generation,
                      reply.protocol.value_or("null"), named(reply.leader));
  if (reply.members.empty()) return line;
  line += " members=";
  for (const JoinedMember& member : reply.members) {
    const std::string metadata = test::text_of(member.metadata);
    const bool readable = std::ranges::all_of(metadata, [](unsigned char c) { return c >= ' '; });
    line += fmt::format("{}{}:{}", &member == &reply.members.front() ? "" : ",",
                        named(member.who.member), readable ? metadata : "...");
  }
  return line;
}

inline std::string Transcript::text_of(const SyncReply& reply) {
  if (reply.error != GroupError::none) return fmt::format("sync {}", name_of(reply.error));
  return fmt::format("sync NONE has={}", test::text_of(reply.assignment));
}

inline void Transcript::show(const Answer& answer) {
  const auto found = asked_by_.find(answer.ticket.value());
  if (found == asked_by_.end())
    throw std::logic_error("a ticket that was never given, or was answered");
  const std::string client = found->second;
  asked_by_.erase(found);
  std::string line;
  if (const auto* join = std::get_if<JoinReply>(&answer.reply)) {
    line = text_of(*join);
  } else if (const auto* sync = std::get_if<SyncReply>(&answer.reply)) {
    line = text_of(*sync);
  } else if (const auto* heartbeat = std::get_if<HeartbeatReply>(&answer.reply)) {
    line = fmt::format("heartbeat {}", name_of(heartbeat->error));
  } else if (const auto* commit = std::get_if<CommitReply>(&answer.reply)) {
    line = "commit";
    for (const GroupError error : commit->partitions) line += fmt::format(" {}", name_of(error));
  } else if (const auto* offsets = std::get_if<DeleteOffsetsReply>(&answer.reply)) {
    line = fmt::format("delete-offsets {}", name_of(offsets->error));
    for (const GroupError error : offsets->partitions) line += fmt::format(" {}", name_of(error));
  } else {
    line = fmt::format("delete {}", name_of(std::get<DeleteGroupReply>(answer.reply).error));
  }
  say(fmt::format("{} <- {}", client, line));
}

inline void Transcript::show(const Append& append) {
  for (const Record& record : append.records) {
    const Change change = decode(record).value().value();
    if (const auto* offset = std::get_if<OffsetChange>(&change)) {
      const std::string value = offset->value ? std::to_string(offset->value->offset) : "gone";
      say(fmt::format("log {}: {} {} = {}", append.id.value(), offset->key.group,
                      test::text_of(offset->key.partition), value));
      continue;
    }
    const auto& group = std::get<GroupChange>(change);
    std::string line = fmt::format("log {}: {}", append.id.value(), group.key.group);
    if (!group.value) {
      say(line + " gone");
      continue;
    }
    line += fmt::format(" gen={}", group.value->generation);
    for (const auto& member : group.value->members)
      line += fmt::format(" {}={}", named(member.member), test::text_of(member.assignment));
    say(line);
  }
}

}  // namespace ringmain::coordination::test
