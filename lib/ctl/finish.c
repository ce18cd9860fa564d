#include "ctl/ctl.h"

#include <stdlib.h>

void eg_ctl_finish_logs(struct eg_ctl *ctl)
{
	eg_ctl_log_drops(ctl);
	eg_ctl_log_liveness(ctl);
	eg_ctl_finish_endpoints(ctl);
}

void eg_ctl_free(struct eg_ctl *ctl)
{
	free(ctl->reload.installed.ids);
	ctl->reload.installed.ids = NULL;
}
