/* The arithmetic of a tunnel's MTU, for people. */
#ifndef ESPGATE_EXPLAIN_MTU_H
#define ESPGATE_EXPLAIN_MTU_H

#include "offline.h"

/* Print it for every outbound SA of the peer; the process's exit status. */
int eg_explain_mtu(const struct eg_view *view, const char *peer);

#endif
