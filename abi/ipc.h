// SPDX-License-Identifier: MIT
// The IPC convention: message tag, message buffer and registers of the raw system calls.
//
// Registers of ipc_send, ipc_recv, ipc_call, ipc_reply, ipc_reply_recv and reply_send:
//
//   meaning                         arm64      riscv64
//   in   system call number         x8         t0
//   in   handle (0 for ipc_reply)   x0         a0
//   in   tag                        x1         a1
//   in   message words 0-5          x2-x7      a2-a7
//   in   absolute deadline, ns      x9         t1
//   out  status or RECV_*           x0         a0
//   out  tag                        x1         a1
//   out  message words 0-5          x2-x7      a2-a7
//   out  badge                      x9         t1
//
// All other system calls: number as above, arguments in x0-x7 / a0-a7, status in x0 / a0, results
// from x1 / a1 on. A system call is a C function call: caller-saved registers are dead afterwards
// (the kernel clears them), callee-saved ones (arm64 x18 is not used) are kept. arm64: svc #0;
// riscv64: ecall.
#ifndef ABI_IPC_H
#define ABI_IPC_H

#include "abi/types.h"

#define MSG_WORDS       6u
#define MSG_BYTES_MAX   4096u
#define MSG_HANDLES_MAX 8u

// Tag: bits 0-31 label (free for protocols), bits 32-44 bytes in the message buffer's data, bits
// 48-51 handles. Other bits must be zero (ERR_INVALID_ARGS).
#define MSG_TAG(label, bytes, handles) \
    ((uint64_t)(uint32_t)(label) | ((uint64_t)(bytes) << 32) | ((uint64_t)(handles) << 48))
#define MSG_LABEL(tag)   ((uint32_t)(tag))
#define MSG_BYTES(tag)   ((uint32_t)((tag) >> 32) & 0x1fffu)
#define MSG_HANDLES(tag) ((uint32_t)((tag) >> 48) & 0xfu)
#define MSG_TAG_RESERVED 0xfff0e00000000000ull

// Label of the kernel's message that the last handle with this badge is gone. Senders cannot use it
// (ERR_INVALID_ARGS).
#define MSG_BADGE_CLOSED 0xffffffffu

// ipc_recv and ipc_reply_recv return one of these when they succeed.
// a message; whether it is a call is known by whether ipc_reply finds a caller
#define RECV_MESSAGE      0
#define RECV_NOTIFICATION 1 // word 0 holds the bits of the bound notification

// Per thread, mapped readable and writable in its process; its address is the third argument of a
// new thread. The kernel reads `send` and the sender's data, writes `received` and the receiver's
// data. Handles move: after a successful send they are gone from the sender; when the send fails
// for any reason the sender still has them all.
struct msg_buffer {
    uint8_t data[MSG_BYTES_MAX];
    handle_t send[MSG_HANDLES_MAX];
    handle_t received[MSG_HANDLES_MAX];
    uint8_t unused[4096 - 2 * MSG_HANDLES_MAX * sizeof(handle_t)];
};
static_assert(sizeof(struct msg_buffer) == 8192, "two pages");

#endif
