// SPDX-License-Identifier: MIT
// What the system call bodies share: user copies of names and structures, and turning new objects
// into handles. This layer keeps no state: it decodes, checks and calls the objects.
#ifndef KERNEL_SYS_SYS_H
#define KERNEL_SYS_SYS_H

#include "kernel/debug/log.h"
#include "kernel/obj/process.h"
#include <arch/mmu.h>
#include <gen/sys_proto.h>

static inline struct job *job_of(struct thread *t) { return t->process->job; }

// Copies a name of 1 to NAME_MAX_BYTES - 1 bytes; bytes that are not printable ASCII become '?'.
// ERR_INVALID_ARGS, ERR_BAD_ADDRESS.
status_t name_from_user(uaddr_t name, uint64_t len, char out[NAME_MAX_BYTES]) MUST_CHECK;
// Gives the caller a handle to a new object and drops the creator's reference, whether or not that
// works.
status_t handle_to_new(struct thread *t, struct object *o, rights_t rights,
                       uint64_t *value) MUST_CHECK;

#endif
