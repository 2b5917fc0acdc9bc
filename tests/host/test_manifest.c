// SPDX-License-Identifier: MIT
// The manifest's reader: what it understands, and that every mistake is told with its line.
// sources: user/servers/root/manifest.c

#include "user/servers/root/manifest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct manifest m;
static char message[200];

static bool parse(const char *text)
{
    size_t n = strlen(text);
    char *exact = malloc(n + 1); // so that a read past the end is seen
    memcpy(exact, text, n);
    char *tight = realloc(exact, n > 0 ? n : 1);
    message[0] = '\0';
    bool ok = manifest_parse(tight, n, &m, message, sizeof(message));
    free(tight);
    return ok;
}

static void refused(const char *text, const char *why)
{
    assert_false(parse(text));
    assert_string_equal(message, why);
}

#define HEAD "service a\nprogram bin/a\n"

static void a_service_is_read_with_everything_it_may_say(void **state)
{
    (void)state;
    assert_true(parse(
        "# comment\n"
        "group net\n  strategy rest_for_one\n  intensity 3\n  period 20\n"
        "service a # behind it\n  in net\n  program bin/a\n  args one \"two words\" $run\n  env HOME=/home A=\n"
        "  restart transient\n  shutdown 250\n  only run\n  limit pages 100\n"
        "  give serve endpoint e serve\n  give other endpoint e badge 7\n"
        "  give log resource log read write\n  give sup supervisor list start\n"
        "  give job.self job self\n  give image bootimage\n  give tree devicetree"));
    const struct manifest_service *s = &m.services[0];
    assert_int_equal(m.group_count, 2);
    assert_int_equal(m.groups[1].strategy, SUP_REST_FOR_ONE);
    assert_int_equal(m.groups[1].intensity, 3);
    assert_int_equal(m.groups[1].period_s, 20);
    assert_int_equal(s->group, 1);
    assert_string_equal(s->args[1], "two words");
    assert_int_equal(s->arg_count, 3);
    assert_int_equal(s->env_count, 2);
    assert_int_equal(s->restart, SUP_TYPE_TRANSIENT);
    assert_int_equal(s->shutdown_ms, 250);
    assert_int_equal(s->when, WHEN_RUN);
    assert_int_equal(s->limits[LIMIT_PAGES], 100);
    assert_true(s->limits[LIMIT_THREADS] == UINT64_MAX);
    assert_int_equal(s->give_count, 7);
    assert_int_equal(s->gives[0].source, GIVE_ENDPOINT_SERVE);
    assert_int_equal(s->gives[1].badge, 7);
    assert_int_equal(s->gives[2].rights & (RIGHT_READ | RIGHT_WRITE | RIGHT_MANAGE),
                     RIGHT_READ | RIGHT_WRITE);
    assert_int_equal(s->gives[3].permissions, SUP_MAY_LIST | SUP_MAY_START);
}

static void what_is_not_said_has_the_documented_value(void **state)
{
    (void)state;
    assert_true(parse(HEAD));
    assert_int_equal(m.services[0].restart, SUP_TYPE_PERMANENT);
    assert_int_equal(m.services[0].shutdown_ms, 0);
    assert_int_equal(m.services[0].when, WHEN_ALWAYS);
    assert_int_equal(m.groups[0].intensity, 1);
    assert_int_equal(m.groups[0].period_s, 5);
}

static void groups_and_services_keep_their_order(void **state)
{
    (void)state;
    assert_true(parse(HEAD "group g\nservice b\nprogram p\n"));
    assert_int_equal(m.order_count, 3);
    assert_int_equal(m.order[0], 0 | MANIFEST_SERVICE);
    assert_int_equal(m.order[1], 1);
    assert_int_equal(m.order[2], 1 | MANIFEST_SERVICE);
}

static void a_service_after_groups_may_be_in_any_of_them(void **state)
{
    (void)state;
    assert_true(
        parse("group g\ngroup h\nin g\nservice a\nprogram p\nin h\nservice b\nprogram p\nin g\n"));
    assert_int_equal(m.groups[2].parent, 1);
    assert_int_equal(m.services[0].group, 2);
    assert_int_equal(m.services[1].group, 1);
}

static void a_job_or_resource_can_be_given_with_more_rights(void **state)
{
    (void)state;
    assert_true(parse(HEAD "give j job root manage\ngive r resource root manage\n"));
    assert_true((m.services[0].gives[0].rights & RIGHT_MANAGE) != 0);
    assert_int_equal(m.services[0].gives[1].kind, RESOURCE_ROOT);
}

