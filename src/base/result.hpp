// What a function returns when the environment or foreign bytes may refuse it.
//
// An expected outcome (full, empty) is an enum of its own; an Error names what failed, on
// what, why and what to do; a broken invariant of our own is an assertion (assert.hpp).
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

#include "ringmain/error.hpp"

namespace ringmain {

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::make_unexpected(Error{code, std::move(message)});
}

// An Error from errno: "<what>: No space left on device".
tl::unexpected<Error> fail_errno(const std::string& what, int error = errno);

// Evaluates an expression that gives a Result or Status; returns its error to the caller.
#define RINGMAIN_TRY(expression)                                             \
  do {                                                                       \
    if (auto try_result_ = (expression); !try_result_)                       \
      return ::tl::make_unexpected(std::move(try_result_).error());          \
  } while (0)

// Declares `name` with the value of a Result, or returns its error to the caller.
#define RINGMAIN_TRY_ASSIGN(name, expression)                                \
  auto name##_result_ = (expression);                                        \
  if (!name##_result_) return ::tl::make_unexpected(std::move(name##_result_).error()); \
  auto& name = *name##_result_

}  // namespace ringmain
