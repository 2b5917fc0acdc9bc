// SPDX-License-Identifier: MIT
// Scalar types and constants of the contract between kernel and user programs. The numbers of
// errors, object types, rights and system calls come from abi/abi.toml (gen/abi_constants.h); what
// stands here are the structures that system calls read and write. Every layout is fixed and
// checked.
#ifndef ABI_TYPES_H
#define ABI_TYPES_H

#include <gen/abi_constants.h>
#include <stdint.h>

#ifndef static_assert // C17 spells it _Static_assert; <assert.h> is not there without a C library
#define static_assert _Static_assert
#endif

typedef int32_t status_t;  // OK (0) or a negative ERR_* value
typedef uint32_t handle_t; // 0 (HANDLE_NONE) is never valid; bits 0-15 index, bits 16-31 generation
typedef uint32_t rights_t;

#define HANDLE_NONE ((handle_t)0)
#define RIGHTS_SAME ((rights_t)0x80000000)

#define ABI_PAGE_SIZE       4096u
#define SELFTEST_NAME_BYTES 64u
#define NAME_MAX_BYTES      32u // names of jobs, processes, threads, with the terminating zero
#define DEADLINE_NEVER      UINT64_MAX
#define DEADLINE_POLL       0ull
#define BLOCK_SLACK_NS      50000ull // blocking calls time out at their deadline or so much later
#define JOB_DEPTH_MAX       16u
#define VMO_COPY_MAX        65536u
#define RANDOM_MAX          256u
#define LOG_LINE_MAX        512u

// Weights are relative shares of the CPU.
#define WEIGHT_MIN     1u
#define WEIGHT_DEFAULT 1024u
#define WEIGHT_MAX     65536u

// vmar_map, vmar_protect, vmar_allocate
#define VM_READ    1u
#define VM_WRITE   2u
#define VM_EXECUTE 4u
#define VM_FIXED   8u

// vmo_create_physical
#define CACHE_NORMAL   0u
#define CACHE_DEVICE   1u
#define CACHE_UNCACHED 2u

// vmo_create_contiguous
#define VMO_BELOW_4G 1u // every byte has a physical address of 32 bits

#define IRQ_LEVEL 0u
#define IRQ_EDGE  1u

#define POWER_OFF     0u
#define POWER_RESTART 1u

enum limit_kind {
    LIMIT_PAGES = 0,
    LIMIT_HANDLES = 1,
    LIMIT_THREADS = 2,
    LIMIT_PROCESSES = 3,
    LIMIT_OBJECTS = 4, // kernel objects of every other type
    LIMIT_KINDS = 5,
};

enum resource_kind {
    RESOURCE_ROOT = 0,
    RESOURCE_MMIO = 1, // range of physical addresses
    RESOURCE_IRQ = 2,  // range of interrupt lines
    RESOURCE_DMA = 3,
    RESOURCE_LOG = 4,
    RESOURCE_POWER = 5,
    RESOURCE_CLOCK = 6,
    RESOURCE_KINDS = 7,
};

enum enumerate_kind { ENUMERATE_JOBS = 0, ENUMERATE_PROCESSES = 1 };

enum process_state { PROCESS_NEW = 0, PROCESS_RUNNING = 1, PROCESS_DYING = 2, PROCESS_DEAD = 3 };

enum thread_state { THREAD_NEW = 0, THREAD_RUNNABLE = 1, THREAD_BLOCKED = 2, THREAD_DEAD = 3 };

enum exit_reason { EXIT_NONE = 0, EXIT_NORMAL = 1, EXIT_KILLED = 2, EXIT_FAULT = 3 };

enum fault_kind {
    FAULT_NONE = 0,
    FAULT_READ = 1,    // load from an address that may not be read
    FAULT_WRITE = 2,   // store to an address that may not be written
    FAULT_EXECUTE = 3, // instruction fetch from an address that may not be executed
    FAULT_ILLEGAL = 4, // undefined or privileged instruction
    FAULT_BREAKPOINT = 5,
    FAULT_ALIGNMENT = 6, // unaligned access or unaligned PC/SP
    FAULT_MEMORY = 7,    // lazily allocated page could not be had: quota or memory exhausted
    FAULT_BUS = 8,       // external abort
    FAULT_OTHER = 9,
    FAULT_BAD_SYSCALL = 10, // system call number outside the table
};

struct handle_info {
    uint32_t type;
    rights_t rights;
    uint64_t object_id; // never reused
    uint64_t badge;
};
static_assert(sizeof(struct handle_info) == 24, "ABI layout");

struct job_info {
    uint64_t id;
    uint64_t used[LIMIT_KINDS];
    uint64_t limit[LIMIT_KINDS]; // UINT64_MAX: none
    uint32_t child_jobs;
    uint32_t processes;
    char name[NAME_MAX_BYTES];
};
static_assert(sizeof(struct job_info) == 128, "ABI layout");

