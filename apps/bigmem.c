// SPDX-License-Identifier: MIT
// Takes memory until there is no more, which malloc must say by returning NULL; then shows that the
// program can go on. How much there was depends on the machine, so it is not printed.
#include <stdio.h>
#include <stdlib.h>

#define STEP_BYTES  (1024u * 1024u)
#define STEPS_MAX   4096
#define TOUCH_BYTES 4096u // every page of the host is used

int main(void)
{
    static char *blocks[STEPS_MAX];
    int count = 0;
    while (count < STEPS_MAX && (blocks[count] = malloc(STEP_BYTES)) != NULL) {
        for (unsigned at = 0; at < STEP_BYTES; at += TOUCH_BYTES) {
            blocks[count][at] = (char)count;
        }
        count++;
    }
    printf("malloc %s\n", count < STEPS_MAX ? "said no" : "never said no");
    printf("had some: %s\n", count >= 2 ? "yes" : "no");
    for (int i = 0; i < count; i++) {
        for (unsigned at = 0; at < STEP_BYTES; at += TOUCH_BYTES) {
            if (blocks[i][at] != (char)i) {
                printf("WRONG: block %d lost its contents\n", i);
                return 1;
            }
        }
        free(blocks[i]);
    }
    char *again = malloc(STEP_BYTES);
    printf("after freeing: %s\n", again != NULL ? "memory again" : "none");
    free(again);
    return 0;
}
