// SPDX-License-Identifier: MIT
// The realtime clock as a program sees it: the date and time now, and, of a file that it writes,
// when that was.
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static void say(const char *what, time_t at)
{
    char text[32];
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", gmtime(&at));
    printf("%s %s\n", what, text);
}

int main(int argc, char **argv)
{
    say("now", time(NULL));
    if (argc < 2) {
        return 0;
    }
    struct stat st;
    FILE *file = fopen(argv[1], "w");
    if (file == NULL || fputs("x", file) < 0 || fclose(file) != 0 || stat(argv[1], &st) != 0) {
        perror(argv[1]);
        return 1;
    }
    say("written", st.st_mtime);
    return 0;
}
