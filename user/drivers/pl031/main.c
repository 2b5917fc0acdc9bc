// SPDX-License-Identifier: MIT
// The registers of Arm's PrimeCell real-time clock (PL031), for the frame in bullfinch/rtc.h:
// seconds since 1970 in 32 bits, so until 2106. Source: PrimeCell Real Time Clock (PL031) Technical
// Reference Manual, Arm DDI 0224, chapter 3.

#include <bullfinch/rtc.h>

// Register numbers: byte offsets / 4.
enum { PL031_DR = 0x00 / 4, PL031_CR = 0x0c / 4, PL031_IMSC = 0x10 / 4 };

#define CR_START 1u // once set it cannot be cleared

static void pl031_take_over(struct registers *r)
{
    register_write(r, PL031_IMSC, 0);
    register_write(r, PL031_CR, CR_START);
}

static uint64_t pl031_read_ns(struct registers *r)
{
    return register_read(r, PL031_DR) * 1000000000ull;
}

int main(int argc, char **argv)
{
    static const struct rtc_ops ops = {"pl031", 1000000000, pl031_take_over, pl031_read_ns};
    rtc_run(&ops, argc, argv);
}
