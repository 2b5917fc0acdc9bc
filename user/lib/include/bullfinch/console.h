// SPDX-License-Identifier: MIT
// The console's streams. A program's stdin, stdout and stderr are console streams that the shell
// opened for it. A stream reads in one of three modes:
//
//     line
//         Whole lines with editing (backspace, Ctrl-U, Ctrl-W) and echo; Ctrl-D on an empty line is
//         end of file; Ctrl-C throws the line away and signals the notification of
//         CONSOLE_INTERRUPT. Output: \n becomes \r\n.
//     raw
//         Every byte at once, no echo, Ctrl-C is byte 3. Output as in line mode.
//     verbatim
//         For `run=` boots: output bytes go out unchanged and input bytes come unedited. So that a
//         host can say that its input ends, byte 0x10 quotes: 0x10 0x04 is end of file, 0x10 and
//         any other byte is that byte.
//
// Badge CONSOLE_BADGE_CONTROL is the controlling stream: the root supervisor mints it for the shell
// (or runonce), it needs no open, starts in line mode and outlives a restart of the console.
// FS_OPEN of "" on a stream gives another one, in line mode or, from a verbatim one, verbatim. All
// streams share one input: it goes to the stream in the foreground, the others' reads wait. When
// that stream closes, the controlling stream is in the foreground again.
#ifndef BULLFINCH_CONSOLE_H
#define BULLFINCH_CONSOLE_H

#define CONSOLE_BADGE_CONTROL 1u

// FS_CONTROL codes (word 0). CONSOLE_FOREGROUND and CONSOLE_INTERRUPT are for the controlling
// stream only (ERR_ACCESS_DENIED for others).
enum console_control {
    // w1 1: raw; 0: line mode
    CONSOLE_RAW = 1,
    // 1 handle, a stream of the console: it gets the input from now on; no handle: the controlling
    // stream itself
    CONSOLE_FOREGROUND = 2,
    // 1 handle, a notification with SIGNAL; w1 bits: signalled at Ctrl-C in line mode. Replaces the
    // one before
    CONSOLE_INTERRUPT = 3,
    // w1 1: verbatim; 0: line mode
    CONSOLE_VERBATIM = 4,
};

#endif
