// SPDX-License-Identifier: MIT
// Handle tables and the derivation tree; the rules stand in handle.h. Lock: handle_lock. Book:
// chapters 12 to 14.
#include "kernel/obj/handle.h"
#include "kernel/debug/log.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/endpoint.h"
#include "kernel/obj/process.h"

#define SLICE_HANDLES 32u
#define SLICE_SLOTS   1024u

static struct spinlock handle_lock = SPINLOCK_INIT("handle", LOCK_HANDLE);
static struct slab_cache handle_cache;
static uint32_t live_handles; // handle_lock: in all tables

void handle_init_caches(void)
{
    slab_cache_init(&handle_cache, "handle", sizeof(struct handle), 8);
}

uint32_t handle_count(void) { return __atomic_load_n(&live_handles, __ATOMIC_RELAXED); }

void handle_table_init(struct handle_table *table, struct quota *q)
{
    *table = (struct handle_table){.quota = q};
}

// --- slots --------------------------------------------------------------------------------------

static struct handle_slot *slot_at(struct handle_table *table, uint32_t index)
{
    if (index >= table->page_count * HANDLE_SLOTS_PER_PAGE) {
        return NULL;
    }
    return &table->pages[index / HANDLE_SLOTS_PER_PAGE][index % HANDLE_SLOTS_PER_PAGE];
}

// Adds a page of free slots. Table pages are charged to the process's job.
static status_t table_grow_locked(struct handle_table *table)
{
    if (table->page_count == HANDLE_SLOT_PAGES) {
        return ERR_NO_SPACE;
    }
    uint64_t pages = table->pages == NULL ? 2 : 1;
    status_t s = quota_charge(table->quota, LIMIT_PAGES, pages);
    if (s != OK) {
        return s;
    }
    struct page *slots = page_alloc_zeroed(PAGE_HANDLE);
    struct page *directory =
        table->pages == NULL && slots != NULL ? page_alloc_zeroed(PAGE_HANDLE) : NULL;
    if (slots == NULL || (table->pages == NULL && directory == NULL)) {
        if (slots != NULL) {
            page_free(slots, 0);
        }
        quota_release(table->quota, LIMIT_PAGES, pages);
        return ERR_NO_MEMORY;
    }
    if (directory != NULL) {
        table->pages = page_to_virt(directory);
    }
    // The new slots go before the few that may be left. The index + 1 of slot 65,535 does not fit
    // next_free: that slot is never linked, and so never used.
    struct handle_slot *slot = page_to_virt(slots);
    uint32_t base = table->page_count * HANDLE_SLOTS_PER_PAGE;
    for (uint32_t i = HANDLE_SLOTS_PER_PAGE; i-- > 0;) {
        slot[i].generation = 1;
        if (base + i < UINT16_MAX) {
            slot[i].next_free = table->first_free;
            table->first_free = (uint16_t)(base + i + 1);
        }
    }
    table->pages[table->page_count++] = slot;
    return OK;
}

static handle_t value_of(const struct handle_slot *slot, uint32_t index)
{
    return ((uint32_t)slot->generation << 16) | index;
}

static struct handle *lookup_locked(struct handle_table *table, uint64_t value)
{
    if (value > UINT32_MAX) {
        return NULL;
    }
    struct handle_slot *slot = slot_at(table, value & 0xffffu);
    if (slot == NULL || slot->handle == NULL || slot->generation != value >> 16) {
        return NULL;
    }
    return slot->handle;
}

// Puts a node into a free slot. table_reserve_locked has made sure that there is one.
static handle_t slot_fill_locked(struct handle_table *table, struct handle *h)
{
    uint32_t index = table->first_free - 1u;
    struct handle_slot *slot = slot_at(table, index);
    table->first_free = slot->next_free;
    slot->handle = h;
    h->table = table;
    h->index = (uint16_t)index;
    table->used++;
    live_handles++;
    return value_of(slot, index);
}

