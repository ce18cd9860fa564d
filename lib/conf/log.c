/* The sections log and stats. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/sections.h"

static bool read_one_level(struct eg_read *rd, const struct eg_node *node, enum eg_log_level *out)
{
	static const char *const names[] = {
		[EG_LOG_ERROR] = "error",
		[EG_LOG_WARNING] = "warning",
		[EG_LOG_INFO] = "info",
		[EG_LOG_DEBUG] = "debug",
	};
	unsigned level;

	if (!eg_read_enum(rd, node, names, sizeof(names) / sizeof(*names), &level))
		return false;
	*out = level;
	return true;
}

static void read_target(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_log *log = into;

	eg_read_string(rd, node, &log->target);
}

static void read_level(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_log *log = into;
	enum eg_log_level level;

	if (!read_one_level(rd, node, &level))
		return;
	for (size_t i = 0; i < EG_LOG_MODULES; i++)
		log->level[i] = level;
}

static void read_core(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_log *log = into;

	read_one_level(rd, node, &log->level[EG_LOG_CORE]);
}

static void read_port(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_log *log = into;

	read_one_level(rd, node, &log->level[EG_LOG_PORT]);
}

static void read_esp(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_log *log = into;

	read_one_level(rd, node, &log->level[EG_LOG_ESP]);
}

static void read_route(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_log *log = into;

	read_one_level(rd, node, &log->level[EG_LOG_ROUTE]);
}

static void read_policy(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_log *log = into;

	read_one_level(rd, node, &log->level[EG_LOG_POLICY]);
}

static void read_modules(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"core", read_core, false},     {"port", read_port, false},
		{"esp", read_esp, false},       {"route", read_route, false},
		{"policy", read_policy, false},
	};

	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), into);
}

/* "10/s", or 0 for none. */
static void read_drop_sample(struct eg_read *rd, const struct eg_node *node, void *into)
{
	const char *text = eg_read_text(rd, node), *slash = text ? strchr(text, '/') : NULL;
	struct eg_conf_log *log = into;
	char number[32];
	uint64_t n = 0;

	if (!text)
		return;
	snprintf(number, sizeof(number), "%.*s", (int)strcspn(text, "/"), text);
	if (eg_text_u64(number, &n) || n > UINT32_MAX || (slash ? strcmp(slash, "/s") : n > 0))
		eg_read_error(rd, &node->pos, "expected a rate like 10/s, or 0, found \"%s\"",
			      text);
	else
		log->drop_sample_per_s = (uint32_t)n;
}

void eg_conf_read_log(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"target", read_target, false},
		{"level", read_level, false}, /* default for modules not listed in `modules` */
		{"modules", read_modules, false},
		{"drop_sample", read_drop_sample, false},
	};
	struct eg_config *config = into;

	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), &config->log);
}

static void read_period(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_config *config = into;

	eg_read_duration_ns(rd, node, &config->stats_period_ns);
}

void eg_conf_read_stats(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"period", read_period, false},
	};

	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), into);
}
