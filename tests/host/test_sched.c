// SPDX-License-Identifier: MIT
// The scheduler: shares by weight, whom a waking thread displaces, handing the CPU over, yielding,
// threads that die in each place, and which interrupt the timer is set to: none while one thread
// runs, none at all while the CPU sleeps.
#include "obj_setup.h"

#include "ipc_world.h"

// Threads that never make a call: lets the clock run, with an interrupt whenever the timer asks for
// one.
static void compute(uint64_t ns)
{
    uint64_t end = arch_clock_ns() + ns;
    interrupt(); // threads that the test itself made runnable are seen
    for (unsigned i = 0; arch_clock_ns() < end; i++) {
        assert_true(i < 1000000);
        uint64_t next = host_timer_deadline();
        next = next < end ? next : end;
        time_set(next > arch_clock_ns() ? next : arch_clock_ns());
    }
}

static uint64_t ran(struct thread *t) { return sched_run_time_ns(t); }

static bool near(uint64_t value, uint64_t expected, uint64_t slack)
{
    return value + slack >= expected && value <= expected + slack;
}

// --- shares -------------------------------------------------------------------------------------

static void equal_threads_take_turns_of_a_slice(void **state)
{
    (void)state;
    struct thread *t[3] = {actor(), actor(), actor()};
    struct thread *order[9];
    interrupt();
    time_set(host_timer_deadline());
    for (unsigned i = 0; i < 9; i++) {
        order[i] = running;
        uint64_t begin = arch_clock_ns();
        assert_int_equal(host_timer_deadline(), begin + SCHED_SLICE_NS);
        time_set(host_timer_deadline());
    }
    for (unsigned i = 3; i < 9; i++) {
        assert_ptr_equal(order[i], order[i - 3]);
        assert_ptr_not_equal(order[i], order[i - 1]);
    }
    compute(3000 * MS);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(near(ran(t[i]), ran(t[0]), SCHED_SLICE_NS));
    }
}

static void shares_follow_weights(void **state)
{
    (void)state;
    const uint32_t weights[] = {WEIGHT_DEFAULT / 4, WEIGHT_DEFAULT, 3 * WEIGHT_DEFAULT};
    struct thread *t[3];
    uint64_t total = 0, begin = arch_clock_ns();
    for (unsigned i = 0; i < 3; i++) {
        t[i] = actor();
        sched_set_weight(t[i], weights[i]);
        total += weights[i];
    }
    compute(10000 * MS);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t share = (arch_clock_ns() - begin) * weights[i] / total;
        assert_true(near(ran(t[i]), share, 3 * SCHED_SLICE_NS));
    }
}

static void the_least_weight_is_not_starved_by_the_greatest(void **state)
{
    (void)state;
    struct thread *small = actor(), *great = actor();
    sched_set_weight(small, WEIGHT_MIN);
    sched_set_weight(great, WEIGHT_MAX);
    compute(1000 * MS);
    uint64_t before = ran(small);
    compute(3 * SCHED_SLICE_NS * WEIGHT_MAX / WEIGHT_MIN);
    assert_true(ran(small) > before);
    assert_true(ran(great) > 1000 * ran(small));
}

static void a_change_of_weight_counts_from_now(void **state)
{
    (void)state;
    struct thread *a = actor(), *b = actor();
    compute(1000 * MS);
    uint64_t a1 = ran(a), b1 = ran(b);
    sched_set_weight(a, 3 * WEIGHT_DEFAULT);
    compute(4000 * MS);
    assert_true(near(ran(a) - a1, 3000 * MS, 3 * SCHED_SLICE_NS));
    assert_true(near(ran(b) - b1, 1000 * MS, 3 * SCHED_SLICE_NS));
}

