// SPDX-License-Identifier: MIT
// See supervision.h. State changes only in the event functions and in sup_next; both leave the
// marks stop_wanted and start_wanted from which sup_next derives the next action, so that an event
// in the middle of a restart simply changes the marks.

#include "user/servers/root/supervision.h"
#include <stddef.h>
#include <string.h>

#define NS_PER_SECOND 1000000000ull
#define NS_PER_MS     1000000ull

// --- the tree -----------------------------------------------------------------------------------

uint32_t sup_depth(const struct supervision *s, uint32_t node)
{
    uint32_t depth = 0;
    for (; node != SUP_ROOT; node = s->nodes[node].parent) {
        depth++;
    }
    return depth;
}

static bool node_is_below(const struct supervision *s, uint32_t node, uint32_t group)
{
    for (; node != SUP_NONE; node = s->nodes[node].parent) {
        if (node == group) {
            return true;
        }
    }
    return false;
}

// Inserts the node behind everything that is below its parent. Order of addition is start order
// among siblings.
static void order_insert(struct supervision *s, uint32_t node)
{
    uint32_t at = s->count;
    while (at > 0 && !node_is_below(s, s->order[at - 1], s->nodes[node].parent)) {
        at--;
    }
    memmove(&s->order[at + 1], &s->order[at], (s->count - at) * sizeof(s->order[0]));
    s->order[at] = node;
    s->count++;
}

static uint32_t node_add(struct supervision *s, uint32_t parent, bool group)
{
    for (uint32_t i = 0; i < SUP_NODES_MAX; i++) {
        if (!s->nodes[i].used) {
            s->nodes[i] = (struct sup_node){.used = true, .group = group, .parent = parent};
            order_insert(s, i);
            return i;
        }
    }
    return SUP_NONE;
}

void sup_init(struct supervision *s)
{
    memset(s, 0, sizeof(*s));
    (void)node_add(s, SUP_NONE, true);
    s->nodes[SUP_ROOT].intensity = 1;
    s->nodes[SUP_ROOT].period_s = 5;
}

uint32_t sup_group_add(struct supervision *s, uint32_t parent, enum sup_strategy strategy,
                       uint32_t intensity, uint32_t period_s)
{
    uint32_t node = node_add(s, parent, true);
    if (node != SUP_NONE) {
        s->nodes[node].strategy = strategy;
        s->nodes[node].intensity = intensity;
        s->nodes[node].period_s = period_s;
    }
    return node;
}

uint32_t sup_service_add(struct supervision *s, uint32_t parent, enum sup_restart_type restart,
                         uint32_t shutdown_ms, bool dynamic)
{
    uint32_t node = node_add(s, parent, false);
    if (node != SUP_NONE) {
        s->nodes[node].restart = restart;
        s->nodes[node].shutdown_ms = shutdown_ms;
        s->nodes[node].dynamic = dynamic;
    }
    return node;
}

void sup_service_dispense(struct supervision *s, uint32_t node, uint32_t intensity,
                          uint32_t period_s)
{
    s->nodes[node].dispensable = true;
    s->nodes[node].intensity = intensity;
    s->nodes[node].period_s = period_s;
}

void sup_service_remove(struct supervision *s, uint32_t node)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->order[i] == node) {
            memmove(&s->order[i], &s->order[i + 1], (s->count - i - 1) * sizeof(s->order[0]));
            s->count--;
            break;
        }
    }
    s->nodes[node].used = false;
}

// --- marks --------------------------------------------------------------------------------------

static bool is_alive(const struct sup_node *n)
{
    return n->state == SUP_UP || n->state == SUP_ASKED || n->state == SUP_DYING;
}

// Everything below the node (or the service itself) shall end, and stay down unless marked
// otherwise afterwards.
static void subtree_stop(struct supervision *s, uint32_t top)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct sup_node *n = &s->nodes[s->order[i]];
        if (n->group || !node_is_below(s, s->order[i], top)) {
            continue;
        }
        n->start_wanted = false;
        n->stop_wanted = is_alive(n);
    }
}

