// SPDX-License-Identifier: MIT
// Traps: faults that are resolved and faults that kill, unknown system calls, restarted ones, what
// the dispatcher checks of every argument, and random calls by random threads while allocations
// fail.
#include "obj_setup.h"

#include <gen/sys_negative.h>

// --- faults -------------------------------------------------------------------------------------

static void fault(struct thread *t, enum fault_kind kind, uint64_t address)
{
    const struct fault_info f = {
        .kind = kind, .address = address, .pc = USER_PC + 8, .cause = 0x1234};
    become(t);
    enter(ENTER_FAULT, &f);
}

// The whole log.
static const char *log_text(void)
{
    static char text[128 * 1024];
    uint64_t position = 0;
    size_t n = klog_read(&position, text, sizeof(text) - 1);
    text[n] = '\0';
    return text;
}

static void a_fault_on_nothing_kills_the_process_and_says_why(void **state)
{
    (void)state;
    const struct {
        enum fault_kind kind;
        const char *text;
    } kinds[] = {{FAULT_READ, "not readable"},      {FAULT_WRITE, "not writable"},
                 {FAULT_EXECUTE, "not executable"}, {FAULT_ILLEGAL, "illegal"},
                 {FAULT_BREAKPOINT, "breakpoint"},  {FAULT_ALIGNMENT, "unaligned"},
                 {FAULT_BUS, "bus error"},          {FAULT_OTHER, "unknown exception"}};
    struct thread *bystander = actor();
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct thread *t = actor(), *second = thread_make(t->process);
        fault(t, kinds[i].kind, i % 2 ? 0 : UINT64_MAX);
        settle();
        struct process_info info;
        process_info(t->process, &info);
        assert_int_equal(info.state, PROCESS_DEAD);
        assert_int_equal(info.exit_reason, EXIT_FAULT);
        assert_int_equal(info.fault_kind, kinds[i].kind);
        assert_int_equal(info.fault_address, i % 2 ? 0 : UINT64_MAX);
        assert_int_equal(info.fault_pc, USER_PC + 8);
        assert_int_equal(second->state, THREAD_DEAD);
        assert_non_null(strstr(log_text(), kinds[i].text));
    }
    assert_int_equal(kernel_call(bystander, SYS_NULL), OK);
}

static uint64_t map_pages(struct thread *t, unsigned pages, unsigned flags)
{
    handle_t vmar = give(t->process, vmar_object(t->process->aspace.root), RIGHTS_DEFAULT_VMAR);
    handle_t vmo = kernel_make(t, SYS_VMO_CREATE, pages * PAGE_SIZE);
    assert_int_equal(kernel_call(t, SYS_VMAR_MAP, vmar, vmo, 0, 0, pages * PAGE_SIZE, flags), OK);
    return result(t, 0);
}

static void a_first_touch_is_resolved_and_a_forbidden_one_kills(void **state)
{
    (void)state;
    struct thread *t = actor();
    uint64_t at = map_pages(t, 2, VM_READ | VM_WRITE), fixed = map_pages(t, 1, VM_READ);
    paddr_t pa;
    unsigned prot;
    fault(t, FAULT_WRITE, at + PAGE_SIZE + 5);
    assert_ptr_equal(running, t);
    assert_true(arch_aspace_query(&t->process->aspace.arch, at + PAGE_SIZE, &pa, &prot));
    assert_false(arch_aspace_query(&t->process->aspace.arch, at, &pa, &prot));
    fault(t, FAULT_READ, fixed);
    assert_ptr_equal(running, t);
    fault(t, FAULT_WRITE, fixed);
    assert_int_equal(t->state, THREAD_DEAD);
    struct thread *u = actor();
    fault(u, FAULT_EXECUTE, map_pages(u, 1, VM_READ | VM_WRITE));
    assert_int_equal(u->state, THREAD_DEAD);
}

static void no_memory_for_a_touch_is_said_as_such(void **state)
{
    (void)state;
    struct thread *t = actor();
    uint64_t at = map_pages(t, 2, VM_READ | VM_WRITE);
    quota_set_limit(&test_job->quota, LIMIT_PAGES, 0);
    fault(t, FAULT_WRITE, at);
    settle();
    assert_int_equal(t->process->fault.kind, FAULT_MEMORY);
    assert_int_equal(t->process->fault.address, at);
}