static void a_sleeper_comes_soon_and_does_not_make_up_for_its_sleep(void **state)
{
    (void)state;
    struct thread *busy = actor(), *sleeper = actor();
    handle_t n = kernel_make(sleeper, SYS_NOTIFICATION_CREATE);
    uint64_t at = arch_clock_ns() + 10000 * MS;
    assert_int_equal(kernel_call(sleeper, SYS_NOTIFICATION_WAIT, n, at), STATUS_BLOCKED);
    compute(10000 * MS + BLOCK_SLACK_NS);
    assert_ptr_equal(running, sleeper); // at the very deadline, and what it may be late
    uint64_t slept = ran(sleeper), worked = ran(busy);
    compute(100 * MS);
    assert_true(near(ran(sleeper) - slept, 50 * MS, 2 * SCHED_SLICE_NS));
    assert_true(near(ran(busy) - worked, 50 * MS, 2 * SCHED_SLICE_NS));
}

static void a_new_thread_gets_no_more_than_its_share(void **state)
{
    (void)state;
    struct thread *old = actor();
    compute(10000 * MS);
    uint64_t before = ran(old);
    struct thread *new = actor();
    compute(100 * MS);
    assert_true(near(ran(new), 50 * MS, 2 * SCHED_SLICE_NS));
    assert_true(near(ran(old) - before, 50 * MS, 2 * SCHED_SLICE_NS));
}

static void one_that_ran_alone_does_not_pay_for_it(void **state)
{
    (void)state;
    struct thread *a = actor(), *b = actor();
    handle_t n = kernel_make(b, SYS_NOTIFICATION_CREATE);
    for (unsigned i = 0; i < 5; i++) { // they take turns in running alone
        assert_int_equal(kernel_call(b, SYS_NOTIFICATION_WAIT, n, arch_clock_ns() + 500 * MS),
                         STATUS_BLOCKED);
        compute(500 * MS);
        uint64_t before = ran(a);
        compute(200 * MS);
        assert_true(near(ran(a) - before, 100 * MS, 2 * SCHED_SLICE_NS));
    }
}

static void one_that_is_handed_the_cpu_does_not_make_up_for_its_sleep_either(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    compute(10000 * MS);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    struct thread *third = actor();
    uint64_t served = ran(w.server), other = ran(third);
    compute(100 * MS);
    assert_true(near(ran(w.server) - served, 50 * MS, 2 * SCHED_SLICE_NS));
    assert_true(near(ran(third) - other, 50 * MS, 2 * SCHED_SLICE_NS));
}

static void weights_1_2_4_share_within_two_percent(void **state)
{
    (void)state;
    struct thread *t[3];
    for (unsigned i = 0; i < 3; i++) {
        t[i] = actor();
        sched_set_weight(t[i], WEIGHT_DEFAULT << i);
    }
    compute(2000 * MS);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t share = 2000 * MS * (1u << i) / 7;
        assert_true(near(ran(t[i]), share, share / 50));
    }
}

static void brief_runs_are_charged_at_every_weight(void **state)
{
    (void)state;
    struct thread *t = actor();
    sched_set_weight(t, WEIGHT_MAX);
    actor();
    become(t);
    uint64_t before = t->vruntime;
    for (unsigned i = 0; i < 1000; i++) { // each so short that its share of a default unit is
                                          // nothing
        host_clock_set(arch_clock_ns() + 1);
        sched_set_weight(t, WEIGHT_MAX); // counts
    }
    assert_int_equal(t->vruntime - before, 1000);
}

static void a_heavier_weight_helps_at_once(void **state)
{
    (void)state;
    struct thread *busy = actor(), *t = actor();
    sched_set_weight(t, WEIGHT_MIN);
    compute(100 * MS); // it has had a slice, for which it would wait more than four seconds
    become(busy);
    assert_true(t->queued && ran(t) > 0);
    uint64_t had = ran(t);
    sched_set_weight(t, WEIGHT_DEFAULT);
    compute(100 * MS);
    assert_true(near(ran(t) - had, 50 * MS, 2 * SCHED_SLICE_NS));
    sched_set_weight(t, WEIGHT_MAX); // nor does the way there and back bring a debt or a credit
    sched_set_weight(t, WEIGHT_DEFAULT);
    had = ran(t);
    compute(100 * MS);
    assert_true(near(ran(t) - had, 50 * MS, 2 * SCHED_SLICE_NS));
}

