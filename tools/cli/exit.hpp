// How a command ends: its exit code, and its one line on stderr.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace ringmain::tools {

enum class ExitCode : int { done = 0, failed = 1, wrong_usage = 2 };

// The command line asks for something that cannot be meant: exit 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The command could not do its job: exit 1. The message says what failed, on what, why, and
// what to do.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Whoever read our standard output has gone. Ends a command quietly.
class BrokenPipe : public std::exception {
 public:
  const char* what() const noexcept override { return "standard output was closed"; }
};

// "ringmain: <message>" on stderr, in one write, without line breaks.
void print_error(std::string_view message) noexcept;

// Runs a command, flushes standard output, and says on stderr how it failed, if it did.
ExitCode run_command(const std::function<void()>& command);

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw Exception(std::move(result).error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace ringmain::tools
