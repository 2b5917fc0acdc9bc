// SPDX-License-Identifier: MIT
// The first program: one line on standard output.
#include <stdio.h>

int main(void)
{
    printf("Hello from WebAssembly!\n");
    return 0;
}
