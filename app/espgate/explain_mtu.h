/* explain --mtu: the arithmetic of a tunnel's effective MTU. */
#ifndef ESPGATE_EXPLAIN_MTU_H
#define ESPGATE_EXPLAIN_MTU_H

#include "base/buf.h"
#include "offline.h"

/* Print it for every outbound SA of the peer; the process's exit status. */
int eg_explain_mtu(const struct eg_offline *view, const char *peer);

/* Its part about one outbound SA, appended to `out`. */
void eg_explain_mtu_sa(const struct eg_conf_sa *sa, const struct eg_tunnel *tunnel,
		       const struct eg_conf_port *port, struct eg_buf *out);

#endif