// Virtual time of a thread of the least weight wraps around within days.
static void years_alone_change_nothing(void **state)
{
    (void)state;
    const uint64_t day = 24 * 3600 * 1000 * MS;
    struct thread *t = actor(), *other = actor();
    handle_t n = kernel_make(other, SYS_NOTIFICATION_CREATE);
    sched_set_weight(t, WEIGHT_MIN);
    for (unsigned i = 0; i < 400; i++) {
        assert_int_equal(kernel_call(other, SYS_NOTIFICATION_WAIT, n, arch_clock_ns() + 3 * day),
                         STATUS_BLOCKED);
        for (unsigned k = 0; k < 60; k++) { // looked at now and then, so that much is charged
            become(t);
            sched_set_weight(t, WEIGHT_MIN);
            compute(day / 20);
        }
        compute(BLOCK_SLACK_NS);
        assert_ptr_equal(running, other);
        uint64_t had = ran(t), got = ran(other);
        sched_set_weight(t, WEIGHT_DEFAULT);
        compute(100 * MS);
        assert_true(near(ran(t) - had, 50 * MS, 2 * SCHED_SLICE_NS));
        assert_true(near(ran(other) - got, 50 * MS, 2 * SCHED_SLICE_NS));
        sched_set_weight(t, WEIGHT_MIN);
        become(other);
    }
}

// --- nobody is shut out -------------------------------------------------------------------------

static void a_chain_of_new_threads_gets_one_share(void **state)
{
    (void)state;
    struct thread *busy = actor(), *link = actor();
    uint64_t begin = arch_clock_ns();
    become(link);
    for (unsigned i = 0; i < 40; i++) { // each runs most of a slice, starts the next, and ends
        while (running != link) {
            compute(MS / 4);
        }
        time_advance(SCHED_SLICE_NS - MS / 2);
        while (running != link) {
            compute(MS / 4);
        }
        struct thread *next = thread_make(process_of(link));
        thread_die(link);
        enter(ENTER_NOTHING, NULL);
        link = next;
    }
    assert_true(ran(busy) >= (arch_clock_ns() - begin) * 4 / 10);
}

// The client is never at work when a slice ends, the server always: what it is handed it has to pay
// for itself.
static void a_server_does_not_live_on_its_clients_runtime(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *third = actor();
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    uint64_t end = arch_clock_ns() + 1000 * MS;
    while (arch_clock_ns() < end) {
        struct thread *t = running;
        if (t == third) {
            time_advance(MS / 10);
        } else if (t == w.client) {
            t->arch = (struct arch_thread){.args = {w.send, MSG_TAG(1, 0, 0)},
                                           .number = SYS_IPC_CALL,
                                           .extra = DEADLINE_NEVER};
            enter(ENTER_SYSCALL, NULL);
        } else {
            uint64_t left = cpu_this()->slice_end_ns - arch_clock_ns();
            time_advance(left > MS / 10 ? MS / 10 : left / 2); // answers just before its slice ends
            t->arch = (struct arch_thread){.args = {w.receive, MSG_TAG(1, 0, 0)},
                                           .number = SYS_IPC_REPLY_RECV,
                                           .extra = DEADLINE_NEVER};
            if (left < MS / 10) {
                enter(ENTER_SYSCALL, NULL);
                time_advance(MS / 10); // the slice ends in the client
            }
        }
    }
    assert_true(ran(third) >= 400 * MS);
    assert_true(ran(w.server) >= 300 * MS);
}

static void a_waking_thread_runs_within_a_slice_among_many(void **state)
{
    (void)state;
    struct thread *t = actor();
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE);
    for (unsigned i = 0; i < 50; i++) {
        actor();
    }
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(kernel_call(t, SYS_NOTIFICATION_WAIT, n, arch_clock_ns() + 50 * MS),
                         STATUS_BLOCKED);
        compute(50 * MS + BLOCK_SLACK_NS);
        for (uint64_t at = arch_clock_ns(); running != t; compute(MS / 10)) {
            assert_true(arch_clock_ns() <= at + SCHED_SLICE_NS);
        }
        time_advance(MS / 2);
    }
}

