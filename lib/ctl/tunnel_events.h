/* Private to lib/ctl: what is examined in a tunnel that a worker reported. Each call compares the
 * tunnel with what was logged of it last, so it may come too often, and never too late. */
#ifndef EG_CTL_TUNNEL_EVENTS_H
#define EG_CTL_TUNNEL_EVENTS_H

#include "ctl/ctl.h"

void eg_ctl_examine_liveness(struct eg_ctl *ctl, const struct eg_tunnel *tunnel);
void eg_ctl_examine_path_mtu(struct eg_ctl *ctl, const struct eg_tunnel *tunnel);
void eg_ctl_examine_endpoint(struct eg_ctl *ctl, const struct eg_tunnel *tunnel);

/* Examine every tunnel for everything, as a job of the loop. */
void eg_ctl_examine_all(struct eg_ctl *ctl);

/* The same at once: at the end, or if there is no memory for a job. */
void eg_ctl_examine_now(struct eg_ctl *ctl);

#endif
