// SPDX-License-Identifier: MIT
// System calls on handles of every type.
#include "kernel/obj/endpoint.h"
#include "kernel/sys/sys.h"

status_t sys_null(struct thread *t)
{
    (void)t;
    return OK;
}

status_t sys_handle_close(struct thread *t, handle_t h)
{
    return h == HANDLE_NONE ? OK : handle_close(&t->process->handles, h);
}

status_t sys_handle_duplicate(struct thread *t, const struct handle_arg *h, uint32_t rights,
                              uint64_t *new)
{
    handle_t value = HANDLE_NONE;
    struct handle_table *table = &t->process->handles;
    status_t s = handle_derive(table, h->value, table, rights, NULL, &value);
    *new = value;
    return s;
}

status_t sys_handle_revoke(struct thread *t, const struct handle_arg *h)
{
    return handle_revoke(&t->process->handles, h->value);
}

status_t sys_handle_info(struct thread *t, const struct handle_arg *h, uaddr_t info)
{
    (void)t;
    struct handle_info out = {
        .type = h->object->ops->type,
        .rights = h->rights,
        .object_id = h->object->id,
        .badge = h->badge != NULL ? h->badge->value : 0,
    };
    return arch_copy_to_user(info, &out, sizeof(out));
}

status_t sys_handle_grant(struct thread *t, const struct handle_arg *process,
                          const struct handle_arg *h, uint32_t rights, uint64_t *value)
{
    struct process *p = process_from_object(process->object);
    if (p->state >= PROCESS_DYING) {
        return ERR_BAD_STATE;
    }
    handle_t granted = HANDLE_NONE;
    status_t s = handle_derive(&t->process->handles, h->value, &p->handles, rights, NULL, &granted);
    *value = granted;
    return s;
}
