/* explain: where several peers have a subnet, who takes how much of it, and who when others are
 * dead.
 */
#ifndef ESPGATE_EXPLAIN_GROUP_H
#define ESPGATE_EXPLAIN_GROUP_H

#include "base/buf.h"
#include "offline.h"

/* Append lines; or members of a JSON object, the comma before them included. */
void eg_explain_group_text(const struct eg_view *view, const struct eg_hop *hop,
			   struct eg_buf *out);
void eg_explain_group_json(const struct eg_view *view, const struct eg_hop *hop,
			   struct eg_buf *out);

#endif
