// SPDX-License-Identifier: MIT
// See manifest.h. Each line is split into words; a table maps the first word to the function that
// reads the rest.

#include "user/servers/root/manifest.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BADGE_MAX       UINT32_MAX
#define SHUTDOWN_MS_MAX 60000u
#define PERIOD_MAX      86400u

enum section { IN_NONE = 1, IN_GROUP = 2, IN_SERVICE = 4 };

struct parser {
    struct manifest *m;
    unsigned line;
    char words[MANIFEST_WORDS_MAX][MANIFEST_WORD_BYTES];
    unsigned count;
    enum section section;
    struct manifest_group *group;
    struct manifest_service *service;
    char *message;
    size_t message_bytes;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *p, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)snprintf(p->message, p->message_bytes, "line %u: %s", p->line, text);
    return false;
}

// --- words --------------------------------------------------------------------------------------

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Splits a line into words; a word may be "quoted" to hold blanks.
static bool line_split(struct parser *p, const char *at, const char *end)
{
    p->count = 0;
    for (;;) {
        while (at < end && is_blank(*at)) {
            at++;
        }
        if (at == end || *at == '#') {
            return true;
        }
        if (p->count == MANIFEST_WORDS_MAX) {
            return fail(p, "more than %u words", MANIFEST_WORDS_MAX);
        }
        char *word = p->words[p->count++];
        size_t n = 0;
        bool quoted = *at == '"';
        at += quoted ? 1 : 0;
        while (at < end && (quoted ? *at != '"' : !is_blank(*at))) {
            if (n + 1 == MANIFEST_WORD_BYTES || *at == '\0') {
                return fail(p, "a word of more than %u bytes, or with a zero byte",
                            MANIFEST_WORD_BYTES - 1);
            }
            word[n++] = *at++;
        }
        word[n] = '\0';
        if (quoted && at == end) {
            return fail(p, "a quote that is not closed");
        }
        at += quoted ? 1 : 0;
    }
}

static bool number_read(struct parser *p, unsigned word, uint64_t max, uint64_t *value)
{
    const char *s = p->words[word];
    *value = 0;
    if (*s == '\0') {
        return fail(p, "a number is missing");
    }
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9' || *value > (max - (uint64_t)(*s - '0')) / 10) {
            return fail(p, "'%s' is not a number from 0 to %" PRIu64, p->words[word], max);
        }
        *value = *value * 10 + (uint64_t)(*s - '0');
    }
    return true;
}

// The index of a word in a list ended by NULL; fails naming the choices.
static bool choice_read(struct parser *p, unsigned word, const char *const *choices,
                        unsigned *index)
{
    char all[120] = "";
    for (*index = 0; choices[*index] != NULL; (*index)++) {
        if (strcmp(p->words[word], choices[*index]) == 0) {
            return true;
        }
        size_t n = strlen(all);
        (void)snprintf(all + n, sizeof(all) - n, "%s%s", n > 0 ? ", " : "", choices[*index]);
    }
    return fail(p, "'%s' is none of: %s", p->words[word], all);
}

// Names become process names and startup handle names.
static bool name_check(struct parser *p, const char *name, size_t size)
{
    if (*name == '\0' || strlen(name) >= size) {
        return fail(p, "the name '%s' must have 1 to %zu bytes", name, size - 1);
    }
    for (const char *s = name; *s != '\0'; s++) {
        if (*s <= ' ' || *s > '~') {
            return fail(p, "the name '%s' has a character that is not printable ASCII", name);
        }
    }
    return true;
}

// --- groups and services ------------------------------------------------------------------------

static struct manifest_group *group_find(struct manifest *m, const char *name)
{
    for (unsigned i = 0; i < m->group_count; i++) {
        if (strcmp(m->groups[i].name, name) == 0) {
            return &m->groups[i];
        }
    }
    return NULL;
}

