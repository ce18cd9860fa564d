#include "ctl/ctl.h"

void eg_ctl_finish_logs(struct eg_ctl *ctl)
{
	eg_ctl_log_drops(ctl);
	eg_ctl_log_liveness(ctl);
	eg_ctl_finish_endpoints(ctl);
}
