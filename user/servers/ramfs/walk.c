// SPDX-License-Identifier: MIT
// Following a path. The rest of the path stands at the end of a buffer, so that the target of a
// symbolic link is put before it and the walk just goes on: no recursion, and the only way up is
// ".." (which stops at the root of the walk).
#include "tree_internal.h"

#include <string.h>

struct step {
    const char *name;
    size_t bytes;
    size_t rest; // where the path goes on
    bool slash;  // slashes follow
    bool last;
};

static size_t slashes_skip(const struct walk *walk, size_t at)
{
    while (at < sizeof(walk->buffer) && walk->buffer[at] == '/') {
        at++;
    }
    return at;
}

static struct step step_next(const struct walk *walk, size_t at)
{
    struct step step = {.name = walk->buffer + at, .rest = at};
    while (step.rest < sizeof(walk->buffer) && walk->buffer[step.rest] != '/') {
        step.rest++;
    }
    step.bytes = step.rest - at;
    size_t next = slashes_skip(walk, step.rest);
    step.slash = next != step.rest;
    step.last = next == sizeof(walk->buffer);
    return step;
}

static bool step_is(const struct step *step, const char *name)
{
    return step->bytes == strlen(name) && memcmp(step->name, name, step->bytes) == 0;
}

static status_t walk_end(struct walk *walk, struct node *directory, struct node *node,
                         const struct step *step)
{
    walk->directory = directory;
    walk->node = node;
    walk->name = step != NULL ? step->name : walk->buffer;
    walk->name_bytes = step != NULL ? step->bytes : 0;
    walk->slash = step != NULL && step->slash;
    return walk->slash && node != NULL && node->type != FS_TYPE_DIRECTORY ? ERR_NOT_DIR : OK;
}

// Puts the link's target in front of what is left of the path, which begins at *at.
static status_t walk_expand(struct walk *walk, size_t *at, const struct node *link, unsigned *links)
{
    *links += 1;
    if (*links > TREE_LINKS_MAX) {
        return ERR_LOOP;
    }
    if (link->size > *at) {
        return ERR_NAME_TOO_LONG;
    }
    *at -= (size_t)link->size;
    memcpy(walk->buffer + *at, link->target, (size_t)link->size);
    return OK;
}

static status_t walk_start(struct walk *walk, struct tree_at at)
{
    if (at.bytes > FS_PATH_MAX) {
        return ERR_NAME_TOO_LONG;
    }
    if (memchr(at.path, 0, at.bytes) != NULL) {
        return ERR_INVALID_ARGS;
    }
    memcpy(walk->buffer + sizeof(walk->buffer) - at.bytes, at.path, at.bytes);
    return OK;
}

status_t walk_path(struct tree *tree, struct tree_at start, bool follow, struct walk *walk)
{
    if (start.bytes == 0) {
        return walk_end(walk, start.root, start.root, NULL);
    }
    status_t status = start.root->type == FS_TYPE_DIRECTORY ? walk_start(walk, start) : ERR_NOT_DIR;
    struct node *directory = start.root;
    size_t at = sizeof(walk->buffer) - start.bytes;
    unsigned links = 0;
    while (status == OK) {
        at = slashes_skip(walk, at);
        if (at == sizeof(walk->buffer)) {
            return walk_end(walk, directory, directory, NULL);
        }
        struct step step = step_next(walk, at);
        if (step.bytes > FS_NAME_MAX) {
            return ERR_NAME_TOO_LONG;
        }
        at = step.rest;
        if (step_is(&step, ".")) {
            continue;
        }
        if (step_is(&step, "..")) {
            directory = directory == start.root ? directory : directory->directory.parent;
            continue;
        }
        struct node_entry *entry = entry_find(tree, directory, step.name, step.bytes);
        struct node *node = entry != NULL ? entry->node : NULL;
        if (node != NULL && node->type == FS_TYPE_SYMLINK && (!step.last || step.slash || follow)) {
            directory = node->target[0] == '/' ? start.root : directory;
            status = walk_expand(walk, &at, node, &links);
            continue;
        }
        if (step.last) {
            return walk_end(walk, directory, node, &step);
        }
        if (node == NULL) {
            return ERR_NOT_FOUND;
        }
        if (node->type != FS_TYPE_DIRECTORY) {
            return ERR_NOT_DIR;
        }
        directory = node;
    }
    return status;
}