static bool name_is_free(struct parser *p, const char *name)
{
    for (unsigned i = 0; i < p->m->service_count; i++) {
        if (strcmp(p->m->services[i].name, name) == 0) {
            return fail(p, "there is a service '%s' already, line %u", name,
                        p->m->services[i].line);
        }
    }
    return group_find(p->m, name) == NULL || fail(p, "there is a group '%s' already", name);
}

static bool read_group(struct parser *p)
{
    struct manifest *m = p->m;
    p->section = IN_GROUP;
    if (strcmp(p->words[1], "root") == 0) { // the topmost group exists; this describes it
        p->group = &m->groups[0];
        return true;
    }
    if (!name_check(p, p->words[1], NAME_MAX_BYTES) || !name_is_free(p, p->words[1])) {
        return false;
    }
    if (m->group_count == MANIFEST_GROUPS_MAX) {
        return fail(p, "more than %u groups", MANIFEST_GROUPS_MAX);
    }
    p->group = &m->groups[m->group_count];
    *p->group = (struct manifest_group){.intensity = 1, .period_s = 5};
    strcpy(p->group->name, p->words[1]);
    m->order[m->order_count++] = m->group_count++;
    return true;
}

static bool read_service(struct parser *p)
{
    struct manifest *m = p->m;
    p->section = IN_SERVICE;
    if (!name_check(p, p->words[1], NAME_MAX_BYTES) || !name_is_free(p, p->words[1])) {
        return false;
    }
    if (m->service_count == MANIFEST_SERVICES_MAX) {
        return fail(p, "more than %u services", MANIFEST_SERVICES_MAX);
    }
    p->service = &m->services[m->service_count];
    memset(p->service, 0, sizeof(*p->service));
    for (unsigned i = 0; i < LIMIT_KINDS; i++) {
        p->service->limits[i] = UINT64_MAX;
    }
    p->service->line = p->line;
    strcpy(p->service->name, p->words[1]);
    m->order[m->order_count++] = m->service_count++ | MANIFEST_SERVICE;
    return true;
}

// A group can only be in one that stands before it, so the groups form a tree.
static bool read_in(struct parser *p)
{
    struct manifest_group *g = group_find(p->m, p->words[1]);
    if (g == NULL || (p->section == IN_GROUP && g == p->group)) {
        return fail(p, "no group '%s' stands before this line", p->words[1]);
    }
    uint32_t index = (uint32_t)(g - p->m->groups);
    if (p->section == IN_SERVICE) {
        p->service->group = index;
    } else if (p->group == &p->m->groups[0]) {
        return fail(p, "the group root is in no other");
    } else {
        p->group->parent = index;
    }
    return true;
}

static bool read_strategy(struct parser *p)
{
    static const char *const choices[] = {"one_for_one", "one_for_all", "rest_for_one", NULL};
    unsigned i;
    if (!choice_read(p, 1, choices, &i)) {
        return false;
    }
    p->group->strategy = (enum sup_strategy)i;
    return true;
}

static bool read_intensity(struct parser *p)
{
    uint64_t n;
    if (!number_read(p, 1, SUP_INTENSITY_MAX, &n)) {
        return false;
    }
    p->group->intensity = (uint32_t)n;
    return true;
}

static bool read_period(struct parser *p)
{
    uint64_t n;
    if (!number_read(p, 1, PERIOD_MAX, &n)) {
        return false;
    }
    if (n == 0) {
        return fail(p, "a period of 0 seconds");
    }
    p->group->period_s = (uint32_t)n;
    return true;
}

static bool read_program(struct parser *p)
{
    strcpy(p->service->program, p->words[1]);
    return true;
}

static bool words_append(struct parser *p, char list[][MANIFEST_WORD_BYTES], unsigned *count)
{
    for (unsigned i = 1; i < p->count; i++) {
        if (*count == MANIFEST_WORDS_MAX) {
            return fail(p, "more than %u words in all", MANIFEST_WORDS_MAX);
        }
        strcpy(list[(*count)++], p->words[i]);
    }
    return true;
}

static bool read_args(struct parser *p)
{
    return words_append(p, p->service->args, &p->service->arg_count);
}

