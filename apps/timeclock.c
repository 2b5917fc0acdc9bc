// SPDX-License-Identifier: MIT
// Clocks and sleeping, told in words that are the same on every host: time goes on, sleeps are not
// shorter than asked, waiting for two things ends with the earlier.
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000ll

static long long now_ns(clockid_t clock)
{
    struct timespec ts;
    if (clock_gettime(clock, &ts) != 0) {
        return -1;
    }
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void say(const char *what, int good) { printf("%s: %s\n", what, good ? "yes" : "NO"); }

int main(void)
{
    long long start = now_ns(CLOCK_MONOTONIC);
    long long real = now_ns(CLOCK_REALTIME);
    struct timespec res = {0};
    struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};
    say("there is a monotonic clock", start >= 0);
    say("there is a realtime clock", real >= 0);
    say("it has a resolution", clock_getres(CLOCK_MONOTONIC, &res) == 0 && res.tv_nsec > 0);
    say("sleeping works", nanosleep(&pause, NULL) == 0);
    long long slept = now_ns(CLOCK_MONOTONIC) - start;
    say("for at least as long as asked", slept >= 20 * NS_PER_MS);
    say("and not for ever", slept < 20000 * NS_PER_MS);
    say("realtime went on too", now_ns(CLOCK_REALTIME) - real >= 19 * NS_PER_MS);
    long long before = now_ns(CLOCK_MONOTONIC);
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    say("polling for input comes to an end", poll(&in, 1, 50) >= 0);
    say("in good time", now_ns(CLOCK_MONOTONIC) - before < 20000 * NS_PER_MS);
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    say("standard output can be written", poll(&out, 1, 1000) == 1 && out.revents == POLLOUT);
    return 0;
}