static void slot_clear_locked(struct handle *h)
{
    struct handle_table *table = h->table;
    struct handle_slot *slot = slot_at(table, h->index);
    slot->handle = NULL;
    slot->generation++;
    if (slot->generation != 0) { // else the slot is retired: its values would come again
        slot->next_free = table->first_free;
        table->first_free = (uint16_t)(h->index + 1u);
    }
    table->used--;
    live_handles--;
    h->table = NULL;
}

// Makes sure that `count` (at most 8) slots are free.
static status_t table_reserve_locked(struct handle_table *table, unsigned count)
{
    unsigned free = 0;
    for (uint32_t i = table->first_free; i != 0 && free < count;
         i = slot_at(table, i - 1)->next_free) {
        free++;
    }
    return free >= count ? OK : table_grow_locked(table);
}

// --- the tree -----------------------------------------------------------------------------------

static void node_free(struct handle *h) { slab_free(&handle_cache, h); }

static status_t node_create(struct quota *q, struct handle **out)
{
    status_t s = quota_charge(q, LIMIT_HANDLES, 1);
    if (s != OK) {
        return s;
    }
    struct handle *h = slab_alloc(&handle_cache);
    if (h == NULL) {
        quota_release(q, LIMIT_HANDLES, 1);
        return ERR_NO_MEMORY;
    }
    list_init(&h->children);
    list_init(&h->sibling);
    *out = h;
    return OK;
}

// Undoes node_create.
static void node_abandon(struct handle *h, struct quota *q)
{
    quota_release(q, LIMIT_HANDLES, 1);
    node_free(h);
}

static bool has_one_child(const struct handle *h)
{
    return !list_empty(&h->children) && h->children.next->next == &h->children;
}

// A node without object and with a single child gives its place to the child.
static void node_splice_locked(struct handle *h)
{
    struct handle *child = list_entry(list_first(&h->children), struct handle, sibling);
    list_remove(&child->sibling);
    child->parent = h->parent;
    child->depth = h->depth; // else handing a handle down and closing the old one would use depth
                             // up
    if (h->parent != NULL) {
        list_insert_between(&child->sibling, h->sibling.prev, &h->sibling);
        list_remove(&h->sibling);
    }
    node_free(h);
}

// Takes a node that names nothing any more out of the tree, or leaves it as a tombstone while it
// joins several children.
static void node_drop_locked(struct handle *h)
{
    if (has_one_child(h)) {
        node_splice_locked(h);
        return;
    }
    if (!list_empty(&h->children)) {
        return;
    }
    struct handle *parent = h->parent;
    list_remove(&h->sibling);
    node_free(h);
    if (parent != NULL && parent->object == NULL && has_one_child(parent)) {
        node_splice_locked(parent);
    }
}

// What a destroyed handle referred to, released after the lock.
struct remains {
    struct object *object;
    struct badge *badge;
    rights_t rights;
};

static struct remains handle_destroy_locked(struct handle *h)
{
    struct remains r = {h->object, h->badge, h->rights};
    // A tombstone is charged to nobody: there are never more of them than handles that are.
    quota_release(h->table->quota, LIMIT_HANDLES, 1);
    slot_clear_locked(h);
    h->object = NULL;
    h->badge = NULL;
    node_drop_locked(h);
    return r;
}

static void remains_release(const struct remains *r)
{
    if (r->object->ops->type == OBJ_ENDPOINT && (r->rights & RIGHT_RECEIVE) != 0) {
        endpoint_receiver_put(endpoint_from_object(r->object));
    }
    badge_put(r->badge);
    object_handle_put(r->object);
}

// Counts that a new handle brings with it; the mirror of remains_release.
static void handle_acquire(struct object *o, rights_t rights, struct badge *badge)
{
    object_handle_get(o);
    badge_get(badge);
    if (o->ops->type == OBJ_ENDPOINT && (rights & RIGHT_RECEIVE) != 0) {
        endpoint_receiver_get(endpoint_from_object(o));
    }
}

