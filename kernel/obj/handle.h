// SPDX-License-Identifier: MIT
// Handles: how a process names kernel objects, with which rights, and from which other handle it
// was derived.
//
// A process has a table of slots; a handle value is slot index (bits 0-15) and the slot's
// generation (bits 16-31). A slot that has gone through all its generations is retired, so that a
// stale value never names a later object.
//
// Every handle is a node of the derivation tree, which crosses processes: duplicating, minting and
// granting make a child; moving a handle in a message moves the node. Revoking destroys all
// descendants. A closed handle that still has two or more children stays in the tree as a
// tombstone, one with a single child is replaced by it, so closing is O(1) and no chain of dead
// nodes can grow. The depth of the tree is bounded by HANDLE_DEPTH_MAX, so that revoking needs no
// recursion and bounded time per step.
//
// One lock (LOCK_HANDLE) guards all tables and the tree. Objects are released after it is dropped.
#ifndef KERNEL_OBJ_HANDLE_H
#define KERNEL_OBJ_HANDLE_H

#include "kernel/lib/list.h"
#include "kernel/lib/object.h"
#include "kernel/lib/quota.h"

struct thread;
struct process;
struct badge;
struct handle_table;

#define HANDLE_DEPTH_MAX      256u
#define HANDLE_SLOTS_PER_PAGE 256u
#define HANDLE_SLOT_PAGES     256u // 65,536 handles a process at most

struct handle {
    struct object *object;      // NULL: tombstone
    struct handle_table *table; // NULL: tombstone or in transit
    struct badge *badge;        // endpoints only; NULL = badge 0
    rights_t rights;
    uint16_t index;
    uint16_t depth;
    struct handle *parent;
    struct list children, sibling;
};

struct handle_slot {
    struct handle *handle; // NULL: free
    uint16_t generation;   // 1-65535; of the current or next handle in the slot; 0: retired
    uint16_t next_free;    // index + 1 chained, 0 = end
    uint32_t reserved;
};
static_assert(sizeof(struct handle_slot) == 16, "256 slots are one page");

struct handle_table {
    struct handle_slot **pages; // one page of pointers, allocated with the first handle
    uint32_t page_count;
    uint32_t used;
    uint16_t first_free;     // index + 1, 0 = none
    uint32_t teardown_index; // slots below it are empty for good
    struct quota *quota;     // handles and table pages are charged here
};

// What the dispatcher hands to a system call body for a checked handle argument; it holds a
// reference to the object.
struct handle_arg {
    handle_t value;
    rights_t rights;
    struct object *object;
    struct badge *badge; // referenced, or NULL
};

void handle_init_caches(void);
void handle_table_init(struct handle_table *table, struct quota *q);

// Looks value up in t's process: ERR_BAD_HANDLE, ERR_WRONG_TYPE (type OBJ_ANY = all),
// ERR_ACCESS_DENIED, in this order of checks.
status_t handle_arg_get(struct thread *t, uint64_t value, uint32_t type, rights_t rights,
                        struct handle_arg *out) MUST_CHECK;
void handle_arg_put(struct handle_arg *arg);

// Makes a root handle (derived from nothing) to the object. ERR_NO_MEMORY, ERR_QUOTA, ERR_NO_SPACE.
// The caller's own reference stays the caller's.
status_t handle_create(struct handle_table *table, struct object *o, rights_t rights,
                       handle_t *value) MUST_CHECK;
// Derives from `from` in table `source` into table `dest`. rights must be a subset
// (ERR_INVALID_ARGS) or RIGHTS_SAME; badge: the new handle's badge, NULL = the source's.
// ERR_OUT_OF_RANGE past HANDLE_DEPTH_MAX.
status_t handle_derive(struct handle_table *source, handle_t from, struct handle_table *dest,
                       rights_t rights, struct badge *badge, handle_t *value) MUST_CHECK;
status_t handle_close(struct handle_table *table, handle_t value) MUST_CHECK; // ERR_BAD_HANDLE
// One slice of destroying all that was derived from the handle: STATUS_RESTART until done.
status_t handle_revoke(struct handle_table *table, handle_t value) MUST_CHECK;
// Closes up to a slice of a dead process's handles; true when the table is empty and its memory is
// freed.
bool handle_table_teardown(struct handle_table *table);

// Moves count handles from one table to another, all or none. values: as given by the sender; out:
// the values in the receiver. ERR_BAD_HANDLE (also a repeated one), ERR_ACCESS_DENIED (no
// TRANSFER), ERR_QUOTA, ERR_NO_MEMORY, ERR_NO_SPACE.
status_t handle_move(struct handle_table *from, const handle_t *values, unsigned count,
                     struct handle_table *to, handle_t *out) MUST_CHECK;

#endif
