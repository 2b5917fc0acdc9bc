// SPDX-License-Identifier: MIT
// Notifications: signals, waits, binding, timers, and what is left when one of them or a thread
// ends first; interrupt lines.
#include "obj_setup.h"

#include "ipc_world.h"

struct pair {
    struct thread *waiter, *signaller;
    handle_t wait, signal;
    struct notification *n;
};

static struct pair pair_make(void)
{
    struct pair p = {.waiter = actor(), .signaller = actor()};
    p.wait = kernel_make(p.waiter, SYS_NOTIFICATION_CREATE);
    p.signal = share(process_of(p.waiter), p.wait, process_of(p.signaller), RIGHT_SIGNAL);
    p.n = notification_from_object(named(process_of(p.waiter), p.wait));
    return p;
}

static status_t signal(struct pair *p, uint64_t bits)
{
    return kernel_call(p->signaller, SYS_NOTIFICATION_SIGNAL, p->signal, bits);
}

static status_t wait_until(struct thread *t, handle_t h, uint64_t deadline)
{
    return kernel_call(t, SYS_NOTIFICATION_WAIT, h, deadline);
}

// --- signals and waits --------------------------------------------------------------------------

static void bits_gather_until_they_are_taken(void **state)
{
    (void)state;
    struct pair p = pair_make();
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_POLL), ERR_TIMED_OUT);
    assert_int_equal(signal(&p, 1), OK);
    assert_int_equal(signal(&p, 1ull << 63), OK);
    assert_int_equal(signal(&p, 0), OK);
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_NEVER), OK);
    assert_int_equal(result(p.waiter, 0), 1ull << 63 | 1);
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_POLL), ERR_TIMED_OUT);
}

static void a_signal_wakes_one_waiter_in_order_and_nothing_wakes_none(void **state)
{
    (void)state;
    struct pair p = pair_make();
    struct thread *second = thread_make(process_of(p.waiter));
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_NEVER), STATUS_BLOCKED);
    assert_int_equal(wait_until(second, p.wait, DEADLINE_NEVER), STATUS_BLOCKED);
    assert_int_equal(signal(&p, 0), OK);
    assert_int_equal(thread_status(p.waiter), STATUS_BLOCKED);
    assert_int_equal(signal(&p, 2), OK);
    assert_int_equal(thread_status(p.waiter), OK);
    assert_int_equal(result(p.waiter, 0), 2);
    assert_int_equal(thread_status(second), STATUS_BLOCKED);
    assert_int_equal(signal(&p, 4), OK);
    assert_int_equal(result(second, 0), 4);
}

static void a_wait_ends_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    struct pair p = pair_make();
    uint64_t at = arch_clock_ns() + 3 * MS;
    assert_int_equal(wait_until(p.waiter, p.wait, at), STATUS_BLOCKED);
    time_set(at - 1);
    assert_int_equal(thread_status(p.waiter), STATUS_BLOCKED);
    time_set(at + BLOCK_SLACK_NS);
    assert_int_equal(thread_status(p.waiter), ERR_TIMED_OUT);
    assert_int_equal(signal(&p, 1), OK); // not lost to the one that gave up
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_POLL), OK);
}

static void the_last_handle_cancels_the_waiters(void **state)
{
    (void)state;
    struct pair p = pair_make();
    struct thread *closer = thread_make(process_of(p.waiter));
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_NEVER), STATUS_BLOCKED);
    assert_int_equal(kernel_call(closer, SYS_HANDLE_CLOSE, p.wait), OK);
    assert_int_equal(thread_status(p.waiter), STATUS_BLOCKED);
    assert_int_equal(kernel_call(p.signaller, SYS_HANDLE_CLOSE, p.signal), OK);
    assert_int_equal(thread_status(p.waiter), ERR_CANCELED);
}

// --- binding ------------------------------------------------------------------------------------

static handle_t self_handle(struct thread *t)
{
    return give(process_of(t), &t->object, RIGHTS_DEFAULT_THREAD);
}

