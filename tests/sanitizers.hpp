// Which sanitizer a test is built with: g++ and clang say so in different ways.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RINGMAIN_WITH_ASAN 1
#elif __has_feature(thread_sanitizer)
#define RINGMAIN_WITH_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RINGMAIN_WITH_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define RINGMAIN_WITH_TSAN 1
#endif