// --- operations ---------------------------------------------------------------------------------

status_t handle_arg_get(struct thread *t, uint64_t value, uint32_t type, rights_t rights,
                        struct handle_arg *out)
{
    status_t s = OK;
    spin_lock(&handle_lock);
    struct handle *h = lookup_locked(&t->process->handles, value);
    if (h == NULL) {
        s = ERR_BAD_HANDLE;
    } else if (type != OBJ_ANY && h->object->ops->type != type) {
        s = ERR_WRONG_TYPE;
    } else if ((h->rights & rights) != rights) {
        s = ERR_ACCESS_DENIED;
    } else {
        *out = (struct handle_arg){(handle_t)value, h->rights, h->object, h->badge};
        object_get(h->object);
        badge_get(h->badge);
    }
    spin_unlock(&handle_lock);
    return s;
}

void handle_arg_put(struct handle_arg *arg)
{
    badge_put(arg->badge);
    object_put(arg->object);
}

// Fills a new node and gives it a slot. All that can fail has been done.
static handle_t node_place_locked(struct handle *h, struct handle_table *table,
                                  struct handle *parent)
{
    handle_acquire(h->object, h->rights, h->badge);
    h->parent = parent;
    if (parent != NULL) {
        h->depth = (uint16_t)(parent->depth + 1);
        list_push_back(&parent->children, &h->sibling);
    }
    return slot_fill_locked(table, h);
}

status_t handle_create(struct handle_table *table, struct object *o, rights_t rights,
                       handle_t *value)
{
    struct handle *h;
    status_t s = node_create(table->quota, &h);
    if (s != OK) {
        return s;
    }
    h->object = o;
    h->rights = rights;
    spin_lock(&handle_lock);
    s = table_reserve_locked(table, 1);
    if (s == OK) {
        *value = node_place_locked(h, table, NULL);
    }
    spin_unlock(&handle_lock);
    if (s != OK) {
        node_abandon(h, table->quota);
    }
    return s;
}

static status_t derive_check_locked(const struct handle *parent, rights_t *rights)
{
    if (parent == NULL) {
        return ERR_BAD_HANDLE;
    }
    if (*rights == RIGHTS_SAME) {
        *rights = parent->rights;
    }
    if ((*rights & ~parent->rights) != 0) {
        return ERR_INVALID_ARGS;
    }
    return parent->depth + 1u >= HANDLE_DEPTH_MAX ? ERR_OUT_OF_RANGE : OK;
}

status_t handle_derive(struct handle_table *source, handle_t from, struct handle_table *dest,
                       rights_t rights, struct badge *badge, handle_t *value)
{
    struct handle *h;
    status_t s = node_create(dest->quota, &h);
    if (s != OK) {
        return s;
    }
    spin_lock(&handle_lock);
    struct handle *parent = lookup_locked(source, from);
    s = derive_check_locked(parent, &rights);
    if (s == OK) {
        s = table_reserve_locked(dest, 1);
    }
    if (s == OK) {
        h->object = parent->object;
        h->rights = rights;
        h->badge = badge != NULL ? badge : parent->badge;
        *value = node_place_locked(h, dest, parent);
    }
    spin_unlock(&handle_lock);
    if (s != OK) {
        node_abandon(h, dest->quota);
    }
    return s;
}

status_t handle_close(struct handle_table *table, handle_t value)
{
    spin_lock(&handle_lock);
    struct handle *h = lookup_locked(table, value);
    if (h == NULL) {
        spin_unlock(&handle_lock);
        return ERR_BAD_HANDLE;
    }
    struct remains r = handle_destroy_locked(h);
    spin_unlock(&handle_lock);
    remains_release(&r);
    return OK;
}