// A dead process's memory is not free at once. Whoever needs it meanwhile is made to wait.
static void memory_of_the_dead_is_waited_for(void **state)
{
    (void)state;
    struct thread *t = actor();
    uint64_t at = map_pages(t, 2, VM_READ | VM_WRITE);
    process_die(actor()->process, EXIT_KILLED, 0, NULL);
    fail_order(2); // the first is a charge
    fault(t, FAULT_WRITE, at);
    assert_true(failed);
    assert_int_not_equal(t->state, THREAD_DEAD);
    settle(); // now nobody is dead
    fail_order(2);
    fault(t, FAULT_WRITE, at);
    assert_int_equal(t->state, THREAD_DEAD);
    settle();
    assert_int_equal(t->process->fault.kind, FAULT_MEMORY);
}

static void an_unknown_system_call_kills_the_process(void **state)
{
    (void)state;
    const uint64_t numbers[] = {SYS_COUNT, SYS_COUNT + 1, 0xffffffffull, 1ull << 32, UINT64_MAX};
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct thread *t = actor();
        assert_int_equal(kernel_call(t, numbers[i], 0), STATUS_DEAD);
        settle();
        assert_int_equal(t->process->exit_reason, EXIT_FAULT);
        assert_int_equal(t->process->fault.kind, FAULT_BAD_SYSCALL);
        assert_int_equal(t->process->fault.address, numbers[i]);
        assert_non_null(strstr(log_text(), "unknown system call"));
    }
}

static void interrupts_are_taken_between_the_slices_of_a_call(void **state)
{
    (void)state;
    struct thread *t = actor(), *sleeper = actor();
    handle_t n = kernel_make(sleeper, SYS_NOTIFICATION_CREATE);
    handle_t thing = kernel_make(t, SYS_NOTIFICATION_CREATE);
    for (unsigned i = 0; i < 200; i++) {
        kernel_make(t, SYS_HANDLE_DUPLICATE, thing, RIGHTS_SAME);
    }
    uint64_t at = arch_clock_ns() + MS;
    assert_int_equal(kernel_call(sleeper, SYS_NOTIFICATION_WAIT, n, at), STATUS_BLOCKED);
    host_clock_set(at + BLOCK_SLACK_NS); // the interrupt is pending when the call begins
    t->arch = (struct arch_thread){.args = {thing}, .number = SYS_HANDLE_REVOKE, .pc = USER_PC + 4};
    enter(ENTER_SYSCALL, NULL);
    assert_int_equal(t->arch.pc, USER_PC); // not finished
    assert_in_range(t->process->handles.used, 2, 200);
    assert_int_equal(thread_status(sleeper), ERR_TIMED_OUT);
}

// --- arguments ----------------------------------------------------------------------------------

static bool type_has_handle(uint32_t type) { return type != OBJ_ANY; }

static void every_handle_argument_is_checked_for_handle_type_and_rights(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct resource *resource = NULL;
    struct endpoint *endpoint = NULL;
    struct notification *notification = NULL;
    struct irq *irq = NULL;
    struct vmo *vmo = NULL;
    assert_int_equal(resource_create(NULL, test_job, RESOURCE_LOG, 0, 0, &resource), OK);
    assert_int_equal(endpoint_create(test_job, &endpoint), OK);
    assert_int_equal(notification_create(test_job, &notification), OK);
    assert_int_equal(irq_create(test_job, 40, false, &irq), OK);
    assert_int_equal(vmo_create(PAGE_SIZE, &test_job->quota, &test_job->object, &vmo), OK);
    struct object *const of_type[] = {
        [OBJ_JOB] = &test_job->object,
        [OBJ_PROCESS] = &t->process->object,
        [OBJ_THREAD] = &t->object,
        [OBJ_VMO] = vmo_object(vmo),
        [OBJ_ENDPOINT] = &endpoint->object,
        [OBJ_NOTIFICATION] = &notification->object,
        [OBJ_RESOURCE] = &resource->object,
        [OBJ_IRQ] = &irq->object,
        [OBJ_VMAR] = vmar_object(t->process->aspace.root),
    };
    const rights_t all = 0x1fff;
    unsigned checked = 0;
    for (unsigned k = 0; k < SYS_COUNT; k++) {
        const struct negative_call *c = &negative_calls[k];
        for (unsigned i = 0; i < c->arg_count; i++) {
            const struct negative_arg *a = &c->args[i];
            if (a->kind != NEG_HANDLE || !type_has_handle(a->type) || a->type == OBJ_REPLY) {
                continue;
            }
            uint64_t args[8] = {0};
            for (unsigned n = 0; n < i; n++) { // those before it are as they should be
                if (c->args[n].kind == NEG_HANDLE) {
                    args[n] =
                        give(t->process,
                             of_type[c->args[n].type == OBJ_ANY ? OBJ_JOB : c->args[n].type], all);
                }
            }
            args[i] = 0x12345678;
            assert_int_equal(call_registers(t, c->number, args, 0), ERR_BAD_HANDLE);
            args[i] = give(t->process, of_type[a->type == OBJ_JOB ? OBJ_VMO : OBJ_JOB], all);
            assert_int_equal(call_registers(t, c->number, args, 0), ERR_WRONG_TYPE);
            for (rights_t right = 1; right <= a->rights; right <<= 1) {
                if ((a->rights & right) != 0) {
                    args[i] = give(t->process, of_type[a->type], all & ~right);
                    assert_int_equal(call_registers(t, c->number, args, 0), ERR_ACCESS_DENIED);
                    checked++;
                }
            }
        }
    }
    assert_true(checked > 30);
    object_put(&resource->object);
    object_put(&endpoint->object);
    object_put(&notification->object);
    object_put(&irq->object);
    object_put(vmo_object(vmo));
}

