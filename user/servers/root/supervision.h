// SPDX-License-Identifier: MIT
// The rules of supervision, after Erlang/OTP's `supervisor` (semantics: docs/manifest.md): a tree
// of groups and services; what happens goes in as events, what is to be done comes out as actions.
// No system calls and no clock of its own, so the rules are tested on the host.
//
// Use: add groups and services, call sup_begin, then after every event call sup_next until it has
// nothing more, carrying out each action. One thing happens at a time: services stop one by one in
// reverse start order, and start one by one, and only when nothing is left to stop.
//
// An exit that calls for a restart is entered in the group's window; when more than `intensity` of
// them lie within `period` seconds the group gives up: its services stop, and its own parent treats
// it as a child that ended. When the topmost group gives up, so does everything. A dispensable
// service has a window of its own instead, and when that is full it stays down, alone.
#ifndef ROOT_SUPERVISION_H
#define ROOT_SUPERVISION_H

#include <stdbool.h>
#include <stdint.h>

#define SUP_NODES_MAX     48u
#define SUP_INTENSITY_MAX 30u
#define SUP_DEPTH_MAX     8u
#define SUP_ROOT          0u // the topmost group
#define SUP_NONE          UINT32_MAX

enum sup_strategy { SUP_ONE_FOR_ONE, SUP_ONE_FOR_ALL, SUP_REST_FOR_ONE };
enum sup_restart_type {
    SUP_TYPE_PERMANENT = 0,
    SUP_TYPE_TRANSIENT = 1,
    SUP_TYPE_TEMPORARY = 2
}; // as enum sup_restart
enum sup_node_state {
    SUP_DOWN,     // not running: not yet started, or between two incarnations
    SUP_UP,       // running
    SUP_ASKED,    // asked to end, until `deadline`
    SUP_DYING,    // killed, its exit not yet seen
    SUP_FINISHED, // ended and not to be started again
};

struct sup_node {
    bool used;
    bool group;
    bool significant;  // services: when it ends for good, everything ends (OTP: any_significant)
    bool dynamic;      // added while running: forgotten when its group restarts
    bool dispensable;  // services: its restarts do not count against its group
    bool stop_wanted;  // services
    bool start_wanted; // services
    bool counted_down; // groups: not all of it has been started since it was last begun
    bool giving_up;    // groups: once all of it is down its parent hears of it
    bool start_failed; // groups giving up: because a first start failed
    uint32_t parent;   // group; SUP_NONE for SUP_ROOT
    enum sup_restart_type restart;
    enum sup_node_state state;  // services
    uint32_t shutdown_ms;       // services: 0 = kill at once
    uint64_t deadline_ns;       // while SUP_ASKED
    enum sup_strategy strategy; // groups
    // Groups and dispensable services.
    uint32_t intensity;
    uint32_t period_s;
    uint32_t window_count;
    uint64_t window_s[SUP_INTENSITY_MAX + 1]; // times of restarts in the last period
};

struct supervision {
    struct sup_node nodes[SUP_NODES_MAX];
    uint32_t order[SUP_NODES_MAX]; // all nodes, parents before children, children in start order
    uint32_t count;                // of `order`
    bool ending;                   // sup_end was called, or SUP_ROOT gave up
    bool gave_up;
    bool told_end;
};

enum sup_action_kind {
    SUP_ACT_START,   // start the service; then sup_started or sup_start_failed
    SUP_ACT_ASK,     // ask it to end; then sup_exited
    SUP_ACT_KILL,    // kill it; then sup_exited
    SUP_ACT_FORGET,  // a dynamic service is gone for good: free what belongs to it
    SUP_ACT_STOPPED, // after sup_end: everything is down
    SUP_ACT_GIVE_UP, // SUP_ROOT gave up, everything is down
};

struct sup_action {
    enum sup_action_kind kind;
    uint32_t node;
};

void sup_init(struct supervision *s);
// Add to a group, at the end of its start order; SUP_NONE when the table is full. Services added
// before sup_begin start there; later ones (dynamic) the caller starts itself: then sup_started, or
// sup_service_remove.
uint32_t sup_group_add(struct supervision *s, uint32_t parent, enum sup_strategy strategy,
                       uint32_t intensity, uint32_t period_s);
uint32_t sup_service_add(struct supervision *s, uint32_t parent, enum sup_restart_type restart,
                         uint32_t shutdown_ms, bool dynamic);
// Makes a service one that the system can do without: after too many restarts it is finished.
void sup_service_dispense(struct supervision *s, uint32_t node, uint32_t intensity,
                          uint32_t period_s);
// Removes a service that is down (a dynamic one whose first start failed).
void sup_service_remove(struct supervision *s, uint32_t node);
void sup_begin(struct supervision *s);

// Events. Times are monotonic nanoseconds.
void sup_started(struct supervision *s, uint32_t node);
void sup_start_failed(struct supervision *s, uint32_t node, uint64_t now_ns);
void sup_exited(struct supervision *s, uint32_t node, bool normal, uint64_t now_ns);
void sup_end(struct supervision *s); // orderly end of everything

// The next thing to do now, or false.
bool sup_next(struct supervision *s, uint64_t now_ns, struct sup_action *out);
// When sup_next must be called again even if nothing happens; UINT64_MAX: never.
uint64_t sup_deadline(const struct supervision *s);
// Levels between the node and SUP_ROOT.
uint32_t sup_depth(const struct supervision *s, uint32_t node);

#endif
