// SPDX-License-Identifier: MIT
// Shows what a program is given: its arguments after the name, and the environment, sorted. Its
// exit code is the number of arguments, so that a test sees codes come through.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        printf("argument %d: [%s]\n", i, argv[i]);
    }
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    if (count > 1) {
        qsort(environ, count, sizeof *environ, compare);
    }
    for (size_t i = 0; i < count; i++) {
        printf("environment: [%s]\n", environ[i]);
    }
    printf("%d arguments\n", argc - 1);
    return argc - 1;
}
