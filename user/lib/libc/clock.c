// SPDX-License-Identifier: MIT
// Time and randomness for picolibc. Where nobody has set the realtime clock it counts from boot.

// picolibc declares clock_gettime, nanosleep and the clocks only then.
#define _POSIX_TIMERS          1
#define _POSIX_MONOTONIC_CLOCK 1
#include <bullfinch/clock.h>
#include <bullfinch/startup.h>
#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <gen/user_syscalls.h>

#define NS_PER_SECOND 1000000000ull

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
        errno = EINVAL;
        return -1;
    }
    uint64_t ns = clock == CLOCK_REALTIME ? clock_realtime_ns() : clock_monotonic_ns();
    ts->tv_sec = (time_t)(ns / NS_PER_SECOND);
    ts->tv_nsec = (long)(ns % NS_PER_SECOND);
    return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    (void)zone;
    uint64_t ns = clock_realtime_ns();
    tv->tv_sec = (time_t)(ns / NS_PER_SECOND);
    tv->tv_usec = (suseconds_t)(ns % NS_PER_SECOND / 1000);
    return 0;
}

// Sleeping is waiting for a signal that nobody sends. Each thread has its own notification for it,
// made at its first sleep.
int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    static _Thread_local handle_t never;
    if (wanted->tv_sec < 0 || wanted->tv_nsec < 0 || (uint64_t)wanted->tv_nsec >= NS_PER_SECOND) {
        errno = EINVAL;
        return -1;
    }
    if (never == HANDLE_NONE && sys_notification_create(&never) != OK) {
        errno = ENOMEM;
        return -1;
    }
    uint64_t now = clock_monotonic_ns();
    uint64_t bits;
    uint64_t seconds = (uint64_t)wanted->tv_sec;
    uint64_t most = (DEADLINE_NEVER - now) / NS_PER_SECOND - 1;
    seconds = seconds < most ? seconds : most;
    (void)sys_notification_wait(never, now + seconds * NS_PER_SECOND + (uint64_t)wanted->tv_nsec,
                                &bits);
    if (left != NULL) {
        memset(left, 0, sizeof(*left));
    }
    return 0;
}

int getentropy(void *buf, size_t len)
{
    if (len > RANDOM_MAX) {
        errno = EIO;
        return -1;
    }
    if (sys_random_get(buf, len) != OK) {
        errno = EFAULT;
        return -1;
    }
    return 0;
}
