// SPDX-License-Identifier: MIT
// Quotas: what a job and its descendants use, and may use. A charge goes to the job and to every
// ancestor, or to none. Each job embeds one struct quota; mm charges pages through it without
// knowing what a job is.
#ifndef KERNEL_LIB_QUOTA_H
#define KERNEL_LIB_QUOTA_H

#include "kernel/lib/types.h"

struct quota {
    struct quota *parent; // NULL for the root; the embedding job keeps its parent alive
    uint64_t used[LIMIT_KINDS];
    uint64_t limit[LIMIT_KINDS];
};

void quota_init(struct quota *q, struct quota *parent); // all limits UINT64_MAX
// Charges n units to q and all ancestors. ERR_QUOTA, with nothing charged, if any would pass its
// limit.
status_t quota_charge(struct quota *q, enum limit_kind kind, uint64_t n) MUST_CHECK;
void quota_release(struct quota *q, enum limit_kind kind, uint64_t n);
void quota_set_limit(struct quota *q, enum limit_kind kind, uint64_t limit);

#endif