static void names_are_checked_and_shown_safely(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct job *child = NULL;
    assert_int_equal(job_create(test_job, "j", &child), OK);
    handle_t j = give(t->process, &child->object, RIGHTS_DEFAULT_JOB);
    uint64_t user = t->msgbuf_user;
    memset(t->msgbuf_data, 'n', 64);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, j, user, 0), ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, j, user, NAME_MAX_BYTES), ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, j, user, UINT64_MAX), ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, j, 0, 4), ERR_BAD_ADDRESS);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, j, UINT64_MAX - 1, 4), ERR_BAD_ADDRESS);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, j, (vaddr_t)arch_physmap_base, 4),
                     ERR_BAD_ADDRESS);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, j, NAME_OF(t, "a\nb\x1b\xff")), OK);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, j, user, NAME_MAX_BYTES - 1), OK);
    struct job_info info;
    struct job *named_one = job_child_at(child, 0);
    job_info(named_one, &info);
    object_put(&named_one->object);
    assert_string_equal(info.name, "a?b??");
    object_put(&child->object);
}

// --- random calls -------------------------------------------------------------------------------

static uint64_t seed;

static unsigned below(unsigned n) { return (unsigned)(test_random(&seed) % n); }

// Mostly a handle of the process to an object of this type, with all its rights or fewer.
static uint64_t any_handle(struct process *p, uint32_t type)
{
    uint32_t start = below(HANDLE_SLOTS_PER_PAGE);
    bool picky = below(8) != 0;
    for (uint32_t i = 0; i < HANDLE_SLOTS_PER_PAGE && p->handles.page_count > 0; i++) {
        uint32_t index = (start + i) % HANDLE_SLOTS_PER_PAGE;
        const struct handle_slot *slot = &p->handles.pages[0][index];
        if (slot->handle != NULL &&
            (!picky || type == OBJ_ANY || slot->handle->object->ops->type == type)) {
            return (uint64_t)slot->generation << 16 | index;
        }
    }
    return test_random(&seed);
}

static uint64_t any_number(struct thread *t)
{
    const uint64_t numbers[] = {
        0,
        1,
        2,
        3,
        8,
        below(64),
        PAGE_SIZE,
        2 * PAGE_SIZE,
        16 * PAGE_SIZE,
        below(40) * PAGE_SIZE,
        1ull << 32,
        UINT64_MAX,
        UINT64_MAX - PAGE_SIZE + 1,
        test_random(&seed),
        USER_PC,
        USER_SP,
        t->msgbuf_user,
        t->msgbuf_user + PAGE_SIZE - 8,
        0x10000000,
        RIGHTS_SAME,
        arch_clock_ns() + MS,
    };
    return numbers[below(ARRAY_SIZE(numbers))];
}

static void random_call(struct thread *t)
{
    const struct negative_call *c = &negative_calls[below(SYS_COUNT)];
    if ((c->number == SYS_PROCESS_EXIT || c->number == SYS_THREAD_EXIT ||
         c->number == SYS_JOB_KILL || c->number == SYS_THREAD_KILL ||
         c->number == SYS_PROCESS_KILL) &&
        below(16) != 0) {
        return;
    }
    struct arch_thread *r = &t->arch;
    for (unsigned i = 0; i < 8; i++) {
        const struct negative_arg *a = &c->args[i];
        enum negative_kind kind = i < c->arg_count && below(16) != 0 ? a->kind : NEG_U64;
        r->args[i] = kind == NEG_HANDLE            ? any_handle(t->process, a->type)
                     : kind == NEG_HANDLE_VALUE    ? any_handle(t->process, OBJ_ANY)
                     : kind == NEG_UADDR           ? t->msgbuf_user + below(64)
                     : kind == NEG_U32 && below(4) ? (below(4) ? below(8) : 40 + below(8))
                                                   : any_number(t);
    }
    if (c->raw) {
        r->args[1] = below(16) == 0
                         ? test_random(&seed)
                         : MSG_TAG(below(100), below(4) ? 0 : below(4097), below(3) ? 0 : below(9));
        for (unsigned i = 0; i < MSG_HANDLES_MAX; i++) {
            t->msgbuf_handles->send[i] = (handle_t)any_handle(t->process, OBJ_ANY);
        }
    }
    // Nobody waits for ever, so that there is always somebody to go on.
    uint64_t deadline = below(4) == 0 ? DEADLINE_POLL : arch_clock_ns() + below(4) * MS;
    r->extra = deadline;
    if (c->number == SYS_NOTIFICATION_WAIT) {
        r->args[1] = deadline;
    }
    r->number = c->number;
    r->pc = USER_PC + 4;
    fail_order(below(10) == 0 ? 1 + below(12) : 0);
    enter(ENTER_SYSCALL, NULL);
    fail_order(0);
}

