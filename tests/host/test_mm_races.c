// SPDX-License-Identifier: MIT
// Four CPUs at once on the same VMOs and address spaces: faults against unmapping, clones against
// writes, sweeps against sweeps. Nothing can be said about the order of what they do, so what is
// checked is that no page ever shows data of a VMO it does not belong to, that calls fail only as
// they may, that locks keep their order (debug builds panic), and that nothing leaks.
//
// sources: kernel/mm/vmo.c kernel/mm/vmo_page.c kernel/mm/vmo_sweep.c kernel/mm/vmo_clone.c kernel/mm/page_tree.c
// sources: kernel/mm/aspace.c kernel/mm/vmar.c kernel/mm/vmar_place.c kernel/mm/mapping.c
// sources: kernel/lib/object.c kernel/lib/spinlock.c kernel/lib/rbtree.c kernel/lib/random.c
// sources: arch/host/cpu.c arch/host/debug.c arch/host/physmap.c arch/host/aspace.c arch/host/timer.c
#include "mm_setup.h"

#include <arch/cpu.h>
#include <pthread.h>
#include <sched.h>

#define CPUS   4u
#define SPACES 2u
#define VMOS   3u
#define PAGES  200u
#define ROUNDS 20000u
#define RW     (VM_READ | VM_WRITE)
#define RX     (VM_READ | VM_EXECUTE)
#define BASE   0x40000000ull
#define WINDOW (PAGES * 2) // pages of user space that mappings go to

static struct aspace spaces[SPACES];
static struct vmo *vmos[VMOS];
static bool stop; // atomic

// Every word ever written to VMO i says so; zero is what fresh pages say.
static uint64_t tagged(unsigned i, uint64_t value) { return (uint64_t)(i + 1) << 56 | value >> 8; }

static void check_tag(unsigned i, uint64_t word)
{
    if (word != 0 && word >> 56 != i + 1) {
        fail_msg("VMO %u shows 0x%lx", i, word);
    }
}

static void expect(status_t st, status_t a, status_t b)
{
    if (st != OK && st != a && st != b) {
        fail_msg("status %d", st);
    }
}

// A clone shows its source's words, can be written, and goes again.
static void clone_round(unsigned i, uint64_t first, uint64_t n, uint64_t value)
{
    struct vmo *c = NULL;
    status_t st = FINISH(vmo_clone(vmos[i], first * PAGE_SIZE, n * PAGE_SIZE, &job, NULL, &c));
    expect(st, ERR_OUT_OF_RANGE, OK); // the source may have shrunk
    if (st != OK) {
        return;
    }
    for (uint64_t p = 0; p < n; p += 5) {
        check_tag(i, vmo_peek(c, p));
    }
    vmo_put(c, value % n, ~0ull); // nobody else may ever see this
    vmo_drop_ref(c);
    // The arena is small: when the host gives the reaper's thread little time, dead clones would
    // fill it.
    while (object_reap_pending()) {
        sched_yield();
    }
}

static void space_round(struct aspace *as, unsigned i, uint64_t *seed)
{
    vaddr_t at = BASE + test_random(seed) % WINDOW * PAGE_SIZE, base;
    uint64_t len = (1 + test_random(seed) % 30) * PAGE_SIZE;
    unsigned kind = test_random(seed) % 12;
    unsigned prot = test_random(seed) % 3 == 0 ? PROT_WRITE : PROT_READ;
    switch (kind) {
    case 0: expect(FINISH(vmar_unmap(as->root, at, len)), OK, OK); break;
    case 1:
        expect(FINISH(vmar_protect(as->root, at, len, test_random(seed) % 2 ? RX : RW)),
               ERR_NOT_FOUND, OK);
        break;
    case 2:
    case 3: {
        status_t st = vmar_map(as->root, vmos[i], 0, at, len, RW | VM_FIXED, RW | RX, &base);
        expect(st, ERR_EXISTS, ERR_OUT_OF_RANGE);
        break;
    }
    default: expect(aspace_fault(as, at, prot), ERR_BAD_ADDRESS, OK); break;
    }
}

static void vmo_round(unsigned i, uint64_t *seed)
{
    uint64_t first = test_random(seed) % PAGES, n = 1 + test_random(seed) % (PAGES - first);
    uint64_t word = tagged(i, test_random(seed));
    switch (test_random(seed) % 8) {
    case 0: clone_round(i, first, n, word); break;
    case 1:
        expect(FINISH(vmo_decommit(vmos[i], first * PAGE_SIZE, n * PAGE_SIZE)), ERR_OUT_OF_RANGE,
               OK);
        break;
    case 2: expect(FINISH(vmo_resize(vmos[i], (PAGES - first % 50) * PAGE_SIZE)), OK, OK); break;
    case 3:
        expect(FINISH(vmo_commit(vmos[i], first * PAGE_SIZE, n % 20 * PAGE_SIZE)), ERR_OUT_OF_RANGE,
               OK);
        break;
    case 4:
    case 5:
        expect(FINISH(vmo_write(vmos[i], first * PAGE_SIZE + 8, &word, 8)), ERR_OUT_OF_RANGE, OK);
        break;
    default:
        word = 0;
        expect(vmo_read(vmos[i], first * PAGE_SIZE + 8, &word, 8), ERR_OUT_OF_RANGE, OK);
        check_tag(i, word);
        break;
    }
}

static void *cpu_main(void *arg)
{
    uint32_t cpu = (uint32_t)(uintptr_t)arg;
    host_cpu_set(cpu);
    arch_percpu()->current = (struct thread *)(uintptr_t)(0x1000 + cpu); // told apart, never
                                                                         // followed
    uint64_t seed = 1234 + cpu;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned i = test_random(&seed) % VMOS;
        if (test_random(&seed) % 2 == 0) {
            space_round(&spaces[cpu % SPACES], i, &seed);
        } else {
            vmo_round(i, &seed);
        }
    }
    return NULL;
}

static void *reaper_main(void *arg)
{
    host_cpu_set((uint32_t)(uintptr_t)arg);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        if (!object_reap_slice()) {
            arch_relax();
        }
    }
    return NULL;
}

static void four_cpus_on_the_same_memory_keep_it_consistent(void **state)
{
    (void)state;
    pthread_t threads[CPUS], reaper;
    for (unsigned s = 0; s < SPACES; s++) {
        assert_int_equal(aspace_init(&spaces[s], &job, NULL), OK);
    }
    for (unsigned i = 0; i < VMOS; i++) {
        vmos[i] = vmo_make(PAGES);
    }
    stop = false;
    pthread_create(&reaper, NULL, reaper_main, (void *)(uintptr_t)CPUS);
    for (unsigned c = 0; c < CPUS; c++) {
        pthread_create(&threads[c], NULL, cpu_main, (void *)(uintptr_t)c);
    }
    for (unsigned c = 0; c < CPUS; c++) {
        pthread_join(threads[c], NULL);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    pthread_join(reaper, NULL);
    for (unsigned i = 0; i < VMOS; i++) {
        for (uint64_t p = 0; p < vmo_size(vmos[i]) / PAGE_SIZE; p++) {
            check_tag(i, vmo_peek(vmos[i], p));
        }
        vmo_drop_ref(vmos[i]);
    }
    for (unsigned s = 0; s < SPACES; s++) {
        while (!aspace_teardown(&spaces[s])) {
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MM_TEST(four_cpus_on_the_same_memory_keep_it_consistent),
    };
    return cmocka_run_group_tests(tests, machine_setup, NULL);
}
