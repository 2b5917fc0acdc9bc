// SPDX-License-Identifier: MIT
// ASIDs on CPUs whose TLBs are modelled: one slot for each number, which remembers the address
// space it was filled from and the version of its one page-table entry. Whatever a CPU finds in its
// TLB must be of the address space it runs on, and not older than the last completed invalidation.
//
// sources: kernel/mm/asid.c kernel/lib/options.c kernel/lib/spinlock.c
// sources: arch/host/cpu.c arch/host/debug.c
#include "cm.h"
#include "kernel/lib/options.h"
#include "kernel/mm/asid.h"
#include <arch/cpu.h>
#include <host.h>
#include <pthread.h>

#define CPUS   6u
#define SPACES 48u
#define BITS   5u
#define ROUNDS 60000u

static struct tlb {
    pthread_mutex_t lock; // a walk and what it fills in are one step, and so is an invalidation
    struct {
        const struct space *space;
        uint64_t version;
    } slot[1u << BITS];
} tlbs[HOST_CPUS];

static struct space {
    struct arch_aspace as;
    pthread_mutex_t lock;        // as the address space's lock: of invalidations
    uint64_t version, completed; // atomic
} spaces[SPACES];

static unsigned flushes;

void arch_tlb_flush_all(void)
{
    for (unsigned cpu = 0; cpu < HOST_CPUS; cpu++) {
        pthread_mutex_lock(&tlbs[cpu].lock);
        memset(tlbs[cpu].slot, 0, sizeof(tlbs[cpu].slot));
        pthread_mutex_unlock(&tlbs[cpu].lock);
    }
    flushes++;
}

static void drop(unsigned cpu, uint64_t number)
{
    pthread_mutex_lock(&tlbs[cpu].lock);
    tlbs[cpu].slot[number].space = NULL;
    pthread_mutex_unlock(&tlbs[cpu].lock);
}

static void enter(unsigned cpu, struct space *s)
{
    if (asid_enter(&s->as)) {
        drop(cpu, asid_of(&s->as));
    }
}

static void access(unsigned cpu, const struct space *s, uint64_t number)
{
    pthread_mutex_lock(&tlbs[cpu].lock);
    uint64_t completed = __atomic_load_n(&s->completed, __ATOMIC_SEQ_CST);
    if (tlbs[cpu].slot[number].space == NULL) {
        tlbs[cpu].slot[number].space = s;
        tlbs[cpu].slot[number].version = __atomic_load_n(&s->version, __ATOMIC_SEQ_CST);
    }
    if (tlbs[cpu].slot[number].space != s || tlbs[cpu].slot[number].version < completed) {
        fail_msg("CPU %u, number %lu: %s", cpu, (unsigned long)number,
                 tlbs[cpu].slot[number].space != s ? "another's entry" : "an old entry");
    }
    pthread_mutex_unlock(&tlbs[cpu].lock);
}

static void invalidate(unsigned cpu, struct space *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t version = __atomic_add_fetch(&s->version, 1, __ATOMIC_SEQ_CST);
    uint32_t others = asid_others(&s->as);
    uint64_t number = asid_of(&s->as);
    if (asid_is_here(&s->as)) {
        drop(cpu, number);
    }
    for (; others != 0; others &= others - 1) {
        drop((unsigned)__builtin_ctz(others), number);
    }
    __atomic_store_n(&s->completed, version, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&s->lock);
}

static void *cpu_run(void *arg)
{
    unsigned cpu = (unsigned)(uintptr_t)arg;
    uint64_t seed = cpu + 1;
    host_cpu_set(cpu);
    for (unsigned i = 0; i < ROUNDS; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        struct space *s = &spaces[(seed >> 40) % (i % 4 == 0 ? SPACES : 3)]; // three are popular
        enter(cpu, s);
        uint64_t number = asid_of(&s->as); // stays while the CPU runs on it
        for (unsigned k = 0; k < 4; k++) {
            access(cpu, s, number);
        }
        if (seed >> 60 < 4) {
            invalidate(cpu, &spaces[(seed >> 33) % 4]);
            access(cpu, s, number);
        }
        if (seed >> 60 == 7 && asid_enter(NULL)) {
            fail_msg("nothing to drop for no address space");
        }
    }
    (void)!asid_enter(NULL);
    return NULL;
}