static void binding_is_one_to_one(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = thread_make(process_of(t));
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE),
             m = kernel_make(t, SYS_NOTIFICATION_CREATE);
    handle_t self = self_handle(t), second = self_handle(other);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_UNBIND, n), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, n, self), OK);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, n, self), ERR_BUSY);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, n, second), ERR_BUSY);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, m, self), ERR_BUSY);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_UNBIND, n), OK);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, m, self), OK);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, n, second), OK);
}

static void a_dead_thread_is_not_bound_and_a_dying_one_unbinds(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = thread_make(process_of(t));
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE), h = self_handle(other);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, n, h), OK);
    assert_int_equal(kernel_call(t, SYS_THREAD_KILL, h), OK);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_UNBIND, n), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, n, h), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_SIGNAL, n, 1), OK);
    assert_int_equal(wait_until(t, n, DEADLINE_POLL), OK);
}

static void a_bound_notification_that_ends_leaves_the_thread_receiving(void **state)
{
    (void)state;
    struct world w = world_make();
    struct process *p = process_of(w.server);
    struct thread *second = thread_make(p);
    handle_t n = kernel_make(w.server, SYS_NOTIFICATION_CREATE);
    assert_int_equal(kernel_call(w.server, SYS_NOTIFICATION_BIND, n, self_handle(w.server)), OK);
    assert_int_equal(kernel_call(w.server, SYS_NOTIFICATION_ARM, n, arch_clock_ns() + MS, 1), OK);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(kernel_call(second, SYS_HANDLE_CLOSE, n), OK);
    settle();
    assert_null(w.server->bound);
    time_advance(2 * MS);
    assert_int_equal(thread_status(w.server), STATUS_BLOCKED);
    assert_int_equal(ipc_send(w.client, w.send, 1), OK);
    message_expect(w.server, 1);
}

static void binding_to_a_receiving_thread_gives_it_the_bits_at_once(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *second = thread_make(process_of(w.server));
    handle_t n = kernel_make(second, SYS_NOTIFICATION_CREATE);
    assert_int_equal(kernel_call(second, SYS_NOTIFICATION_SIGNAL, n, 6), OK);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(kernel_call(second, SYS_NOTIFICATION_BIND, n, self_handle(w.server)), OK);
    assert_int_equal(thread_status(w.server), RECV_NOTIFICATION);
    assert_int_equal(w.server->arch.args[2], 6);
}

static void who_waits_for_the_notification_goes_before_the_bound_thread(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *second = thread_make(process_of(w.server)),
                  *third = thread_make(process_of(w.server));
    handle_t n = kernel_make(w.server, SYS_NOTIFICATION_CREATE);
    assert_int_equal(kernel_call(w.server, SYS_NOTIFICATION_BIND, n, self_handle(w.server)), OK);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(wait_until(second, n, DEADLINE_NEVER), STATUS_BLOCKED);
    assert_int_equal(kernel_call(third, SYS_NOTIFICATION_SIGNAL, n, 1), OK);
    assert_int_equal(thread_status(second), OK);
    assert_int_equal(thread_status(w.server), STATUS_BLOCKED);
    assert_int_equal(kernel_call(third, SYS_NOTIFICATION_SIGNAL, n, 2), OK);
    assert_int_equal(thread_status(w.server), RECV_NOTIFICATION);
}

// --- timers -------------------------------------------------------------------------------------

static void a_timer_signals_once_at_its_deadline(void **state)
{
    (void)state;
    struct pair p = pair_make();
    uint64_t at = arch_clock_ns() + 3 * MS;
    assert_int_equal(kernel_call(p.waiter, SYS_NOTIFICATION_ARM, p.wait, at, 8), OK);
    time_set(at - 1);
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_POLL), ERR_TIMED_OUT);
    time_set(at);
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_POLL), OK);
    assert_int_equal(result(p.waiter, 0), 8);
    time_advance(10 * MS);
    assert_int_equal(wait_until(p.waiter, p.wait, DEADLINE_POLL), ERR_TIMED_OUT);
}