// Everything below the group starts from its specification: children that had finished come back,
// windows are empty. Dynamic ones are no part of the specification and stay marked as finished.
static void group_begin(struct supervision *s, uint32_t top)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct sup_node *n = &s->nodes[s->order[i]];
        if (!node_is_below(s, s->order[i], top)) {
            continue;
        }
        if (n->group) {
            n->window_count = 0;
            n->counted_down = true;
            n->giving_up = n->start_failed = false;
        } else if (n->dynamic) {
            n->restart = SUP_TYPE_TEMPORARY; // once down it is forgotten
            n->state = is_alive(n) ? n->state : SUP_FINISHED;
        } else {
            n->state = is_alive(n) ? n->state : SUP_DOWN;
            n->start_wanted = true;
        }
    }
}

static void node_start(struct supervision *s, uint32_t node)
{
    if (s->nodes[node].group) {
        group_begin(s, node);
    } else {
        s->nodes[node].state = is_alive(&s->nodes[node]) ? s->nodes[node].state : SUP_DOWN;
        s->nodes[node].start_wanted = true;
    }
}

// --- restarts -----------------------------------------------------------------------------------

// Enters a restart in a window; true if that is one too many. OTP: whole seconds, entries
// of the last `period` count, more than `intensity` of them are too many.
static bool window_add(struct sup_node *n, uint64_t now_ns)
{
    uint64_t now_s = now_ns / NS_PER_SECOND;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->window_count; i++) {
        if (n->window_s[i] + n->period_s >= now_s) {
            n->window_s[kept++] = n->window_s[i];
        }
    }
    n->window_s[kept++] = now_s;
    n->window_count = kept;
    return kept > n->intensity;
}

static void group_give_up(struct supervision *s, uint32_t group)
{
    subtree_stop(s, group);
    for (uint32_t i = 0; i < s->count; i++) { // groups inside end with it
        if (s->nodes[s->order[i]].group && node_is_below(s, s->order[i], group)) {
            s->nodes[s->order[i]].giving_up = false;
        }
    }
    s->nodes[group].giving_up = true;
}

// Applies the strategy of the node's group to the siblings of a node that is to be restarted.
static void siblings_restart(struct supervision *s, uint32_t node)
{
    uint32_t group = s->nodes[node].parent;
    enum sup_strategy strategy = s->nodes[group].strategy;
    bool behind = false;
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t other = s->order[i];
        struct sup_node *n = &s->nodes[other];
        if (other == node) {
            behind = true;
            continue;
        }
        if (n->parent != group || strategy == SUP_ONE_FOR_ONE ||
            (strategy == SUP_REST_FOR_ONE && !behind)) {
            continue;
        }
        subtree_stop(s, other);
        if (n->group || n->restart != SUP_TYPE_TEMPORARY) {
            node_start(s, other); // takes effect when everything marked is down
        }
    }
}

// A service ended that does not run again.
static void service_finish(struct supervision *s, struct sup_node *n)
{
    n->state = SUP_FINISHED;
    if (n->significant) {
        sup_end(s);
    }
}

// A node ended that must run again.
static void node_restart(struct supervision *s, uint32_t node, uint64_t now_ns)
{
    struct sup_node *n = &s->nodes[node];
    bool too_many = window_add(n->dispensable ? n : &s->nodes[n->parent], now_ns);
    if (too_many && n->dispensable) {
        service_finish(s, n);
    } else if (too_many) {
        group_give_up(s, n->parent);
    } else {
        node_start(s, node);
        siblings_restart(s, node);
    }
}

void sup_begin(struct supervision *s) { group_begin(s, SUP_ROOT); }

void sup_started(struct supervision *s, uint32_t node) { s->nodes[node].state = SUP_UP; }

void sup_end(struct supervision *s)
{
    s->ending = true;
    subtree_stop(s, SUP_ROOT);
}

void sup_start_failed(struct supervision *s, uint32_t node, uint64_t now_ns)
{
    struct sup_node *n = &s->nodes[node];
    n->state = SUP_DOWN;
    if (s->ending) {
        return;
    }
    if (s->nodes[n->parent].counted_down) { // its group's first start: the group cannot come up
        s->nodes[n->parent].start_failed = true;
        group_give_up(s, n->parent);
    } else if (n->restart == SUP_TYPE_TEMPORARY) {
        service_finish(s, n);
    } else {
        node_restart(s, node, now_ns);
    }
}

