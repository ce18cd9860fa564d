#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *eg_log_level_name(enum eg_log_level level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	return names[level];
}

const char *eg_log_module_name(enum eg_log_module module)
{
	static const char *const names[] = {"core", "port", "esp", "route", "policy"};

	return names[module];
}

/* NULL with errno set. */
static FILE *open_target(const char *target)
{
	FILE *out;
	int fd;

	if (!strcmp(target, "stderr"))
		return stderr;
	/* Non-blocking: a pipe without a reader must not stall the control thread. */
	fd = open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0)
		return NULL;
	out = fdopen(fd, "a");
	if (!out)
		close(fd);
	else
		setlinebuf(out);
	return out;
}

static void close_target(FILE *out)
{
	if (out && out != stderr)
		fclose(out);
}

int eg_log_open(struct eg_log *log, const char *target, const enum eg_log_level *levels)
{
	memcpy(log->level, levels, sizeof(log->level));
	log->target = strdup(target);
	log->out = log->target ? open_target(target) : NULL;
	if (log->out)
		return 0;
	free(log->target);
	log->target = NULL;
	return -1;
}

int eg_log_reopen(struct eg_log *log)
{
	FILE *out = open_target(log->target);

	if (!out)
		return -1;
	close_target(log->out);
	log->out = out;
	return 0;
}

void eg_log_close(struct eg_log *log)
{
	close_target(log->out);
	free(log->target);
	log->out = NULL;
	log->target = NULL;
}

void eg_log(struct eg_log *log, enum eg_log_module module, enum eg_log_level level, const char *fmt,
	    ...)
{
	struct timespec now;
	struct tm tm;
	char when[32];
	va_list ap;

	if (!log->out || level > log->level[module])
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(log->out, "%s.%03ldZ %s %s: ", when, now.tv_nsec / 1000000,
		eg_log_level_name(level), eg_log_module_name(module));
	va_start(ap, fmt);
	vfprintf(log->out, fmt, ap);
	va_end(ap);
	fputc('\n', log->out);
}