// --- ticks --------------------------------------------------------------------------------------

static void a_thread_alone_takes_no_tick_and_a_sleeping_cpu_none(void **state)
{
    (void)state;
    struct thread *t = actor();
    interrupt();
    assert_int_equal(host_timer_deadline(), DEADLINE_NEVER);
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE);
    uint64_t at = arch_clock_ns() + 50 * MS, slept = cpu_this()->idle_ns;
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_ARM, n, at, 1), OK);
    assert_int_equal(host_timer_deadline(), at); // its own timer only
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_WAIT, n, DEADLINE_NEVER), STATUS_BLOCKED);
    assert_null(running);
    assert_int_equal(host_timer_deadline(), at);
    time_set(at);
    assert_ptr_equal(running, t);
    assert_int_equal(host_timer_deadline(), DEADLINE_NEVER);
    assert_int_equal(cpu_this()->idle_ns - slept, 50 * MS);
    assert_int_equal(ran(t), 0);
}

static void a_second_runnable_thread_brings_the_tick_and_its_end_takes_it_away(void **state)
{
    (void)state;
    struct thread *a = actor(), *b = actor();
    handle_t h = give(process_of(a), &b->object, RIGHTS_DEFAULT_THREAD);
    become(a);
    interrupt();
    assert_int_not_equal(host_timer_deadline(), DEADLINE_NEVER);
    assert_int_equal(kernel_call(a, SYS_THREAD_KILL, h), OK);
    settle();
    time_set(arch_clock_ns() + SCHED_SLICE_NS); // the last tick may still come
    assert_ptr_equal(running, a);
    assert_int_equal(host_timer_deadline(), DEADLINE_NEVER);
}

static void the_nearer_of_slice_and_timer_is_set(void **state)
{
    (void)state;
    struct thread *a = actor(), *b = actor();
    handle_t n = kernel_make(a, SYS_NOTIFICATION_CREATE);
    become(b);
    become(a);
    uint64_t slice = cpu_this()->slice_end_ns;
    assert_int_equal(host_timer_deadline(), slice);
    assert_int_equal(kernel_call(a, SYS_NOTIFICATION_ARM, n, slice - MS, 1), OK);
    assert_int_equal(host_timer_deadline(), slice - MS);
    time_set(slice - MS);
    assert_ptr_equal(running, a); // the slice goes on
    assert_int_equal(host_timer_deadline(), slice);
    time_set(slice);
    assert_ptr_equal(running, b);
}

// --- waking, yielding, handing over -------------------------------------------------------------

static void a_woken_thread_that_is_behind_displaces_the_running_one(void **state)
{
    (void)state;
    struct thread *a = actor(), *b = actor();
    handle_t n = kernel_make(a, SYS_NOTIFICATION_CREATE);
    handle_t wait = share(process_of(a), n, process_of(b), RIGHT_WAIT);
    assert_int_equal(kernel_call(b, SYS_NOTIFICATION_WAIT, wait, DEADLINE_NEVER), STATUS_BLOCKED);
    compute(100 * MS);
    assert_int_equal(kernel_call(a, SYS_NOTIFICATION_SIGNAL, n, 1), OK);
    assert_ptr_equal(running, b);
}

static void a_woken_thread_that_is_ahead_waits_its_turn(void **state)
{
    (void)state;
    struct thread *a = actor(), *b = actor();
    sched_set_weight(b, WEIGHT_DEFAULT / 64); // ahead as soon as it has run
    handle_t n = kernel_make(a, SYS_NOTIFICATION_CREATE);
    handle_t wait = share(process_of(a), n, process_of(b), RIGHT_WAIT);
    become(b);
    time_advance(SCHED_SLICE_NS - 1); // still b's slice
    assert_int_equal(kernel_call(b, SYS_NOTIFICATION_WAIT, wait, DEADLINE_NEVER), STATUS_BLOCKED);
    assert_int_equal(kernel_call(a, SYS_NOTIFICATION_SIGNAL, n, 1), OK);
    assert_ptr_equal(running, a);
    interrupt();
    assert_int_not_equal(host_timer_deadline(), DEADLINE_NEVER); // but it waits now
}

