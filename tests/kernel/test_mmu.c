// SPDX-License-Identifier: MIT
// Every live page-table entry of the kernel and of every process, held against what it is meant to
// allow. The target suite runs these at its start, from every CPU, and in the middle of a test that
// has mappings of all kinds.
#include "kernel/mm/page.h"
#include "kernel/mm/vmo_internal.h"
#include "kernel/obj/process.h"
#include "kernel/sched/sched.h"
#include "tests/kernel/selftests.h"

#define DATA (MMU_KERNEL_READ | MMU_KERNEL_WRITE | MMU_GLOBAL | MMU_ACCESSED)

// --- the kernel's tables ------------------------------------------------------------------------

// What lies between the start of one row and that of the next.
static const struct row {
    const char *what;
    unsigned bits;
} rows[] = {
    {"text", MMU_KERNEL_READ | MMU_KERNEL_EXEC | MMU_GLOBAL | MMU_ACCESSED},
    {"constants", MMU_KERNEL_READ | MMU_GLOBAL | MMU_ACCESSED},
    {"data", DATA},
    {"devices", DATA | MMU_DEVICE},
    {"physical map", DATA},
    {"physical map of text and constants", MMU_KERNEL_READ | MMU_GLOBAL | MMU_ACCESSED},
    {"nothing", MMU_ODD},
};
enum { ROW_TEXT, ROW_RODATA, ROW_DATA, ROW_DEVICE, ROW_PHYSMAP, ROW_ALIAS, ROW_NOTHING };

static bool within(uint64_t at, uint64_t bytes, uint64_t start, uint64_t end)
{
    return at >= start && bytes <= end - start && at - start <= end - start - bytes;
}

static unsigned row_of(const struct mmu_leaf *l)
{
    vaddr_t text = (vaddr_t)kernel_image_start, rodata = (vaddr_t)kernel_text_end;
    vaddr_t data = (vaddr_t)kernel_rodata_end, end = (vaddr_t)kernel_image_end;
    bool image = within(l->va, l->bytes, text, end);
    if (image && l->pa != arch_image_to_phys((const void *)l->va)) {
        return ROW_NOTHING;
    }
    if (image) {
        return within(l->va, l->bytes, text, rodata)   ? ROW_TEXT
               : within(l->va, l->bytes, rodata, data) ? ROW_RODATA
               : within(l->va, l->bytes, data, end)    ? ROW_DATA
                                                       : ROW_NOTHING;
    }
    if (l->va >= DEVICE_WINDOW) {
        return page_is_ram(l->pa, l->pa + l->bytes) ? ROW_NOTHING : ROW_DEVICE;
    }
    if (l->va < arch_physmap_base || l->va != arch_physmap_base + l->pa) {
        return ROW_NOTHING;
    }
    paddr_t start = arch_image_to_phys(kernel_image_start);
    paddr_t stop = arch_image_to_phys(kernel_rodata_end);
    if (within(l->pa, l->bytes, start, stop)) {
        return ROW_ALIAS;
    }
    return l->pa >= stop || l->pa + l->bytes <= start ? ROW_PHYSMAP : ROW_NOTHING;
}

// Whether an entry's bits are those of its row. Where the format knows no memory types, no entry
// has the bit.
static bool bits_are(unsigned bits, unsigned row)
{
    unsigned wanted = rows[row].bits;
    if (arch_mmu_has_types || row != ROW_DEVICE) {
        return bits == wanted;
    }
    return bits == (wanted & ~(unsigned)MMU_DEVICE);
}

struct census {
    uint64_t leaves, pages[ARRAY_SIZE(rows)];
};

static bool kernel_leaf_check(const struct mmu_leaf *l, void *arg)
{
    struct census *census = arg;
    unsigned row = row_of(l);
    census->leaves++;
    census->pages[row] += l->bytes / PAGE_SIZE;
    if (!bits_are(l->bits, row)) {
        klog("mmu: kernel %lx (%s) -> %lx, %lu bytes: bits %03x, not %03x", l->va, rows[row].what,
             l->pa, l->bytes, l->bits, rows[row].bits);
        return false;
    }
    return true;
}

static uint64_t pages_between(const char *start, const char *end)
{
    return (uint64_t)(end - start) / PAGE_SIZE;
}

