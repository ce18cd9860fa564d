/* What had no line of its own in the log is summed up. */
#include "ctl/ctl.h"

static void sum_up(struct eg_ctl *ctl, enum eg_log_module module, enum eg_log_level level,
		   unsigned *lines, const char *what)
{
	if (*lines > EG_CTL_LINES_MAX)
		eg_log(ctl->log, module, level, "%u more peers %s", *lines - EG_CTL_LINES_MAX,
		       what);
	*lines = 0;
}

void eg_ctl_log_omitted(struct eg_ctl *ctl)
{
	sum_up(ctl, EG_LOG_ROUTE, EG_LOG_WARNING, &ctl->endpoints.lines, "have new endpoints");
	sum_up(ctl, EG_LOG_ESP, EG_LOG_INFO, &ctl->sa_upkeep.lines, "were rekeyed");
}