static int setup(void **state)
{
    (void)state;
    memset(spaces, 0, sizeof(spaces));
    for (unsigned i = 0; i < SPACES; i++) {
        pthread_mutex_init(&spaces[i].lock, NULL);
    }
    for (unsigned i = 0; i < HOST_CPUS; i++) {
        pthread_mutex_init(&tlbs[i].lock, NULL);
        memset(tlbs[i].slot, 0, sizeof(tlbs[i].slot));
    }
    host_cpu_set(0);
    return 0;
}

// First, because numbers go up from where the test before left them.
static void few_bits_are_as_good_as_none(void **state)
{
    (void)state;
    options.asid_bits = 16;
    asid_init(ASID_BITS_LEAST - 1);
    assert_int_equal(asid_bits, 0);
    assert_true(asid_enter(&spaces[0].as));
    assert_int_equal(asid_of(&spaces[0].as), 0);
    assert_true(asid_enter(&spaces[1].as));
    assert_int_equal(asid_of(&spaces[1].as), 0);
    assert_false(asid_enter(NULL));
}

static void the_option_takes_bits_away_and_adds_none(void **state)
{
    (void)state;
    options.asid_bits = 8;
    asid_init(16);
    assert_int_equal(asid_bits, 8);
    options.asid_bits = 16;
    asid_init(8);
    assert_int_equal(asid_bits, 8);
}

static void only_cpus_that_run_on_it_are_told(void **state)
{
    (void)state;
    struct arch_aspace *as = &spaces[0].as;
    asid_init(16);
    host_cpu_set(1);
    assert_true(asid_enter(as));
    assert_false(asid_enter(as)); // nothing was invalidated since
    assert_int_equal(asid_others(as), 0);
    host_cpu_set(2);
    assert_int_equal(asid_others(as), 1u << 1);
    assert_false(asid_is_here(as));
    assert_true(asid_enter(as));
    assert_true(asid_is_here(as));
    host_cpu_set(1);
    assert_int_equal(asid_others(as), 1u << 2);
    assert_false(asid_enter(NULL));
    assert_false(asid_enter(as)); // left and came back: what it holds is good
    assert_false(asid_enter(NULL));
    host_cpu_set(2);
    assert_int_equal(asid_others(as), 0); // CPU 1 holds it, but does not run on it
    assert_false(asid_enter(NULL));
    assert_int_equal(asid_running(as), 0);
    host_cpu_set(1);
    assert_true(asid_enter(as)); // and drops it before it does
    assert_int_equal(asid_running(as), 1u << 1);
    assert_false(asid_enter(NULL));
}

static void numbers_run_out_under_running_cpus(void **state)
{
    (void)state;
    pthread_t threads[CPUS];
    asid_init(BITS);
    for (uintptr_t cpu = 0; cpu < CPUS; cpu++) {
        assert_int_equal(pthread_create(&threads[cpu], NULL, cpu_run, (void *)cpu), 0);
    }
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        pthread_join(threads[cpu], NULL);
    }
    assert_true(flushes > 100);
    for (unsigned i = 0; i < SPACES; i++) {
        assert_int_equal(asid_running(&spaces[i].as), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(few_bits_are_as_good_as_none, setup),
        cmocka_unit_test_setup(the_option_takes_bits_away_and_adds_none, setup),
        cmocka_unit_test_setup(only_cpus_that_run_on_it_are_told, setup),
        cmocka_unit_test_setup(numbers_run_out_under_running_cpus, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
