// SPDX-License-Identifier: MIT
// Quotas. One lock guards all of them: a charge changes the whole path to the root at once, and
// paths meet at the root, so locks of their own would all contend there anyway. The depth of the
// job tree is bounded (JOB_DEPTH_MAX), and so is the time the lock is held.
#include "kernel/lib/quota.h"

#include "kernel/debug/log.h"
#include "kernel/lib/spinlock.h"

static struct spinlock quota_lock = SPINLOCK_INIT("quota", LOCK_QUOTA);

void quota_init(struct quota *q, struct quota *parent)
{
    q->parent = parent;
    for (unsigned kind = 0; kind < LIMIT_KINDS; kind++) {
        q->used[kind] = 0;
        q->limit[kind] = UINT64_MAX;
    }
}

static bool fits_locked(const struct quota *q, enum limit_kind kind, uint64_t n)
{
    for (; q != NULL; q = q->parent) {
        // A limit may have been lowered below what is in use.
        if (q->used[kind] > q->limit[kind] || n > q->limit[kind] - q->used[kind]) {
            return false;
        }
    }
    return true;
}

status_t quota_charge(struct quota *q, enum limit_kind kind, uint64_t n)
{
    ASSERT(kind < LIMIT_KINDS);
    spin_lock(&quota_lock);
    bool fits = n == 0 || fits_locked(q, kind, n);
    for (; fits && q != NULL; q = q->parent) {
        q->used[kind] += n;
    }
    spin_unlock(&quota_lock);
    return fits ? OK : ERR_QUOTA;
}

void quota_release(struct quota *q, enum limit_kind kind, uint64_t n)
{
    ASSERT(kind < LIMIT_KINDS);
    spin_lock(&quota_lock);
    for (; q != NULL; q = q->parent) {
        if (q->used[kind] < n) {
            panic("quota %p: releases %lu units of kind %u, uses %lu", (void *)q, n, kind,
                  q->used[kind]);
        }
        q->used[kind] -= n;
    }
    spin_unlock(&quota_lock);
}

void quota_set_limit(struct quota *q, enum limit_kind kind, uint64_t limit)
{
    ASSERT(kind < LIMIT_KINDS);
    spin_lock(&quota_lock);
    q->limit[kind] = limit;
    spin_unlock(&quota_lock);
}