static void yielding_lets_every_other_go_first(void **state)
{
    (void)state;
    struct thread *t[4];
    for (unsigned i = 0; i < 4; i++) {
        t[i] = actor();
    }
    struct thread *seen[8];
    for (unsigned i = 0; i < 8; i++) {
        seen[i] = running;
        yield_running();
    }
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < i; k++) {
            assert_ptr_not_equal(seen[i + 2], seen[k + 2]);
        }
    }
}

// Two threads that yield to each other both run, although one is ahead of the other and a third
// that hardly pays for its time always comes next.
static void yielding_goes_behind_all_who_wait(void **state)
{
    (void)state;
    struct thread *a = actor(), *b = actor(), *polls = actor();
    sched_set_weight(polls, WEIGHT_MAX);
    become(b);
    time_advance(SCHED_SLICE_NS - 1);
    unsigned ran_a = 0, ran_b = 0;
    for (unsigned i = 0; i < 300; i++) {
        ran_a += running == a;
        ran_b += running == b;
        time_advance(1000);
        yield_running();
    }
    assert_in_range(ran_a, 99, 101);
    assert_in_range(ran_b, 99, 101);
}

// But not behind one that will not run for a long time.
static void yielding_does_not_wait_for_one_that_is_far_ahead(void **state)
{
    (void)state;
    struct thread *a = actor(), *b = actor(), *far = actor();
    sched_set_weight(far, WEIGHT_MIN);
    become(far);
    time_advance(SCHED_SLICE_NS - 1);
    interrupt();
    for (unsigned i = 0; i < 100; i++) {
        time_advance(1000);
        yield_running();
        assert_true(running == a || running == b);
    }
}

static unsigned stuck_slices;
static bool stuck;
static bool stuck_slice(void)
{
    stuck_slices++;
    if (stuck) {
        sched_task_stuck();
    }
    return stuck;
}

// A task that waits for another CPU looks once a turn, whatever its weight.
static void a_task_that_is_stuck_lets_everyone_go_first(void **state)
{
    (void)state;
    static struct thread task;
    struct thread *a = actor(), *b = actor();
    sched_task_start(&task, "stuck", stuck_slice);
    sched_set_weight(&task, WEIGHT_MAX);
    stuck = true;
    stuck_slices = 0;
    sched_task_wake(&task);
    unsigned ran_a = 0, ran_b = 0;
    for (unsigned i = 0; i < 100; i++) {
        time_advance(SCHED_SLICE_NS);
        ran_a += running == a;
        ran_b += running == b;
    }
    assert_in_range(ran_a, 49, 51);
    assert_in_range(ran_b, 49, 51);
    assert_in_range(stuck_slices, 45, 101);
    stuck = false;
    time_advance(2 * SCHED_SLICE_NS);
    time_advance(2 * SCHED_SLICE_NS);
    assert_int_equal(task.state, THREAD_BLOCKED);
}

static void yielding_alone_goes_on(void **state)
{
    (void)state;
    struct thread *t = actor();
    uint64_t switches = cpu_this()->switches;
    assert_int_equal(kernel_call(t, SYS_THREAD_YIELD), OK);
    assert_ptr_equal(running, t);
    assert_int_equal(cpu_this()->switches, switches);
}

static void a_call_takes_the_slice_along_past_those_who_wait(void **state)
{
    (void)state;
    struct world w = world_make();
    actor(); // waits for the CPU and has run least
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    become(w.client);
    host_clock_set(arch_clock_ns() + MS); // no interrupt is due
    uint64_t slice = cpu_this()->slice_end_ns;
    for (unsigned i = 0; i < 3; i++) {
        w.client->arch = (struct arch_thread){
            .args = {w.send, MSG_TAG(1, 0, 0)}, .number = SYS_IPC_CALL, .extra = DEADLINE_NEVER};
        enter(ENTER_SYSCALL, NULL);
        assert_ptr_equal(running, w.server);
        w.server->arch = (struct arch_thread){
            .args = {w.receive}, .number = SYS_IPC_REPLY_RECV, .extra = DEADLINE_NEVER};
        enter(ENTER_SYSCALL, NULL);
        assert_ptr_equal(running, w.client);
    }
    assert_int_equal(cpu_this()->slice_end_ns, slice);
    assert_int_equal(host_timer_deadline(), slice);
}

