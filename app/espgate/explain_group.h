/* explain: the peers that share a subnet, with their order of failover and their shares of the
 * flows. */
#ifndef ESPGATE_EXPLAIN_GROUP_H
#define ESPGATE_EXPLAIN_GROUP_H

#include "base/buf.h"
#include "offline.h"

/* Append lines of text, or members of a JSON object with a leading comma. */
void eg_explain_group_text(const struct eg_offline *view, const struct eg_hop *hop,
			   struct eg_buf *out);
void eg_explain_group_json(const struct eg_offline *view, const struct eg_hop *hop,
			   struct eg_buf *out);

#endif