static void arming_again_replaces_the_timer_and_never_disarms_it(void **state)
{
    (void)state;
    struct pair p = pair_make();
    uint64_t now = arch_clock_ns();
    assert_int_equal(kernel_call(p.waiter, SYS_NOTIFICATION_ARM, p.wait, now + MS, 1), OK);
    assert_int_equal(kernel_call(p.waiter, SYS_NOTIFICATION_ARM, p.wait, now + 3 * MS, 2), OK);
    time_set(now + 2 * MS);
    assert_int_equal(p.n->bits, 0);
    time_set(now + 3 * MS);
    assert_int_equal(p.n->bits, 2);
    assert_int_equal(kernel_call(p.waiter, SYS_NOTIFICATION_ARM, p.wait, now + 4 * MS, 4), OK);
    assert_int_equal(kernel_call(p.waiter, SYS_NOTIFICATION_ARM, p.wait, DEADLINE_NEVER, 8), OK);
    time_set(now + 9 * MS);
    assert_int_equal(p.n->bits, 2);
    assert_int_equal(kernel_call(p.waiter, SYS_NOTIFICATION_ARM, p.wait, now, 16), OK); // long past
    interrupt();
    assert_int_equal(p.n->bits, 18);
}

static void a_timer_ends_with_the_last_handle_or_its_process(void **state)
{
    (void)state;
    struct pair p = pair_make();
    unsigned armed = timers_armed();
    assert_int_equal(kernel_call(p.waiter, SYS_NOTIFICATION_ARM, p.wait, arch_clock_ns() + MS, 1),
                     OK);
    handle_t n = kernel_make(p.waiter, SYS_NOTIFICATION_CREATE);
    assert_int_equal(kernel_call(p.waiter, SYS_NOTIFICATION_ARM, n, arch_clock_ns() + MS, 1), OK);
    assert_int_equal(timers_armed(), armed + 2);
    assert_int_equal(kernel_call(p.waiter, SYS_HANDLE_CLOSE, n), OK);
    assert_int_equal(timers_armed(), armed + 1);
    assert_int_equal(kernel_call(p.signaller, SYS_HANDLE_CLOSE, p.signal), OK);
    process_die(process_of(p.waiter), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(timers_armed(), armed);
    time_advance(2 * MS);
}

// --- interrupt lines ----------------------------------------------------------------------------

#define LINE 40u

// What a port does when a line is pending: mask it, tell the kernel.
static void line_fires(uint32_t line)
{
    arch_irq_mask(line);
    irq_fire(line);
}

static handle_t irq_resource(struct thread *t)
{
    struct resource *r = NULL;
    assert_int_equal(resource_create(NULL, test_job, RESOURCE_ROOT, 0, 0, &r), OK);
    handle_t h = give(process_of(t), &r->object, RIGHTS_DEFAULT_RESOURCE);
    object_put(&r->object);
    return h;
}

static void a_line_is_masked_until_bound_and_from_each_interrupt_to_its_ack(void **state)
{
    (void)state;
    struct pair p = pair_make();
    struct thread *t = p.waiter;
    handle_t irq = kernel_make(t, SYS_IRQ_CREATE, irq_resource(t), LINE, IRQ_LEVEL);
    assert_true(host_irq_masked(LINE));
    assert_int_equal(kernel_call(t, SYS_IRQ_ACK, irq), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_IRQ_BIND, irq, p.wait, 0), ERR_INVALID_ARGS);
    line_fires(LINE); // spurious: nobody is bound
    assert_int_equal(kernel_call(t, SYS_IRQ_BIND, irq, p.wait, 0x20), OK);
    assert_false(host_irq_masked(LINE));
    assert_int_equal(wait_until(t, p.wait, DEADLINE_NEVER), STATUS_BLOCKED);
    line_fires(LINE);
    assert_true(host_irq_masked(LINE));
    assert_int_equal(thread_status(t), OK);
    assert_int_equal(result(t, 0), 0x20);
    assert_int_equal(kernel_call(t, SYS_IRQ_ACK, irq), OK);
    assert_false(host_irq_masked(LINE));
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, irq), OK);
    assert_true(host_irq_masked(LINE));
    line_fires(LINE);
    line_fires(LINE + 1);
    irq_fire(100000);
    assert_int_equal(p.n->bits, 0);
}

