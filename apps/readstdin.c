// SPDX-License-Identifier: MIT
// Copies standard input to standard output and counts it, as cat and wc together.
#include <ctype.h>
#include <stdio.h>

int main(void)
{
    unsigned long bytes = 0;
    unsigned long lines = 0;
    unsigned long words = 0;
    int in_word = 0;
    int c;
    while ((c = getchar()) != EOF) {
        putchar(c);
        bytes++;
        lines += c == '\n';
        words += !in_word && !isspace(c);
        in_word = !isspace(c);
    }
    printf("%lu lines, %lu words, %lu bytes\n", lines, words, bytes);
    return 0;
}