static bool read_env(struct parser *p)
{
    for (unsigned i = 1; i < p->count; i++) {
        if (strchr(p->words[i], '=') == NULL) {
            return fail(p, "'%s' is not NAME=value", p->words[i]);
        }
    }
    return words_append(p, p->service->env, &p->service->env_count);
}

static bool read_restart(struct parser *p)
{
    static const char *const choices[] = {"permanent", "transient", "temporary", NULL};
    unsigned i;
    if (!choice_read(p, 1, choices, &i)) {
        return false;
    }
    p->service->restart = (enum sup_restart_type)i;
    return true;
}

static bool read_shutdown(struct parser *p)
{
    uint64_t ms = 0;
    if (strcmp(p->words[1], "kill") != 0 && !number_read(p, 1, SHUTDOWN_MS_MAX, &ms)) {
        return false;
    }
    p->service->shutdown_ms = (uint32_t)ms;
    return true;
}

static bool read_significant(struct parser *p)
{
    p->service->significant = true;
    return true;
}

static bool read_only(struct parser *p)
{
    static const char *const choices[] = {"shell", "run", NULL};
    unsigned i;
    if (!choice_read(p, 1, choices, &i)) {
        return false;
    }
    p->service->when = i == 0 ? WHEN_SHELL : WHEN_RUN;
    return true;
}

static bool read_limit(struct parser *p)
{
    static const char *const choices[] = {
        [LIMIT_PAGES] = "pages",         [LIMIT_HANDLES] = "handles", [LIMIT_THREADS] = "threads",
        [LIMIT_PROCESSES] = "processes", [LIMIT_OBJECTS] = "objects", [LIMIT_KINDS] = NULL,
    };
    unsigned kind;
    return choice_read(p, 1, choices, &kind) &&
           number_read(p, 2, UINT64_MAX - 1, &p->service->limits[kind]);
}

// --- give ---------------------------------------------------------------------------------------

static bool endpoint_get(struct parser *p, const char *name, uint32_t *index)
{
    struct manifest *m = p->m;
    for (*index = 0; *index < m->endpoint_count; (*index)++) {
        if (strcmp(m->endpoints[*index].name, name) == 0) {
            return true;
        }
    }
    if (m->endpoint_count == MANIFEST_ENDPOINTS_MAX) {
        return fail(p, "more than %u endpoints", MANIFEST_ENDPOINTS_MAX);
    }
    if (!name_check(p, name, NAME_MAX_BYTES)) {
        return false;
    }
    struct manifest_endpoint *e = &m->endpoints[m->endpoint_count++];
    *e = (struct manifest_endpoint){.line = p->line};
    strcpy(e->name, name);
    return true;
}

// endpoint NAME serve | endpoint NAME badge N
static bool give_endpoint(struct parser *p, struct manifest_give *g)
{
    if (p->count < 5 || !endpoint_get(p, p->words[3], &g->index)) {
        return p->count >= 5 ? false
                             : fail(p, "expected: give HANDLE endpoint NAME serve | badge N");
    }
    if (strcmp(p->words[4], "serve") == 0 && p->count == 5) {
        struct manifest_endpoint *e = &p->m->endpoints[g->index];
        g->source = GIVE_ENDPOINT_SERVE;
        if (e->served) {
            return fail(p, "the endpoint '%s' has a server already", e->name);
        }
        e->served = true;
        return true;
    }
    if (strcmp(p->words[4], "badge") != 0 || p->count != 6) {
        return fail(p, "expected: give HANDLE endpoint NAME serve | badge N");
    }
    g->source = GIVE_ENDPOINT_CLIENT;
    if (!number_read(p, 5, BADGE_MAX, &g->badge)) {
        return false;
    }
    return g->badge != 0 || fail(p, "badge 0 is for unbadged handles");
}

