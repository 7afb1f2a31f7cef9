// Errors on their way out of a command.
#include "cli/exit.hpp"

#include <unistd.h>

#include <exception>

#include "cli/output.hpp"
#include "ringmain/error.hpp"

namespace ringmain::tools {
namespace {

// What was printed before a failure still goes out; a second error would only hide the first.
void flush_quietly() noexcept {
  try {
    standard_output().flush();
  } catch (const std::exception&) {
    standard_output().discard();
  }
}

ExitCode fail_with(ExitCode code, const char* message) noexcept {
  flush_quietly();
  print_error(message);
  return code;
}

}  // namespace

void print_error(std::string_view message) noexcept {
  std::string line = "ringmain: ";
  for (const char c : message) line += c == '\n' || c == '\r' ? ' ' : c;
  line += '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

ExitCode run_command(const std::function<void()>& command) {
  try {
    command();
    standard_output().flush();
    return ExitCode::done;
  } catch (const BrokenPipe&) {
    standard_output().discard();
    return ExitCode::done;
  } catch (const UsageError& error) {
    return fail_with(ExitCode::wrong_usage, error.what());
  } catch (const std::exception& error) {  // Exception and Failure carry whole sentences
    return fail_with(ExitCode::failed, error.what());
  }
}

}  // namespace ringmain::tools
