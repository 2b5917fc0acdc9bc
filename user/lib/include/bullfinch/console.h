// SPDX-License-Identifier: MIT
// The console's control codes, for FS_CONTROL on a console stream. A program's stdin, stdout and stderr are console streams that the shell
// opened for it; reads of a stream in line mode give whole lines with editing (backspace, Ctrl-U) and echo; end of file is Ctrl-D on an empty line.
#ifndef BULLFINCH_CONSOLE_H
#define BULLFINCH_CONSOLE_H

enum console_control {
    CONSOLE_RAW = 1,       // w1 1: every byte at once, no echo, Ctrl-C is byte 3; 0: line mode
    CONSOLE_FOREGROUND = 2, // this stream's reader gets the input (the shell's own stream only)
    CONSOLE_INTERRUPT = 3, // 1 handle: notification with SIGNAL; w1 bits: signalled at Ctrl-C in line mode
    CONSOLE_VERBATIM = 4,  // w1 1: output bytes go out unchanged (no \n -> \r\n) and input bytes come unedited: `run=` boots
};

#endif