static void every_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    refused("", "line 1: no service at all");
    refused("bogus\n", "line 1: unknown word 'bogus'");
    refused("\n\nprogram x\n", "line 3: 'program' does not belong here");
    refused("service a\n", "line 1: the service 'a' has no program");
    refused("service\n", "line 1: 'service' with 0 words behind it");
    refused(HEAD "service a\n", "line 3: there is a service 'a' already, line 1");
    refused("group g\ngroup g\n", "line 2: there is a group 'g' already");
    refused(HEAD "in g\n", "line 3: no group 'g' stands before this line");
    refused("group g\nin g\n", "line 2: no group 'g' stands before this line");
    refused("group root\nin root\n", "line 2: no group 'root' stands before this line");
    refused("group g\nstrategy none\n",
            "line 2: 'none' is none of: one_for_one, one_for_all, rest_for_one");
    refused("group g\nintensity -1\n", "line 2: '-1' is not a number from 0 to 30");
    refused("group g\nintensity 31\n", "line 2: '31' is not a number from 0 to 30");
    refused("group g\nperiod 0\n", "line 2: a period of 0 seconds");
    refused(HEAD "shutdown 99999999999999999999999\n",
            "line 3: '99999999999999999999999' is not a number from 0 to 60000");
    refused(HEAD "env HOME\n", "line 3: 'HOME' is not NAME=value");
    refused(HEAD "args \"open\n", "line 3: a quote that is not closed");
    refused(HEAD "limit wives 3\n",
            "line 3: 'wives' is none of: pages, handles, threads, processes, objects");
    refused(
        HEAD "give x nothing\n",
        "line 3: 'nothing' is none of: endpoint, resource, job, supervisor, bootimage, devicetree");
    refused(HEAD "give x endpoint e\n",
            "line 3: expected: give HANDLE endpoint NAME serve | badge N");
    refused(HEAD "give x endpoint e badge 0\n", "line 3: badge 0 is for unbadged handles");
    refused(HEAD "give x endpoint e badge 1\n", "line 3: nobody serves the endpoint 'e'");
    refused(HEAD "give x endpoint e serve\ngive y endpoint e serve\n",
            "line 4: the endpoint 'e' has a server already");
    refused(HEAD "give x bootimage\ngive x devicetree\n",
            "line 4: a handle named 'x' is given already");
    refused(HEAD "give x resource log\n", "line 3: it says nothing about what may be done with it");
    refused(HEAD "significant\n",
            "line 1: the service 'a' is significant, but permanent: it never ends for good");
    refused(HEAD "give x job root kill\n", "line 3: expected: job self | job root [manage]");
}

static void names_must_fit_where_they_go(void **state)
{
    (void)state;
    refused("service abcdefghijklmnopqrstuvwxyz0123456\n",
            "line 1: the name 'abcdefghijklmnopqrstuvwxyz0123456' must have 1 to 31 bytes");
    refused(HEAD "give abcdefghijklmnopqrstuvwxyz01 bootimage\n",
            "line 3: the name 'abcdefghijklmnopqrstuvwxyz01' must have 1 to 27 bytes");
    refused("service \"\"\n", "line 1: the name '' must have 1 to 31 bytes");
}

static void more_than_fits_is_refused(void **state)
{
    (void)state;
    char text[8192] = "";
    for (unsigned i = 0; i <= MANIFEST_SERVICES_MAX; i++) {
        size_t n = strlen(text);
        (void)snprintf(text + n, sizeof(text) - n, "service s%u\nprogram p\n", i);
    }
    refused(text, "line 65: more than 32 services");
    refused("service a b c d e f g h i j k l m\n", "line 1: more than 12 words");
}

static void random_damage_never_hurts(void **state)
{
    (void)state;
    static const char sound[] =
        "group g\nstrategy one_for_all\nservice a\nin g\nprogram bin/a\nargs x \"y z\"\nlimit pages 5\n"
        "give e endpoint e serve\ngive f endpoint e badge 3\ngive l resource log write\n";
    uint64_t seed = 7;
    for (unsigned round = 0; round < 20000; round++) {
        char text[sizeof(sound)];
        memcpy(text, sound, sizeof(sound));
        for (unsigned i = 0; i < 4; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[(seed >> 33) % (sizeof(sound) - 1)] = (char)(seed >> 25);
        }
        (void)manifest_parse(text, sizeof(sound) - 1, &m, message, sizeof(message));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_is_read_with_everything_it_may_say),
        cmocka_unit_test(what_is_not_said_has_the_documented_value),
        cmocka_unit_test(groups_and_services_keep_their_order),
        cmocka_unit_test(a_service_after_groups_may_be_in_any_of_them),
        cmocka_unit_test(a_job_or_resource_can_be_given_with_more_rights),
        cmocka_unit_test(every_mistake_is_told_with_its_line),
        cmocka_unit_test(names_must_fit_where_they_go),
        cmocka_unit_test(more_than_fits_is_refused),
        cmocka_unit_test(random_damage_never_hurts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