// The rest of the line as flags out of a list; each may stand once or more, at least one must.
static bool flags_read(struct parser *p, unsigned from, const char *const *choices, uint32_t *mask)
{
    *mask = 0;
    for (unsigned i = from; i < p->count; i++) {
        unsigned bit;
        if (!choice_read(p, i, choices, &bit)) {
            return false;
        }
        *mask |= 1u << bit;
    }
    return *mask != 0 || fail(p, "it says nothing about what may be done with it");
}

static bool give_resource(struct parser *p, struct manifest_give *g)
{
    static const char *const kinds[] = {"root", "log", "power", "mmio",
                                        "irq",  "dma", "clock", NULL};
    static const enum resource_kind values[] = {RESOURCE_ROOT, RESOURCE_LOG, RESOURCE_POWER,
                                                RESOURCE_MMIO, RESOURCE_IRQ, RESOURCE_DMA,
                                                RESOURCE_CLOCK};
    static const char *const rights[] = {"read", "write", "manage", NULL};
    static const rights_t bits[] = {RIGHT_READ, RIGHT_WRITE, RIGHT_MANAGE};
    unsigned kind;
    uint32_t mask;
    if (!choice_read(p, 3, kinds, &kind) || !flags_read(p, 4, rights, &mask)) {
        return false;
    }
    g->source = GIVE_RESOURCE;
    g->kind = values[kind];
    g->rights = RIGHT_INSPECT | RIGHT_DUPLICATE | RIGHT_TRANSFER;
    for (unsigned i = 0; i < 3; i++) {
        g->rights |= (mask >> i & 1) != 0 ? bits[i] : 0;
    }
    return true;
}

static bool give_job(struct parser *p, struct manifest_give *g)
{
    static const char *const choices[] = {"self", "root", NULL};
    unsigned i;
    if (!choice_read(p, 3, choices, &i)) {
        return false;
    }
    g->source = i == 0 ? GIVE_JOB_SELF : GIVE_JOB_ROOT;
    g->rights = RIGHT_ENUMERATE | RIGHT_INSPECT | RIGHT_DUPLICATE | RIGHT_TRANSFER;
    if (p->count == 4) {
        return true;
    }
    g->rights |= RIGHT_MANAGE;
    return (i == 1 && p->count == 5 && strcmp(p->words[4], "manage") == 0) ||
           fail(p, "expected: job self | job root [manage]");
}

static bool give_supervisor(struct parser *p, struct manifest_give *g)
{
    static const char *const choices[] = {"list", "kill", "shutdown", "start", "done", NULL};
    static_assert(SUP_MAY_LIST == 1 && SUP_MAY_KILL == 2 && SUP_MAY_SHUTDOWN == 4 &&
                      SUP_MAY_START == 8 && SUP_MAY_DONE == 16,
                  "bits in the order of the words");
    g->source = GIVE_SUPERVISOR;
    return flags_read(p, 3, choices, &g->permissions);
}

static bool give_boot_image(struct parser *p, struct manifest_give *g)
{
    g->source = GIVE_BOOT_IMAGE;
    return p->count == 3 || fail(p, "too many words");
}

static bool give_device_tree(struct parser *p, struct manifest_give *g)
{
    g->source = GIVE_DEVICE_TREE;
    return p->count == 3 || fail(p, "too many words");
}

static bool read_give(struct parser *p)
{
    static const char *const sources[] = {"endpoint",  "resource",   "job", "supervisor",
                                          "bootimage", "devicetree", NULL};
    static bool (*const readers[])(struct parser *, struct manifest_give *) = {
        give_endpoint, give_resource, give_job, give_supervisor, give_boot_image, give_device_tree};
    struct manifest_service *s = p->service;
    if (s->give_count == MANIFEST_GIVES_MAX) {
        return fail(p, "more than %u handles for one service", MANIFEST_GIVES_MAX);
    }
    struct manifest_give *g = &s->gives[s->give_count];
    memset(g, 0, sizeof(*g));
    unsigned source;
    if (!name_check(p, p->words[1], sizeof(g->name)) || !choice_read(p, 2, sources, &source)) {
        return false;
    }
    for (unsigned i = 0; i < s->give_count; i++) {
        if (strcmp(s->gives[i].name, p->words[1]) == 0) {
            return fail(p, "a handle named '%s' is given already", p->words[1]);
        }
    }
    strcpy(g->name, p->words[1]);
    s->give_count++;
    return readers[source](p, g);
}