static bool the_kernels_tables_allow_what_they_should(void)
{
    struct census c = {0};
    SELFTEST_CHECK(arch_mmu_walk(NULL, kernel_leaf_check, &c));
    // Nothing is missing but the page below each CPU's stack.
    SELFTEST_CHECK(c.pages[ROW_TEXT] == pages_between(kernel_image_start, kernel_text_end));
    SELFTEST_CHECK(c.pages[ROW_RODATA] == pages_between(kernel_text_end, kernel_rodata_end));
    uint64_t data = pages_between(kernel_rodata_end, kernel_image_end);
    SELFTEST_CHECK(c.pages[ROW_DATA] < data && c.pages[ROW_DATA] + CPUS_MAX >= data);
    SELFTEST_CHECK(c.pages[ROW_ALIAS] == c.pages[ROW_TEXT] + c.pages[ROW_RODATA]);
    SELFTEST_CHECK(c.pages[ROW_DEVICE] > 0 && c.pages[ROW_PHYSMAP] > c.pages[ROW_DATA]);
    SELFTEST_CHECK(c.pages[ROW_NOTHING] == 0);
    return true;
}

// --- the processes' -----------------------------------------------------------------------------

struct user_audit {
    struct aspace *as;
    uint64_t leaves;
    bool quiet; // complaints are what the caller wants
};

// A page may be mapped with less than its mapping allows (it is shared), never with more; executing
// comes with reading.
static bool rights_are_allowed(unsigned bits, unsigned prot)
{
    prot |= (prot & VM_EXECUTE) != 0 ? VM_READ : 0;
    return (bits & MMU_USER_READ) != 0 && (prot & VM_READ) != 0 &&
           ((bits & MMU_USER_WRITE) == 0 || (prot & VM_WRITE) != 0) &&
           ((bits & MMU_USER_EXEC) == 0 || (prot & VM_EXECUTE) != 0) &&
           ((bits & MMU_USER_WRITE) == 0 || (bits & MMU_USER_EXEC) == 0);
}

static bool frame_is_allowed(const struct mmu_leaf *l, unsigned cache)
{
    const struct page *p = page_from_phys(l->pa);
    unsigned types = l->bits & (MMU_DEVICE | MMU_UNCACHED);
    unsigned wanted = cache == CACHE_DEVICE     ? MMU_DEVICE
                      : cache == CACHE_UNCACHED ? MMU_UNCACHED
                                                : 0;
    if (arch_mmu_has_types && types != wanted) {
        return false;
    }
    paddr_t image = arch_image_to_phys(kernel_image_start);
    paddr_t image_end = image + (paddr_t)(kernel_image_end - kernel_image_start);
    bool kernels = p != NULL && (p->owner == PAGE_SLAB || p->owner == PAGE_TABLE);
    return !kernels && (l->pa + l->bytes <= image || l->pa >= image_end);
}

static bool user_leaf_check(const struct mmu_leaf *l, void *arg)
{
    struct user_audit *audit = arg;
    const struct mapping *m = mapping_find(audit->as->root, l->va);
    unsigned never = MMU_KERNEL_EXEC | MMU_GLOBAL | MMU_ODD;
    bool good = m != NULL && l->bytes == PAGE_SIZE && l->va >= USER_BASE &&
                l->va < arch_user_top() && (l->bits & never) == 0 &&
                (l->bits & MMU_ACCESSED) != 0 && rights_are_allowed(l->bits, m->prot) &&
                frame_is_allowed(l, m->vmo->cache);
    audit->leaves++;
    if (!good && !audit->quiet) {
        klog("mmu: user %lx -> %lx, %lu bytes: bits %03x, mapping %x", l->va, l->pa, l->bytes,
             l->bits, m != NULL ? m->prot : 0);
    }
    return good;
}

static bool aspace_check(struct aspace *as, struct user_audit *audit)
{
    struct vmar *root = as->root;
    audit->as = as;
    spin_lock(&root->lock);
    bool good = arch_mmu_walk(&as->arch, user_leaf_check, audit);
    spin_unlock(&root->lock);
    return good;
}

// The job after this one in the tree below `top`, children first; NULL at the end. job_lock is
// held.
static struct job *job_next(struct job *job, const struct job *top)
{
    if (!list_empty(&job->children)) {
        return list_entry(job->children.next, struct job, sibling);
    }
    while (job != top && job->sibling.next == &job->parent->children) {
        job = job->parent;
    }
    return job == top ? NULL : list_entry(job->sibling.next, struct job, sibling);
}

static bool all_processes_check(struct user_audit *audit, unsigned *count)
{
    struct job *top = cpu_this()->last->process->job;
    while (top->parent != NULL) {
        top = top->parent;
    }
    for (struct job *job = top; job != NULL; job = job_next(job, top)) {
        list_for_each(it, &job->processes) {
            struct process *p = list_entry(it, struct process, job_node);
            if (!aspace_check(&p->aspace, audit)) {
                klog("mmu: of process %s", p->name);
                return false;
            }
            (*count)++;
        }
    }
    return true;
}