struct process_info {
    uint64_t id;
    uint32_t state;       // enum process_state
    uint32_t exit_reason; // enum exit_reason
    uint32_t exit_code;
    uint32_t fault_kind;    // enum fault_kind
    uint64_t fault_address; // address accessed
    uint64_t fault_pc;
    uint64_t run_time_ns; // CPU time of all its threads
    uint64_t start_time_ns;
    uint64_t pages; // resident pages mapped in its address space
    uint32_t threads;
    uint32_t handles;
    char name[NAME_MAX_BYTES];
};
static_assert(sizeof(struct process_info) == 104, "ABI layout");

struct thread_info {
    uint64_t id;
    uint32_t state; // enum thread_state
    uint32_t weight;
    uint64_t run_time_ns;
    char name[NAME_MAX_BYTES];
};
static_assert(sizeof(struct thread_info) == 56, "ABI layout");

enum vmo_kind { VMO_ANONYMOUS = 0, VMO_PHYSICAL = 1, VMO_CONTIGUOUS = 2 };

struct vmo_info {
    uint64_t id;
    uint64_t size;
    uint64_t committed_bytes;
    uint32_t kind; // enum vmo_kind
    uint32_t cache;
};
static_assert(sizeof(struct vmo_info) == 32, "ABI layout");

struct system_info {
    uint64_t ram_bytes;
    uint64_t free_bytes;
    uint64_t kernel_bytes; // kernel image and page metadata
    uint64_t slab_bytes;   // kernel objects
    uint64_t page_table_bytes;
    uint64_t uptime_ns;
    uint64_t idle_ns;
    uint64_t context_switches;
    uint32_t cpus;
    uint32_t processes;
    uint32_t threads;
    uint32_t handles;
    uint64_t user_pages; // pages held by VMOs
    char arch[16];
    char version[32];
};
static_assert(sizeof(struct system_info) == 136, "ABI layout");

// Tables of statistics that system_query reads entry by entry.
enum query_kind {
    QUERY_CPU = 0,        // struct cpu_stats, by CPU number
    QUERY_SLAB = 1,       // struct slab_stats, by object cache
    QUERY_ZONE = 2,       // struct zone_stats, by zone of physical memory
    QUERY_PAGE_OWNER = 3, // struct page_owner_stats, by owner
    QUERY_PAGE_CACHE = 4, // struct page_cache_stats, by CPU number
    QUERY_LOCK = 5,  // struct lock_stats, by CPU number * LOCK_RANKS_MAX + rank; builds that count
    QUERY_TRACE = 6, // struct trace_record (abi/trace.h), by CPU number << 32 | age, oldest first
    QUERY_KINDS = 7,
};

struct cpu_stats {
    uint32_t id;
    uint32_t online; // 1: runs threads
    uint64_t hw_id;  // hart id, or MPIDR affinity
    uint64_t idle_ns;
    uint64_t switches; // from one thread to another, or to idling
    uint64_t syscalls; // counted by debug kernels only
    uint64_t timer_interrupts;
    uint64_t timer_void;   // of these, found nothing to do
    uint64_t timers_fired; // several may share an interrupt
    uint64_t kicks;        // interrupts from other CPUs
    uint64_t kicks_void;
    uint64_t steals;     // threads taken from other CPUs
    uint64_t tlb_remote; // times it had the TLBs of other CPUs invalidated
};
static_assert(sizeof(struct cpu_stats) == 96, "ABI layout");

// How often a CPU has taken locks of a rank, and gone round waiting for them; and what 1,000 of
// each cost in a release build (nanoseconds; under QEMU's -icount instructions).
#define LOCK_RANKS_MAX 96u
struct lock_stats {
    uint64_t taken;
    uint64_t spins;
    uint64_t take_cost;
    uint64_t spin_cost;
};
static_assert(sizeof(struct lock_stats) == 32, "ABI layout");

struct slab_stats {
    uint32_t object_bytes;
    uint32_t per_slab; // objects
    uint64_t in_use;   // objects
    uint64_t slabs;
    uint64_t slab_bytes; // of one slab
    char name[NAME_MAX_BYTES];
    uint64_t cached; // objects in CPUs' magazines
    uint64_t hits;   // allocations out of a magazine
    uint64_t misses; // those that found it empty
};
static_assert(sizeof(struct slab_stats) == 88, "ABI layout");

struct zone_stats {
    uint64_t pages;
    uint64_t free_pages;          // without those in CPUs' caches
    uint64_t untouched_pages;     // not yet taken up by the allocator; part of the free ones
    uint64_t largest_block_pages; // free, in one piece, of those taken up
    char name[NAME_MAX_BYTES];
};
static_assert(sizeof(struct zone_stats) == 64, "ABI layout");

struct page_owner_stats {
    uint64_t pages;
    char name[NAME_MAX_BYTES];
};
static_assert(sizeof(struct page_owner_stats) == 40, "ABI layout");

struct page_cache_stats {
    uint64_t pages;  // free pages that the CPU keeps
    uint64_t hits;   // allocations out of them
    uint64_t misses; // those that found none
};
static_assert(sizeof(struct page_cache_stats) == 24, "ABI layout");

#endif
