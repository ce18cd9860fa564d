/* The log: one line an event, `TIME LEVEL module: text`. Control thread only: workers never log.
 * Nothing that is secret is ever an argument. */
#ifndef EG_BASE_LOG_H
#define EG_BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

enum eg_log_level {
	EG_LOG_ERROR,
	EG_LOG_WARNING,
	EG_LOG_INFO,
	EG_LOG_DEBUG,
	EG_LOG_LEVELS,
};

/* Modules whose level can be set alone. */
enum eg_log_module {
	EG_LOG_CORE,
	EG_LOG_PORT,
	EG_LOG_ESP,
	EG_LOG_ROUTE,
	EG_LOG_POLICY,
	EG_LOG_MODULES,
};

/* "warning", "port": as the configuration and the log's lines have them. */
const char *eg_log_level_name(enum eg_log_level level);
const char *eg_log_module_name(enum eg_log_module module);

/* Owner: the caller; eg_log_close() ends what eg_log_open() began. */
struct eg_log {
	FILE *out;
	char *target; /* "stderr" or the file's path; owned */
	enum eg_log_level level[EG_LOG_MODULES];
};

/* Send lines to "stderr" or append to a file (made with mode 0640). 0, or -1 with errno. */
int eg_log_open(struct eg_log *log, const char *target, const enum eg_log_level *levels);

/* The same target anew: what logrotate moved away is let go. 0, or -1 with errno: then lines go
 * where they went. */
int eg_log_reopen(struct eg_log *log);

/* Close the file; lines go nowhere. */
void eg_log_close(struct eg_log *log);

void eg_log(struct eg_log *log, enum eg_log_module module, enum eg_log_level level, const char *fmt,
	    ...) __attribute__((format(printf, 4, 5)));

#endif
