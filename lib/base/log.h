/* The log: one line per event, `TIME LEVEL module: text`. Control thread only; workers never log.
 * Never log secrets. */
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

/* Modules with their own level. */
enum eg_log_module {
	EG_LOG_CORE,
	EG_LOG_PORT,
	EG_LOG_ESP,
	EG_LOG_ROUTE,
	EG_LOG_POLICY,
	EG_LOG_MODULES,
};

/* "warning", "port": as in the configuration and in log lines. */
const char *eg_log_level_name(enum eg_log_level level);
const char *eg_log_module_name(enum eg_log_module module);

/* Owned by the caller; release with eg_log_close(). */
struct eg_log {
	FILE *out;
	char *target; /* "stderr" or the file's path; owned */
	enum eg_log_level level[EG_LOG_MODULES];
};

/* Log to "stderr" or append to a file (created with mode 0640). Returns 0, or -1 with errno set. */
int eg_log_open(struct eg_log *log, const char *target, const enum eg_log_level *levels);

/* Reopen the same target, so that logrotate can move the file away. Returns 0, or -1 with errno
 * set; the old file then stays in use. */
int eg_log_reopen(struct eg_log *log);

/* Close the file. Later messages are discarded. */
void eg_log_close(struct eg_log *log);

void eg_log(struct eg_log *log, enum eg_log_module module, enum eg_log_level level, const char *fmt,
	    ...) __attribute__((format(printf, 4, 5)));

#endif
