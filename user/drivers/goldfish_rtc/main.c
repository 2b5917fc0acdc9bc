// SPDX-License-Identifier: MIT
// The registers of the Goldfish real-time clock, for the frame in bullfinch/rtc.h: nanoseconds
// since 1970. Source: Android's "Goldfish virtual hardware", section VIII.

#include <bullfinch/rtc.h>

// Register numbers: byte offsets / 4.
enum { TIME_LOW = 0x00 / 4, TIME_HIGH = 0x04 / 4, IRQ_ENABLED = 0x10 / 4 };

static void goldfish_take_over(struct registers *r) { register_write(r, IRQ_ENABLED, 0); }

static uint64_t goldfish_read_ns(struct registers *r)
{
    uint64_t low = register_read(r, TIME_LOW); // first: it holds the upper half still
    return (uint64_t)register_read(r, TIME_HIGH) << 32 | low;
}

int main(int argc, char **argv)
{
    static const struct rtc_ops ops = {"goldfish_rtc", 1, goldfish_take_over, goldfish_read_ns};
    rtc_run(&ops, argc, argv);
}