void sup_exited(struct supervision *s, uint32_t node, bool normal, uint64_t now_ns)
{
    struct sup_node *n = &s->nodes[node];
    bool wanted = n->stop_wanted || n->state == SUP_ASKED;
    bool again = n->restart == SUP_TYPE_PERMANENT || (n->restart == SUP_TYPE_TRANSIENT && !normal);
    n->stop_wanted = false;
    n->state = SUP_DOWN;
    if (wanted || s->ending) { // ended on our wish: the marks say what is next
        if (n->restart == SUP_TYPE_TEMPORARY) {
            n->state = n->start_wanted ? SUP_DOWN : SUP_FINISHED;
        }
        return;
    }
    if (again) {
        node_restart(s, node, now_ns);
    } else {
        service_finish(s, n);
    }
}

// --- what to do next ----------------------------------------------------------------------------

// The last service in start order that shall end. Until it is down nothing else happens.
static bool stop_next(struct supervision *s, uint64_t now_ns, bool *waiting, struct sup_action *out)
{
    *waiting = false;
    for (uint32_t i = s->count; i-- > 0;) {
        uint32_t node = s->order[i];
        struct sup_node *n = &s->nodes[node];
        if (n->group || !n->stop_wanted) {
            continue;
        }
        *waiting = true;
        if (n->state == SUP_UP && n->shutdown_ms > 0) {
            n->state = SUP_ASKED;
            n->deadline_ns = now_ns + n->shutdown_ms * NS_PER_MS;
            *out = (struct sup_action){SUP_ACT_ASK, node};
            return true;
        }
        if (n->state == SUP_UP || (n->state == SUP_ASKED && now_ns >= n->deadline_ns)) {
            n->state = SUP_DYING;
            *out = (struct sup_action){SUP_ACT_KILL, node};
            return true;
        }
        return false;
    }
    return false;
}

static bool forget_next(struct supervision *s, struct sup_action *out)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct sup_node *n = &s->nodes[s->order[i]];
        if (!n->group && n->dynamic && n->state == SUP_FINISHED) {
            *out = (struct sup_action){SUP_ACT_FORGET, s->order[i]};
            sup_service_remove(s, out->node);
            return true;
        }
    }
    return false;
}

// A group that gave up and is down now: its parent decides, which leaves new marks. Innermost
// first, because a parent may give up over it. Returns false if there is none.
static bool group_ends(struct supervision *s, uint64_t now_ns)
{
    for (uint32_t i = s->count; i-- > 0;) {
        uint32_t node = s->order[i];
        struct sup_node *n = &s->nodes[node];
        if (!n->group || !n->giving_up) {
            continue;
        }
        n->giving_up = false;
        if (node == SUP_ROOT) {
            s->ending = s->gave_up = true;
        } else if (n->start_failed && s->nodes[n->parent].counted_down) {
            s->nodes[n->parent].start_failed = true;
            group_give_up(s, n->parent);
        } else {
            node_restart(s, node, now_ns);
        }
        return true;
    }
    return false;
}

static bool start_next(struct supervision *s, struct sup_action *out)
{
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t node = s->order[i];
        struct sup_node *n = &s->nodes[node];
        if (!n->group && n->start_wanted && n->state == SUP_DOWN) {
            n->start_wanted = false;
            *out = (struct sup_action){SUP_ACT_START, node};
            return true;
        }
    }
    return false;
}

// All marked starts are done: what fails from now on is a restart.
static void groups_are_up(struct supervision *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        s->nodes[s->order[i]].counted_down = false;
    }
}

bool sup_next(struct supervision *s, uint64_t now_ns, struct sup_action *out)
{
    do {
        bool waiting;
        if (stop_next(s, now_ns, &waiting, out)) {
            return true;
        }
        if (waiting) {
            return false;
        }
        if (forget_next(s, out)) {
            return true;
        }
    } while (!s->ending && group_ends(s, now_ns));
    if (s->ending) {
        bool first = !s->told_end;
        s->told_end = true;
        *out = (struct sup_action){s->gave_up ? SUP_ACT_GIVE_UP : SUP_ACT_STOPPED, SUP_ROOT};
        return first;
    }
    if (start_next(s, out)) {
        return true;
    }
    groups_are_up(s);
    return false;
}

uint64_t sup_deadline(const struct supervision *s)
{
    uint64_t nearest = UINT64_MAX;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct sup_node *n = &s->nodes[s->order[i]];
        if (!n->group && n->state == SUP_ASKED && n->deadline_ns < nearest) {
            nearest = n->deadline_ns;
        }
    }
    return nearest;
}