// --- lines --------------------------------------------------------------------------------------

static const struct statement {
    const char *word;
    unsigned where;                // enum section, or-ed
    unsigned count_min, count_max; // words, with the first
    bool (*read)(struct parser *p);
} statements[] = {
    {"group", IN_NONE | IN_GROUP | IN_SERVICE, 2, 2, read_group},
    {"service", IN_NONE | IN_GROUP | IN_SERVICE, 2, 2, read_service},
    {"in", IN_GROUP | IN_SERVICE, 2, 2, read_in},
    {"strategy", IN_GROUP, 2, 2, read_strategy},
    {"intensity", IN_GROUP, 2, 2, read_intensity},
    {"period", IN_GROUP, 2, 2, read_period},
    {"program", IN_SERVICE, 2, 2, read_program},
    {"args", IN_SERVICE, 2, MANIFEST_WORDS_MAX, read_args},
    {"env", IN_SERVICE, 2, MANIFEST_WORDS_MAX, read_env},
    {"restart", IN_SERVICE, 2, 2, read_restart},
    {"shutdown", IN_SERVICE, 2, 2, read_shutdown},
    {"only", IN_SERVICE, 2, 2, read_only},
    {"significant", IN_SERVICE, 1, 1, read_significant},
    {"limit", IN_SERVICE, 3, 3, read_limit},
    {"give", IN_SERVICE, 3, MANIFEST_WORDS_MAX, read_give},
};

static bool line_read(struct parser *p)
{
    if (p->count == 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        const struct statement *s = &statements[i];
        if (strcmp(p->words[0], s->word) != 0) {
            continue;
        }
        if ((s->where & p->section) == 0) {
            return fail(p, "'%s' does not belong here", s->word);
        }
        if (p->count < s->count_min || p->count > s->count_max) {
            return fail(p, "'%s' with %u words behind it", s->word, p->count - 1);
        }
        for (unsigned w = p->count; w < MANIFEST_WORDS_MAX; w++) {
            p->words[w][0] = '\0'; // what is missing reads as empty
        }
        return s->read(p);
    }
    return fail(p, "unknown word '%s'", p->words[0]);
}

// What can be said only when everything has been read.
static bool whole_check(struct parser *p)
{
    for (unsigned i = 0; i < p->m->service_count; i++) {
        p->line = p->m->services[i].line;
        if (p->m->services[i].program[0] == '\0') {
            return fail(p, "the service '%s' has no program", p->m->services[i].name);
        }
        if (p->m->services[i].significant && p->m->services[i].restart == SUP_TYPE_PERMANENT) {
            return fail(p, "the service '%s' is significant, but permanent: it never ends for good",
                        p->m->services[i].name);
        }
    }
    for (unsigned i = 0; i < p->m->endpoint_count; i++) {
        p->line = p->m->endpoints[i].line;
        if (!p->m->endpoints[i].served) {
            return fail(p, "nobody serves the endpoint '%s'", p->m->endpoints[i].name);
        }
    }
    p->line = 1;
    return p->m->service_count > 0 || fail(p, "no service at all");
}

bool manifest_parse(const char *text, size_t bytes, struct manifest *m, char *message,
                    size_t message_bytes)
{
    struct parser p = {
        .m = m, .section = IN_NONE, .message = message, .message_bytes = message_bytes};
    memset(m, 0, sizeof(*m));
    m->groups[0] = (struct manifest_group){.name = "root", .intensity = 1, .period_s = 5};
    m->group_count = 1;
    const char *end = text + bytes;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        line_end = line_end != NULL ? line_end : end;
        p.line++;
        if (!line_split(&p, text, line_end) || !line_read(&p)) {
            return false;
        }
        text = line_end < end ? line_end + 1 : end;
    }
    return whole_check(&p);
}
