#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
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

int eg_log_open(struct eg_log *log, const char *target, const enum eg_log_level *levels)
{
	int fd;

	memcpy(log->level, levels, sizeof(log->level));
	log->out = stderr;
	if (!strcmp(target, "stderr"))
		return 0;
	fd = open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	log->out = fdopen(fd, "a");
	if (!log->out) {
		close(fd);
		log->out = stderr;
		return -1;
	}
	setlinebuf(log->out);
	return 0;
}

void eg_log_close(struct eg_log *log)
{
	if (log->out && log->out != stderr)
		fclose(log->out);
	log->out = NULL;
}

void eg_log(struct eg_log *log, enum eg_log_module module, enum eg_log_level level, const char *fmt,
	    ...)
{
	struct timespec now;
	struct tm tm;
	char when[32];
	va_list ap;

	if (level > log->level[module])
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