// A process that is in its job's list stays as it is while job_lock is held: its end begins with
// leaving the list.
static bool every_process_maps_what_its_regions_allow(void)
{
    struct user_audit audit = {0};
    unsigned count = 0;
    spin_lock(&job_lock);
    bool good = all_processes_check(&audit, &count);
    spin_unlock(&job_lock);
    SELFTEST_CHECK(good);
    SELFTEST_CHECK(count >= 2 && audit.leaves > 20); // the root supervisor and the test suite
    return true;
}

static bool this_cpu_has_no_identity_map_and_no_way_to_user_memory(void)
{
    return arch_mmu_registers_hold(&aspace_current()->arch);
}

// --- the checks themselves ----------------------------------------------------------------------

struct sample {
    struct mmu_leaf leaf[ARRAY_SIZE(rows)];
};

static bool sample_take(const struct mmu_leaf *l, void *arg)
{
    struct sample *s = arg;
    s->leaf[row_of(l)] = *l;
    return true;
}

// Of each kind of kernel entry, every single bit the other way round (but valid, type and address)
// would be noticed.
static bool a_wrong_bit_in_a_kernel_entry_is_noticed(void)
{
    static struct sample s;
    SELFTEST_CHECK(arch_mmu_walk(NULL, sample_take, &s));
    for (unsigned row = 0; row < ROW_NOTHING; row++) {
        SELFTEST_CHECK(s.leaf[row].entry != NULL);
        uint64_t entry = *s.leaf[row].entry;
        SELFTEST_CHECK(bits_are(arch_mmu_bits(entry), row));
        for (unsigned bit = 0; bit < 64; bit++) {
            bool telling = (arch_mmu_attributes(row == ROW_DEVICE) >> bit & 1) != 0;
            if (telling && bits_are(arch_mmu_bits(entry ^ 1ull << bit), row)) {
                klog("mmu: %s: entry %lx with bit %u changed is taken for good", rows[row].what,
                     entry, bit);
                return false;
            }
        }
    }
    return true;
}

// An address space of the test's own with one page, readable only.
static bool scratch_begin(struct aspace *as, struct job **job)
{
    struct vmo *vmo;
    vaddr_t base;
    SELFTEST_CHECK(job_create(cpu_this()->last->process->job, "selftest", job) == OK);
    SELFTEST_CHECK(aspace_init(as, &(*job)->quota, &(*job)->object) == OK);
    SELFTEST_CHECK(vmo_create(PAGE_SIZE, &(*job)->quota, &(*job)->object, &vmo) == OK);
    SELFTEST_CHECK(vmar_map(as->root, vmo, 0, 0, PAGE_SIZE, VM_READ, VM_READ, &base) == OK);
    object_put(vmo_object(vmo));
    SELFTEST_CHECK(aspace_fault(as, base, PROT_READ) == OK);
    return true;
}

static void scratch_end(struct aspace *as, struct job *job)
{
    while (!aspace_teardown(as)) {
    }
    object_put(&job->object);
}

static bool leaf_take(const struct mmu_leaf *l, void *arg)
{
    *(struct mmu_leaf *)arg = *l;
    return true;
}

static bool flips_are_noticed(struct aspace *as, uint64_t *entry, uint64_t telling)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        struct user_audit audit = {.quiet = true};
        uint64_t good = *entry;
        *entry = good ^ (telling & 1ull << bit); // no CPU has these tables
        bool noticed = !aspace_check(as, &audit);
        *entry = good;
        if (noticed != ((telling >> bit & 1) != 0)) {
            klog("mmu: entry %lx, bit %u: noticed %d", good, bit, noticed);
            return false;
        }
    }
    return true;
}

static bool a_wrong_bit_in_a_user_entry_is_noticed(void)
{
    struct aspace as;
    struct job *job;
    struct mmu_leaf leaf = {0};
    SELFTEST_CHECK(scratch_begin(&as, &job));
    bool good = arch_mmu_walk(&as.arch, leaf_take, &leaf) && leaf.entry != NULL &&
                flips_are_noticed(&as, leaf.entry, arch_mmu_attributes(false));
    scratch_end(&as, job);
    return good;
}

const struct selftest mmu_selftests[] = {
    {"mmu.the_kernels_tables_allow_what_they_should", the_kernels_tables_allow_what_they_should},
    {"mmu.every_process_maps_what_its_regions_allow", every_process_maps_what_its_regions_allow},
    {"mmu.this_cpu_has_no_identity_map_and_no_way_to_user_memory",
     this_cpu_has_no_identity_map_and_no_way_to_user_memory},
    {"mmu.a_wrong_bit_in_a_kernel_entry_is_noticed", a_wrong_bit_in_a_kernel_entry_is_noticed},
    {"mmu.a_wrong_bit_in_a_user_entry_is_noticed", a_wrong_bit_in_a_user_entry_is_noticed},
    {NULL, NULL},
};
