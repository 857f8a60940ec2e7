// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether a sanitizer watches every access, so that a long simulation is run in its short form.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define JOUST_TESTS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JOUST_TESTS_SANITIZED
#endif

// Whether a thread sanitizer watches. It refuses to start threads in a forked child.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define JOUST_TESTS_THREADS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define JOUST_TESTS_THREADS_SANITIZED
#endif

namespace joust_tests {

#ifdef JOUST_TESTS_SANITIZED
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace joust_tests
