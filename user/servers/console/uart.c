// SPDX-License-Identifier: MIT
// Reading from and writing to the UART driver: see uart.h. Reading is a blocking call, so it has a
// thread of its own.
#include "uart.h"

#include <bullfinch/clock.h>
#include <bullfinch/fs.h>
#include <bullfinch/ipc.h>
#include <bullfinch/thread.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define READ_BYTES 256u
#define RETRY_NS   10000000ull // a driver restarts in some milliseconds

static handle_t uart;
static handle_t console;

static void retry_wait(handle_t never)
{
    uint64_t bits;
    (void)sys_notification_wait(never, clock_monotonic_ns() + RETRY_NS, &bits);
}

static void reader_main(void *arg)
{
    handle_t never = (handle_t)(uintptr_t)arg;
    for (;;) {
        size_t bytes = 0;
        uint8_t buf[READ_BYTES];
        if (fs_read(uart, 0, buf, sizeof(buf), &bytes) != OK || bytes == 0) {
            retry_wait(never);
            continue;
        }
        memcpy(ipc_buffer()->data, buf, bytes);
        struct ipc_message m = {.tag = MSG_TAG(CONSOLE_INPUT, bytes, 0)};
        (void)ipc_call(console, &m, DEADLINE_NEVER);
    }
}

static handle_t writer_never;

status_t uart_start(handle_t uart_node, handle_t console_endpoint)
{
    handle_t never;
    uart = uart_node;
    console = console_endpoint;
    status_t status = sys_notification_create(&writer_never);
    if (status == OK) {
        status = sys_notification_create(&never);
    }
    if (status == OK) {
        status = thread_spawn("reader", reader_main, (void *)(uintptr_t)never, 0, NULL);
    }
    return status;
}

void uart_write(const void *text, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        size_t written = 0;
        status_t status =
            fs_write(uart, 0, (const uint8_t *)text + done, bytes - done, &written, NULL);
        done += status == OK ? written : 0;
        if (status != OK || written == 0) {
            retry_wait(writer_never);
        }
    }
}
