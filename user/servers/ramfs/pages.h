// SPDX-License-Identifier: MIT
// Pages for file contents: one large VMO, mapped whole, of which a page is committed when it is
// handed out and given back when it is freed. A job at its limit therefore shows as "no page",
// never as a fault.
#ifndef RAMFS_PAGES_H
#define RAMFS_PAGES_H

#include <abi/types.h>

#define PAGES_MAX 262144u // 1 GiB

// Reserves the address range. Once, before the rest.
status_t pages_init(handle_t vmar);
// A zeroed page, or NULL. `context` is not used (struct node_memory).
void *page_get(void *context);
void page_put(void *context, void *page);

#endif
