// SPDX-License-Identifier: MIT
// Recurses for ever, without using its C stack: what must give out is the runtime's call stack.
#include <stdio.h>

static volatile int depth;
static volatile int for_ever = 1;

__attribute__((noinline)) static int deeper(int n) // NOLINT(misc-no-recursion): the point of it
{
    depth = n;
    return for_ever ? deeper(n + 1) + depth : n;
}

int main(void)
{
    printf("going down\n");
    fflush(stdout);
    printf("came back with %d\n", deeper(0));
    return 0;
}
