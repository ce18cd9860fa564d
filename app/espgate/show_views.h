/* Views of `show` as text for people. */
#ifndef ESPGATE_SHOW_VIEWS_H
#define ESPGATE_SHOW_VIEWS_H

#include <stdbool.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "espgate/control_protocol.h"

/* Do rates need two samples? */
bool eg_show_view_has_rates(enum eg_control_show what);

/* Append the view `now`. `before`: an earlier sample, for rates; NULL: none. */
void eg_show_view(enum eg_control_show what, struct json_object *now, struct json_object *before,
		  struct eg_buf *out);

#endif
