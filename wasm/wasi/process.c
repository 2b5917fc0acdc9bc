// SPDX-License-Identifier: MIT
// The calls about the program itself: arguments, environment, exit, random bytes, yielding; and
// sockets, of which there are none.
#include "internal.h"

#include <string.h>

static uint64_t strings_bytes(const char *const *strings, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += strlen(strings[i]) + 1;
    }
    return bytes;
}

static uint16_t strings_sizes(struct wasi *w, const char *const *strings, uint32_t count,
                              uint32_t count_out, uint32_t bytes_out)
{
    uint64_t bytes = strings_bytes(strings, count);
    if (bytes > UINT32_MAX) {
        return WASI_OVERFLOW;
    }
    uint16_t error = guest_put_u32(w, count_out, count);
    return error != WASI_SUCCESS ? error : guest_put_u32(w, bytes_out, (uint32_t)bytes);
}

// Pointers to vector, the strings themselves one after the other to buf.
static uint16_t strings_get(struct wasi *w, const char *const *strings, uint32_t count,
                            uint32_t vector, uint32_t buf)
{
    uint64_t bytes = strings_bytes(strings, count);
    if (guest_span(w, vector, (uint64_t)count * 4) == NULL || guest_span(w, buf, bytes) == NULL) {
        return WASI_FAULT;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = (uint32_t)strlen(strings[i]) + 1;
        uint16_t error = guest_put_u32(w, vector + 4 * i, buf);
        if (error != WASI_SUCCESS) {
            return error;
        }
        memcpy(guest_span(w, buf, len), strings[i], len);
        buf += len;
    }
    return WASI_SUCCESS;
}

uint16_t wasi_args_get(struct wasi *w, uint32_t argv, uint32_t buf)
{
    return strings_get(w, w->args, w->arg_count, argv, buf);
}

uint16_t wasi_args_sizes_get(struct wasi *w, uint32_t count, uint32_t bytes)
{
    return strings_sizes(w, w->args, w->arg_count, count, bytes);
}

uint16_t wasi_environ_get(struct wasi *w, uint32_t envp, uint32_t buf)
{
    return strings_get(w, w->env, w->env_count, envp, buf);
}

uint16_t wasi_environ_sizes_get(struct wasi *w, uint32_t count, uint32_t bytes)
{
    return strings_sizes(w, w->env, w->env_count, count, bytes);
}

uint16_t wasi_random_get(struct wasi *w, uint32_t buf, uint32_t len)
{
    uint8_t *at = guest_span(w, buf, len);
    if (at == NULL) {
        return WASI_FAULT;
    }
    return wasi_from_status(system_random(at, len));
}

uint16_t wasi_sched_yield(struct wasi *w)
{
    (void)w;
    system_yield();
    return WASI_SUCCESS;
}

void wasi_proc_exit(struct wasi *w, uint32_t code)
{
    w->exited = true;
    w->exit_code = code;
}

uint16_t wasi_proc_raise(struct wasi *w, uint32_t signal)
{
    (void)w;
    (void)signal;
    return WASI_NOTSUP; // there are no signals; C libraries make raise() themselves
}

uint16_t wasi_sock_any(struct wasi *w, uint32_t fd)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, 0, &entry);
    return error != WASI_SUCCESS ? error : WASI_NOTSOCK;
}
