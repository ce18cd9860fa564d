#include "ctl/tunnel_events.h"

#include <stdlib.h>

void eg_ctl_finish_logs(struct eg_ctl *ctl)
{
	eg_ctl_log_drops(ctl);
	eg_ctl_examine_now(ctl); /* whatever is left in the queue */
	eg_ctl_log_omitted(ctl);
}

void eg_ctl_free(struct eg_ctl *ctl)
{
	eg_vec_free(&ctl->path_mtu.learned);
	free(ctl->reload.installed.ids);
	ctl->reload.installed.ids = NULL;
}