// The first descendant that has no descendants itself; the depth of the tree bounds the walk.
static struct handle *leaf_of_locked(struct handle *h)
{
    while (!list_empty(&h->children)) {
        h = list_entry(list_first(&h->children), struct handle, sibling);
    }
    return h;
}

status_t handle_revoke(struct handle_table *table, handle_t value)
{
    for (unsigned i = 0; i < SLICE_HANDLES; i++) {
        spin_lock(&handle_lock);
        struct handle *h = lookup_locked(table, value);
        struct handle *leaf = h == NULL ? NULL : leaf_of_locked(h);
        if (leaf == NULL || leaf == h) {
            spin_unlock(&handle_lock);
            return h == NULL ? ERR_BAD_HANDLE : OK;
        }
        struct remains r = handle_destroy_locked(leaf);
        spin_unlock(&handle_lock);
        remains_release(&r);
    }
    return STATUS_RESTART;
}

// --- transfer -----------------------------------------------------------------------------------

static status_t move_check_locked(struct handle_table *from, const handle_t *values, unsigned count,
                                  struct handle **nodes)
{
    for (unsigned i = 0; i < count; i++) {
        nodes[i] = lookup_locked(from, values[i]);
        if (nodes[i] == NULL) {
            return ERR_BAD_HANDLE;
        }
        if ((nodes[i]->rights & RIGHT_TRANSFER) == 0) {
            return ERR_ACCESS_DENIED;
        }
        for (unsigned k = 0; k < i; k++) {
            if (nodes[k] == nodes[i]) {
                return ERR_BAD_HANDLE;
            }
        }
    }
    return OK;
}

status_t handle_move(struct handle_table *from, const handle_t *values, unsigned count,
                     struct handle_table *to, handle_t *out)
{
    struct handle *nodes[8];
    ASSERT(count <= ARRAY_SIZE(nodes));
    spin_lock(&handle_lock);
    status_t s = move_check_locked(from, values, count, nodes);
    if (s == OK) {
        s = table_reserve_locked(to, count);
    }
    if (s == OK && from->quota != to->quota) {
        s = quota_charge(to->quota, LIMIT_HANDLES, count);
    }
    if (s == OK) {
        for (unsigned i = 0; i < count; i++) {
            slot_clear_locked(nodes[i]);
            out[i] = slot_fill_locked(to, nodes[i]);
        }
        if (from->quota != to->quota) {
            quota_release(from->quota, LIMIT_HANDLES, count);
        }
    }
    spin_unlock(&handle_lock);
    return s;
}

// --- end of a table -----------------------------------------------------------------------------

static void table_free_pages(struct handle_table *table)
{
    for (uint32_t i = 0; i < table->page_count; i++) {
        page_free(page_from_phys(virt_to_phys(table->pages[i])), 0);
    }
    if (table->pages != NULL) {
        page_free(page_from_phys(virt_to_phys(table->pages)), 0);
        quota_release(table->quota, LIMIT_PAGES, table->page_count + 1u);
    }
    table->pages = NULL;
    table->page_count = 0;
}

// Closes the handle in the next slot that teardown has not seen, if there is one.
static bool teardown_next_locked(struct handle_table *table, struct remains *r)
{
    struct handle *h = slot_at(table, table->teardown_index++)->handle;
    if (h == NULL) {
        return false;
    }
    *r = handle_destroy_locked(h);
    return true;
}

bool handle_table_teardown(struct handle_table *table)
{
    unsigned closed = 0;
    for (unsigned steps = 0; steps < SLICE_SLOTS && closed < SLICE_HANDLES; steps++) {
        if (table->used == 0) {
            table_free_pages(table);
            return true;
        }
        struct remains r;
        spin_lock(&handle_lock);
        bool found = teardown_next_locked(table, &r);
        spin_unlock(&handle_lock);
        if (found) {
            remains_release(&r);
            closed++;
        }
    }
    return false;
}
