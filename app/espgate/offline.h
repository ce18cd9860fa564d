/* Opening a configuration only to look at it: policy and routes, no keys, no device, no privilege.
 * What explain and replay share. */
#ifndef ESPGATE_OFFLINE_H
#define ESPGATE_OFFLINE_H

#include "conf/config.h"
#include "snap/snap.h"

struct eg_view {
	struct eg_config *config;
	struct eg_snap *snap; /* without SAs */
};

/* 0, or -1 with all errors printed on standard error. eg_view_close() also then. */
int eg_view_open(struct eg_view *view, const char *path);
void eg_view_close(struct eg_view *view);

#endif
