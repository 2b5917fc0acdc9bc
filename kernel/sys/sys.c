// SPDX-License-Identifier: MIT
// Helpers of the system call bodies; see sys.h.
#include "kernel/sys/sys.h"

status_t name_from_user(uaddr_t name, uint64_t len, char out[NAME_MAX_BYTES])
{
    if (len == 0 || len >= NAME_MAX_BYTES) {
        return ERR_INVALID_ARGS;
    }
    status_t s = arch_copy_from_user(out, name, len);
    if (s != OK) {
        return s;
    }
    for (uint64_t i = 0; i < len; i++) {
        if (out[i] < 0x20 || out[i] > 0x7e) {
            out[i] = '?';
        }
    }
    out[len] = '\0';
    return OK;
}

status_t handle_to_new(struct thread *t, struct object *o, rights_t rights, uint64_t *value)
{
    handle_t h = HANDLE_NONE;
    status_t s = handle_create(&t->process->handles, o, rights, &h);
    object_put(o);
    if (s == OK) {
        *value = h;
    }
    return s;
}