static void two_that_hand_the_cpu_to_and_fro_do_not_starve_a_third(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *third = actor();
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    uint64_t end = arch_clock_ns() + 1000 * MS;
    while (arch_clock_ns() < end) {
        struct thread *t = running;
        time_advance(MS / 10); // user work, then a call
        if (running != t || t == third) {
            continue;
        }
        bool server = t == w.server;
        t->arch = (struct arch_thread){.args = {server ? w.receive : w.send, MSG_TAG(1, 0, 0)},
                                       .number = server ? SYS_IPC_REPLY_RECV : SYS_IPC_CALL,
                                       .extra = DEADLINE_NEVER};
        enter(ENTER_SYSCALL, NULL);
    }
    assert_true(ran(third) >= 300 * MS);
    assert_true(ran(w.server) >= 200 * MS && ran(w.client) >= 200 * MS);
}

// --- accounts -----------------------------------------------------------------------------------

static void time_is_counted_to_who_ran_and_adds_up(void **state)
{
    (void)state;
    struct thread *t[3] = {actor(), actor(), actor()};
    handle_t n = kernel_make(t[2], SYS_NOTIFICATION_CREATE);
    interrupt();
    uint64_t begin = arch_clock_ns(), slept = cpu_this()->idle_ns;
    for (unsigned i = 0; i < 200; i++) {
        compute((i % 7) * MS / 3);
        if (running == t[2]) {
            assert_int_equal(kernel_call(t[2], SYS_NOTIFICATION_WAIT, n, arch_clock_ns() + 5 * MS),
                             STATUS_BLOCKED);
        }
    }
    assert_int_equal(ran(t[0]) + ran(t[1]) + ran(t[2]) + cpu_this()->idle_ns - slept,
                     arch_clock_ns() - begin);
}

static void the_reaper_competes_like_any_other(void **state)
{
    (void)state;
    struct thread *busy = actor();
    compute(100 * MS);
    process_die(process_make(), EXIT_KILLED, 0, NULL);
    interrupt(); // the reaper is behind, so it works now
    assert_ptr_equal(running, busy);
    assert_int_equal(actor_processes[1]->state, PROCESS_DEAD);
}

// --- death --------------------------------------------------------------------------------------

static void a_dead_thread_is_on_no_queue(void **state)
{
    (void)state;
    struct thread *a = actor(), *queued = actor(), *current = actor();
    become(current);
    thread_die(queued);
    assert_false(queued->queued);
    thread_die(current);
    enter(ENTER_NOTHING, NULL);
    assert_ptr_equal(running, a);
    assert_ptr_equal(cpu_this()->arch.current, a);
    compute(100 * MS);
    assert_ptr_equal(running, a);
    assert_int_equal(queued->state, THREAD_DEAD);
    assert_int_equal(current->state, THREAD_DEAD);
}

static void one_that_dies_with_the_cpu_handed_to_it_is_passed_over(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    become(w.client);
    uint64_t *args = thread_args(w.client);
    args[1] = MSG_TAG(1, 0, 0);
    assert_int_equal(endpoint_send(w.client, w.e, NULL, true, DEADLINE_NEVER), STATUS_BLOCKED);
    assert_ptr_equal(cpu_this()->handoff, w.server);
    thread_die(w.server);
    assert_null(cpu_this()->handoff);
    enter(ENTER_NOTHING, NULL);
    assert_ptr_equal(running, w.client);
    assert_int_equal(thread_status(w.client), ERR_PEER_CLOSED);
}

