// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <version>

#if defined(__GLIBCXX__) && __has_include(<cxxabi.h>)
#include <cxxabi.h>
#endif

namespace joust {
inline namespace v0 {
namespace detail {

#if defined(__GLIBCXX__) && __has_include(<cxxabi.h>)

/// The exception that unwinds the stack of a thread that is cancelled (pthread_cancel, pthread_exit).
///
/// Whoever catches it has to throw it again, or the program ends. So `catch (thread_unwind&) { throw; }` stands before every
/// `catch (...)` around the code of a caller.
using thread_unwind = abi::__forced_unwind;

#else

/// Nothing throws this type where the standard library does not name what unwinds a thread that is cancelled.
struct thread_unwind {};

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
