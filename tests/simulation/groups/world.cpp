// The simulated coordinator process, its log and its network.
#include "simulation/groups/world.hpp"

#include <algorithm>
#include <utility>

namespace ringmain::coordination::test {

void World::at(int64_t delay_ms, std::function<void()> event) {
  events_.push({now_ms + delay_ms, ++last_event_, std::move(event)});
}

bool World::step() {
  if (events_.empty()) return false;
  const Event event = events_.top();
  events_.pop();
  now_ms = std::max(now_ms, event.at_ms);
  event.run();
  return true;
}

void World::run_until(int64_t time_ms) {
  while (!events_.empty() && events_.top().at_ms <= time_ms && audit.wrong().empty()) step();
  now_ms = std::max(now_ms, time_ms);
}

void World::deliver(std::function<void()> message) {
  if (lost()) {
    ++tally.lost;
    return;
  }
  if (random.below(100) < faults.repeated_percent) {
    ++tally.repeated;
    at(delay() * 3, message);
  }
  at(delay(), std::move(message));
}

void World::ask(std::function<void(Coordinator&, const Caller&, Output&)> request, Caller caller,
                OnReply answered, OnReply reply) {
  ++tally.requests;
  deliver([this, request, caller, answered, reply]() mutable {
    caller.ticket =
        Ticket(++last_ticket_);  // a request that arrives twice is two for the coordinator
    waiting_[last_ticket_] = {answered, reply};
    Output out;
    request(*coordinator_, caller, out);
    carry_out(out);
  });
}

void World::connection_gone(ConnectionId connection) {
  at(1, [this, connection] {
    if (loading_) return;
    Output out;
    coordinator_->connection_gone(connection, now(), out);
    carry_out(out);
  });
}

void World::carry_out(Output& out) {
  for (Answer& answer : out.answers) {
    const auto found = waiting_.find(answer.ticket.value());
    if (found == waiting_.end()) return audit.report("a ticket was answered twice");
    const Waiting waiting = std::move(found->second);
    waiting_.erase(found);
    waiting.answered(answer.reply);
    deliver([reply = waiting.reply, answer] { reply(answer.reply); });
  }
  for (Append& append : out.appends) {
    appends_.push_back(std::move(append));
    last_append_ms_ = std::max(last_append_ms_, now_ms + delay());
    at(last_append_ms_ - now_ms, [this, life = life_] { append_ends(life); });
  }
  schedule_tick();
}

void World::write(const Append& append) {
  for (const Record& record : append.records) {
    log_.push_back(record);
    audit.logged(record);
  }
}

void World::append_ends(uint64_t life) {
  if (life != life_) return;
  const Append append = std::move(appends_.front());
  appends_.pop_front();
  AppendResult result = AppendResult::done;
  if (random.below(100) < faults.append_fails_percent) {
    ++tally.failed_appends;
    const AppendResult results[] = {AppendResult::not_enough_replicas, AppendResult::timed_out,
                                    AppendResult::too_large, AppendResult::failed};
    result = results[random.below(4)];
  }
  // What timed out may be there all the same.
  const bool written =
      result == AppendResult::done || (result == AppendResult::timed_out && random.below(2) == 0);
  if (written && !(bug == Bug::log_forgets && random.below(20) == 0)) write(append);
  // The log is in order; its reports need not be.
  at(random.below(4) == 0 ? delay() : 0, [this, life, id = append.id, result] {
    if (life != life_) return;
    Output out;
    coordinator_->append_done(id, result, now(), out);
    carry_out(out);
  });
}

void World::schedule_tick() {
  if (bug == Bug::alarms_lost) return;
  const auto next = coordinator_->next_tick_ms();
  if (!next || *next >= tick_ms_) return;
  tick_ms_ = *next;
  at(std::max<int64_t>(0, *next - now_ms), [this, life = life_, due = *next] {
    if (life != life_ || due != tick_ms_) return;
    tick_ms_ = kNever;
    Output out;
    coordinator_->tick(now(), out);
    carry_out(out);
  });
}

void World::start() {
  ++life_;
  GroupConfig config;
  config.offsets_retention_ms = kNever / 2;  // nothing expires here: transcripts have that
  config.initial_rebalance_delay_ms = random.below(2) == 0 ? 0 : 3000;
  coordinator_ = std::make_unique<Coordinator>(config, random());
  loading_ = true;
  at(static_cast<int64_t>(random.below(2000)), [this, life = life_] {
    if (life == life_) load();
  });
}

// The log as it is, or as compaction leaves it: of each key the last record.
void World::load() {
  std::vector<Record> records = log_;
  if (random.below(2) == 0) {
    std::map<std::string, size_t> last;
    const auto key = [](const Record& record) {
      return std::string(reinterpret_cast<const char*>(record.key.data()), record.key.size());
    };
    for (size_t i = 0; i < records.size(); ++i) last[key(records[i])] = i;
    std::vector<Record> compacted;
    for (size_t i = 0; i < records.size(); ++i) {
      if (last[key(records[i])] == i) compacted.push_back(records[i]);
    }
    records = std::move(compacted);
  }
  for (const Record& record : records) {
    if (!coordinator_->replay(record)) return audit.report("a record of our own cannot be read");
  }
  loading_ = false;
  Output out;
  coordinator_->finish_loading(now(), out);
  audit.replayed(*coordinator_);
  carry_out(out);
}

void World::crash() {
  ++tally.crashes;
  // Of what was on its way to the log, a beginning may have got there.
  const size_t survive = random.below(appends_.size() + 1);
  for (size_t i = 0; i < survive; ++i) write(appends_[i]);
  appends_.clear();
  waiting_.clear();  // nobody answers these
  last_append_ms_ = now_ms;
  tick_ms_ = kNever;
  audit.crashed();
  start();
}

}  // namespace ringmain::coordination::test
