// SPDX-License-Identifier: MIT
// Takes memory until there is no more, which malloc must say by returning NULL; then shows that the
// program can go on. How much there was depends on the machine, so it is not printed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_BYTES (1024u * 1024u)
#define STEPS_MAX  4096

int main(void)
{
    static char *blocks[STEPS_MAX];
    int count = 0;
    while (count < STEPS_MAX && (blocks[count] = malloc(STEP_BYTES)) != NULL) {
        memset(blocks[count], count, STEP_BYTES);
        count++;
    }
    printf("malloc %s\n", count < STEPS_MAX ? "said no" : "never said no");
    printf("had some: %s\n", count >= 2 ? "yes" : "no");
    for (int i = 0; i < count; i++) {
        if (blocks[i][0] != (char)i || blocks[i][STEP_BYTES - 1] != (char)i) {
            printf("WRONG: block %d lost its contents\n", i);
            return 1;
        }
        free(blocks[i]);
    }
    char *again = malloc(STEP_BYTES);
    printf("after freeing: %s\n", again != NULL ? "memory again" : "none");
    free(again);
    return 0;
}
