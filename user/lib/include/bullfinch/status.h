// SPDX-License-Identifier: MIT
// Statuses, faults and ends of processes in words, for messages. All texts are static; any thread
// may call.
#ifndef BULLFINCH_STATUS_H
#define BULLFINCH_STATUS_H

#include "abi/types.h"
#include <stddef.h>

const char *status_text(status_t s);
const char *fault_text(uint32_t kind); // enum fault_kind
// How a process ended: "exit 3", "killed", "write to an address that may not be written at 0x0".
// size >= 64 never cuts it.
void exit_text(const struct process_info *info, char *buf, size_t size);

#endif
