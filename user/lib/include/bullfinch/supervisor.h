// SPDX-License-Identifier: MIT
// The supervisor's protocol: what the shell uses for tree, ps and kill, and the device manager to
// have drivers supervised. Label = enum sup_op; the reply's word 0 is a status. What a handle may
// be used for is stated in the manifest (`give NAME supervisor list kill ...`); the rest gives
// ERR_ACCESS_DENIED.
#ifndef BULLFINCH_SUPERVISOR_H
#define BULLFINCH_SUPERVISOR_H

#include "abi/ipc.h"

enum sup_op {
    SUP_LIST = 1, // w0 index. Reply: data struct sup_service; ERR_NOT_FOUND past the end
    SUP_KILL = 2, // data name: kills the service's process; its restart type decides what follows.
                  // ERR_NOT_FOUND: no service of that name runs; ERR_NOT_SUPPORTED: a group
    SUP_SHUTDOWN = 3, // w0 POWER_OFF or POWER_RESTART: stops services in reverse order, then the
                      // machine; no reply on success
    SUP_RUN_DONE = 4, // w0 exit code; data reason text: the program of a `run=` boot is finished;
                      // the machine powers off, no reply
    SUP_START = 5,    // data struct sup_child, its handles: starts and from now on supervises a
                   // permanent service in the caller's own group. ERR_EXISTS if it runs already: a
                   // restarted caller finds its work done
};

enum sup_state { SUP_STOPPED = 0, SUP_RUNNING = 1, SUP_RESTARTING = 2, SUP_FAILED = 3 };
enum sup_restart { SUP_PERMANENT = 0, SUP_TRANSIENT = 1, SUP_TEMPORARY = 2 };

struct sup_service {
    char name[NAME_MAX_BYTES];
    char last_exit[64]; // in words, "" if it never ended
    uint64_t process_id;
    uint64_t up_since_ns;
    uint32_t state;   // enum sup_state
    uint32_t restart; // enum sup_restart
    uint32_t restarts;
    uint32_t depth; // in the supervision tree, 0 = root
};
static_assert(sizeof(struct sup_service) == 128, "protocol layout");

// A service that another one asks for (SUP_START): a driver, by the device manager. All texts end
// with a zero byte.
struct sup_child {
    char name[NAME_MAX_BYTES];
    char program[64];                  // path in the boot image
    char arg[64];                      // its args[1]; "" for none
    char handles[MSG_HANDLES_MAX][28]; // startup names of the message's handles, in their order
    uint32_t dispensable;              // 1: given up alone when it dies too often, not its group
};
static_assert(sizeof(struct sup_child) == 388, "protocol layout");

#endif