static void give_random_things(struct process *p, struct job *j)
{
    struct resource *r = NULL;
    struct endpoint *e = NULL;
    struct notification *n = NULL;
    assert_int_equal(endpoint_create(j, &e), OK);
    assert_int_equal(notification_create(j, &n), OK);
    for (unsigned i = 0; i < process_actors; i++) {
        if (actor_processes[i]->state >= PROCESS_DYING) {
            continue;
        }
        give(actor_processes[i], &e->object, RIGHTS_DEFAULT_ENDPOINT);
        give(actor_processes[i], &n->object, RIGHTS_DEFAULT_NOTIFICATION);
        give(p, &actor_processes[i]->object, RIGHTS_DEFAULT_PROCESS);
    }
    for (enum resource_kind kind = RESOURCE_MMIO; kind <= RESOURCE_LOG; kind++) { // not the power
        assert_int_equal(
            resource_create(NULL, j, kind, kind == RESOURCE_IRQ ? 40 : 0x10000000, PAGE_SIZE, &r),
            OK);
        give(p, &r->object, RIGHTS_DEFAULT_RESOURCE);
        object_put(&r->object);
    }
    give(p, &j->object, RIGHTS_DEFAULT_JOB);
    give(p, vmar_object(p->aspace.root), RIGHTS_DEFAULT_VMAR);
    object_put(&e->object);
    object_put(&n->object);
}

// One more process to make calls, in a job of its own if the last one was killed.
static void random_process(struct job **in)
{
    struct job *j = *in;
    if (job_is_killed(j)) {
        object_put(&j->object);
        assert_int_equal(job_create(test_job, "random", &j), OK);
        *in = j;
    }
    for (unsigned kind = 0; kind < LIMIT_KINDS; kind++) {
        quota_set_limit(&j->quota, (enum limit_kind)kind, kind == LIMIT_PAGES ? 1000 : UINT64_MAX);
    }
    struct thread *t = thread_make(process_make_in(j));
    give_random_things(t->process, j);
    give(t->process, &t->object, RIGHTS_DEFAULT_THREAD);
}

static void random_calls_leave_the_kernel_sound(void **state)
{
    for (unsigned round = 1; round <= 100; round++) {
        seed = round;
        struct job *j = NULL;
        assert_int_equal(job_create(test_job, "random", &j), OK);
        quota_set_limit(&test_job->quota, LIMIT_PAGES, 3000);
        for (unsigned step = 0; step < 1000; step++) {
            if (thread_count() < 5 && process_actors < ACTORS_MAX) {
                random_process(&j);
            }
            if (running == NULL || below(20) == 0) {
                time_advance(MS);
            }
            if (running != NULL) {
                struct thread *t = running;
                object_get(&t->object);
                random_call(t);
                object_put(&t->object);
            }
        }
        object_put(&j->object);
        assert_int_equal(obj_end(state), 0); // nothing is left after each round
        assert_int_equal(obj_begin(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(a_fault_on_nothing_kills_the_process_and_says_why),
        OBJ_TEST(a_first_touch_is_resolved_and_a_forbidden_one_kills),
        OBJ_TEST(no_memory_for_a_touch_is_said_as_such),
        OBJ_TEST(memory_of_the_dead_is_waited_for),
        OBJ_TEST(an_unknown_system_call_kills_the_process),
        OBJ_TEST(interrupts_are_taken_between_the_slices_of_a_call),
        OBJ_TEST(every_handle_argument_is_checked_for_handle_type_and_rights),
        OBJ_TEST(names_are_checked_and_shown_safely),
        OBJ_TEST(random_calls_leave_the_kernel_sound),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
