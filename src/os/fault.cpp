// Reads RINGMAIN_FAULT at start, counts passages, and does the harm.
#include "os/fault.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace ringmain::os {
namespace {

enum class Action { kill, stop, enospc, eio };

struct Fault {
  std::string name;
  Action action = Action::kill;
  uint64_t nth = 1;
  bool and_later = false;
  std::atomic<uint64_t> passages{0};
};

using Faults = std::list<Fault>;  // an atomic does not move

// What is to happen; null: nothing. Lists stay for ever: a thread may be passing a fault point.
std::atomic<Faults*> current_faults{nullptr};

// Calls obey(fault) for those of that name.
template <class Obey>
void each_named(const char* name, Obey obey) noexcept {
  Faults* const faults = current_faults.load(std::memory_order_acquire);
  if (faults == nullptr) return;
  for (Fault& fault : *faults)
    if (fault.name == name) obey(fault);
}

tl::unexpected<Error> bad(std::string_view entry, std::string_view why) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("fault \"{}\" is not name:action[:nth[+]]: {}", entry, why));
}

std::optional<Action> action_of(std::string_view word) {
  if (word == "kill") return Action::kill;
  if (word == "stop") return Action::stop;
  if (word == "enospc") return Action::enospc;
  if (word == "eio") return Action::eio;
  return std::nullopt;
}

// The text up to `separator`, which is taken off the front of `rest` with it.
std::string_view take(std::string_view& rest, char separator) {
  const size_t at = rest.find(separator);
  const std::string_view word = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return word;
}

Status add_fault(Faults& list, std::string_view entry) {
  std::string_view rest = entry;
  Fault& fault = list.emplace_back();
  fault.name = take(rest, ':');
  if (fault.name.empty()) return bad(entry, "the name is missing");

  const std::optional<Action> action = action_of(take(rest, ':'));
  if (!action) return bad(entry, "the action is one of kill, stop, enospc, eio");
  fault.action = *action;
  if (rest.empty()) return {};

  fault.and_later = rest.ends_with('+');
  if (fault.and_later) rest.remove_suffix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), fault.nth);
  if (error != std::errc{} || end != rest.data() + rest.size() || fault.nth == 0) {
    return bad(entry, "nth is a number from 1 on");
  }
  return {};
}

// Raised for the calling thread, so that it does not execute another instruction of its own.
void raise_or_abort(int signal) noexcept {
  if (::raise(signal) != 0) std::abort();
}

// Counts the passage. What the fault wants a system call to have returned, or 0.
int pass(Fault& fault) noexcept {
  const uint64_t passage = fault.passages.fetch_add(1, std::memory_order_relaxed) + 1;
  const bool strikes = fault.and_later ? passage >= fault.nth : passage == fault.nth;
  if (!strikes) return 0;
  switch (fault.action) {
    case Action::kill:
      raise_or_abort(SIGKILL);
      return 0;
    case Action::stop:
      raise_or_abort(SIGSTOP);
      return 0;
    case Action::enospc:
      return ENOSPC;
    case Action::eio:
      return EIO;
  }
  return 0;
}

bool is_errno(Action action) {
  return action == Action::enospc || action == Action::eio;
}

// At start, before main.
[[maybe_unused]] const bool configured = [] {
  const char* specification = std::getenv("RINGMAIN_FAULT");
  if (specification == nullptr) return false;
  if (const Status status = configure_faults(specification); !status) {
    std::fprintf(stderr, "RINGMAIN_FAULT: %s\n", status.error().message.c_str());
    std::_Exit(2);
  }
  return true;
}();

}  // namespace

namespace detail {

void fault_point_hit(const char* name) noexcept {
  each_named(name, [](Fault& fault) {
    if (!is_errno(fault.action)) pass(fault);
  });
}

int fault_errno_hit(const char* name) noexcept {
  int error = 0;
  each_named(name, [&error](Fault& fault) {
    if (const int wanted = pass(fault); wanted != 0) error = wanted;
  });
  return error;
}

}  // namespace detail

Status configure_faults(std::string_view specification) {
  auto list = std::make_unique<Faults>();
  while (!specification.empty()) RINGMAIN_TRY(add_fault(*list, take(specification, ',')));
  static auto* const all = new std::list<std::unique_ptr<Faults>>;  // there ever were
  Faults* const newest = all->emplace_back(std::move(list)).get();
  current_faults.store(newest, std::memory_order_release);
  detail::fault_injection.store(!newest->empty(), std::memory_order_relaxed);
  return {};
}

}  // namespace ringmain::os