static void a_line_belongs_to_one_irq_object_at_a_time(void **state)
{
    (void)state;
    struct thread *t = actor();
    handle_t r = irq_resource(t);
    uint64_t objects = test_job->quota.used[LIMIT_OBJECTS];
    assert_int_equal(kernel_call(t, SYS_IRQ_CREATE, r, 3, IRQ_LEVEL), ERR_OUT_OF_RANGE);
    assert_int_equal(kernel_call(t, SYS_IRQ_CREATE, r, 0xffffffff, IRQ_LEVEL), ERR_OUT_OF_RANGE);
    assert_int_equal(kernel_call(t, SYS_IRQ_CREATE, r, LINE, 2), ERR_INVALID_ARGS);
    handle_t irq = kernel_make(t, SYS_IRQ_CREATE, r, LINE, IRQ_EDGE);
    assert_int_equal(kernel_call(t, SYS_IRQ_CREATE, r, LINE, IRQ_EDGE), ERR_BUSY);
    assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], objects + 1);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, irq), OK);
    irq = kernel_make(t, SYS_IRQ_CREATE, r, LINE, IRQ_EDGE);
}

static void a_line_keeps_its_notification_and_can_be_bound_again(void **state)
{
    (void)state;
    struct pair p = pair_make();
    struct thread *t = p.waiter;
    handle_t irq = kernel_make(t, SYS_IRQ_CREATE, irq_resource(t), LINE, IRQ_LEVEL);
    handle_t first = kernel_make(t, SYS_NOTIFICATION_CREATE);
    assert_int_equal(kernel_call(t, SYS_IRQ_BIND, irq, first, 1), OK);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, first), OK);
    line_fires(LINE); // into a notification that only the line knows
    assert_int_equal(kernel_call(t, SYS_IRQ_BIND, irq, p.wait, 1), OK);
    assert_int_equal(kernel_call(t, SYS_IRQ_BIND, irq, p.wait, 2), OK);
    line_fires(LINE);
    assert_int_equal(p.n->bits, 2);
    process_die(process_of(t), EXIT_KILLED, 0, NULL);
    settle();
    assert_true(host_irq_masked(LINE));
}

static void making_them_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct thread *t = actor();
    handle_t r = irq_resource(t);
    uint64_t objects = test_job->quota.used[LIMIT_OBJECTS];
    EACH_ALLOCATION_FAILS(kernel_call(t, SYS_NOTIFICATION_CREATE), settle();
                          assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], objects));
    objects++;
    EACH_ALLOCATION_FAILS(kernel_call(t, SYS_IRQ_CREATE, r, LINE, IRQ_LEVEL),
                          assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], objects));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(bits_gather_until_they_are_taken),
        OBJ_TEST(a_signal_wakes_one_waiter_in_order_and_nothing_wakes_none),
        OBJ_TEST(a_wait_ends_at_its_deadline_and_not_before),
        OBJ_TEST(the_last_handle_cancels_the_waiters),
        OBJ_TEST(binding_is_one_to_one),
        OBJ_TEST(a_dead_thread_is_not_bound_and_a_dying_one_unbinds),
        OBJ_TEST(a_bound_notification_that_ends_leaves_the_thread_receiving),
        OBJ_TEST(binding_to_a_receiving_thread_gives_it_the_bits_at_once),
        OBJ_TEST(who_waits_for_the_notification_goes_before_the_bound_thread),
        OBJ_TEST(a_timer_signals_once_at_its_deadline),
        OBJ_TEST(arming_again_replaces_the_timer_and_never_disarms_it),
        OBJ_TEST(a_timer_ends_with_the_last_handle_or_its_process),
        OBJ_TEST(a_line_is_masked_until_bound_and_from_each_interrupt_to_its_ack),
        OBJ_TEST(a_line_belongs_to_one_irq_object_at_a_time),
        OBJ_TEST(a_line_keeps_its_notification_and_can_be_bound_again),
        OBJ_TEST(making_them_fails_cleanly_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
