// SPDX-License-Identifier: MIT
// The requests root answers (bullfinch/supervisor.h).
#ifndef ROOT_SERVE_H
#define ROOT_SERVE_H

#include "user/servers/root/service.h"
#include <bullfinch/server.h>

const struct server_op *serve_ops(unsigned *count);
// main.c: carries out what the rules want now. After anything that changed the supervision tree.
void root_pump(struct root *root);

#endif