static void random_threads_keep_the_books_straight(void **state)
{
    (void)state;
    uint64_t seed = 5;
    struct thread *t[20];
    handle_t n[20];
    for (unsigned i = 0; i < 20; i++) {
        t[i] = actor();
        n[i] = kernel_make(t[i], SYS_NOTIFICATION_CREATE);
        sched_set_weight(t[i], 1 + (uint32_t)(test_random(&seed) % (4 * WEIGHT_DEFAULT)));
    }
    for (unsigned step = 0; step < 20000; step++) {
        uint64_t dice = test_random(&seed);
        unsigned k = (unsigned)(dice >> 8) % 20;
        if (running == NULL || dice % 4 == 0) {
            time_advance(1 + test_random(&seed) % (3 * MS));
            continue;
        }
        if (dice % 4 == 1) {
            sched_set_weight(t[k], 1 + (uint32_t)(test_random(&seed) % WEIGHT_MAX));
            continue;
        }
        struct thread *r = running;
        unsigned me = 0;
        while (t[me] != r) {
            me++;
        }
        r->arch = (struct arch_thread){
            .args = {n[me], arch_clock_ns() + test_random(&seed) % (5 * MS)},
            .number = dice % 4 == 2 ? SYS_THREAD_YIELD : SYS_NOTIFICATION_WAIT};
        enter(ENTER_SYSCALL, NULL);
        unsigned runnable = 0, queued = 0;
        for (unsigned i = 0; i < 20; i++) {
            runnable += t[i]->state == THREAD_RUNNABLE;
            queued += t[i]->queued;
        }
        assert_int_equal(queued + (running != NULL), runnable);
        assert_true(running == NULL || !running->queued);
        if (running != NULL && queued > 0) {
            assert_true(host_timer_deadline() <= arch_clock_ns() + SCHED_SLICE_NS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(equal_threads_take_turns_of_a_slice),
        OBJ_TEST(shares_follow_weights),
        OBJ_TEST(the_least_weight_is_not_starved_by_the_greatest),
        OBJ_TEST(a_change_of_weight_counts_from_now),
        OBJ_TEST(a_sleeper_comes_soon_and_does_not_make_up_for_its_sleep),
        OBJ_TEST(a_new_thread_gets_no_more_than_its_share),
        OBJ_TEST(one_that_ran_alone_does_not_pay_for_it),
        OBJ_TEST(one_that_is_handed_the_cpu_does_not_make_up_for_its_sleep_either),
        OBJ_TEST(weights_1_2_4_share_within_two_percent),
        OBJ_TEST(brief_runs_are_charged_at_every_weight),
        OBJ_TEST(a_heavier_weight_helps_at_once),
        OBJ_TEST(years_alone_change_nothing),
        OBJ_TEST(a_chain_of_new_threads_gets_one_share),
        OBJ_TEST(a_server_does_not_live_on_its_clients_runtime),
        OBJ_TEST(a_waking_thread_runs_within_a_slice_among_many),
        OBJ_TEST(a_thread_alone_takes_no_tick_and_a_sleeping_cpu_none),
        OBJ_TEST(a_second_runnable_thread_brings_the_tick_and_its_end_takes_it_away),
        OBJ_TEST(the_nearer_of_slice_and_timer_is_set),
        OBJ_TEST(a_woken_thread_that_is_behind_displaces_the_running_one),
        OBJ_TEST(a_woken_thread_that_is_ahead_waits_its_turn),
        OBJ_TEST(yielding_lets_every_other_go_first),
        OBJ_TEST(yielding_goes_behind_all_who_wait),
        OBJ_TEST(yielding_does_not_wait_for_one_that_is_far_ahead),
        OBJ_TEST(a_task_that_is_stuck_lets_everyone_go_first),
        OBJ_TEST(yielding_alone_goes_on),
        OBJ_TEST(a_call_takes_the_slice_along_past_those_who_wait),
        OBJ_TEST(two_that_hand_the_cpu_to_and_fro_do_not_starve_a_third),
        OBJ_TEST(time_is_counted_to_who_ran_and_adds_up),
        OBJ_TEST(the_reaper_competes_like_any_other),
        OBJ_TEST(a_dead_thread_is_on_no_queue),
        OBJ_TEST(one_that_dies_with_the_cpu_handed_to_it_is_passed_over),
        OBJ_TEST(random_threads_keep_the_books_straight),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
