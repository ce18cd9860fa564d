#include "control/socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "espgate/control_protocol.h"

/* The name that the file has until everything about it is right. */
#define NEW ".new"

_Static_assert(EG_CONF_SOCKET_MAX + sizeof(NEW) <= sizeof(((struct sockaddr_un *)0)->sun_path),
	       "both names fit an address");

static const struct eg_pos *place(const struct eg_pos *key, const struct eg_conf_control *conf)
{
	return key->file ? key : &conf->pos;
}

__attribute__((format(printf, 3, 4))) static int report(const struct eg_conf_control *conf,
							struct eg_errs *errs, const char *fmt, ...)
{
	struct eg_buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	eg_buf_vadd(&text, fmt, ap);
	va_end(ap);
	eg_error(errs, place(&conf->socket_pos, conf), "control.socket", "%s: %s", conf->socket,
		 text.v ? text.v : "out of memory");
	eg_buf_free(&text);
	return -1;
}

/* -1: no group is named. */
static int find_group(const struct eg_conf_control *conf, gid_t *gid, struct eg_errs *errs)
{
	struct group entry, *found = NULL;
	char buffer[16384];

	*gid = (gid_t)-1;
	if (!conf->group)
		return 0;
	getgrnam_r(conf->group, &entry, buffer, sizeof(buffer), &found);
	if (!found) {
		eg_error(errs, place(&conf->group_pos, conf), "control.group",
			 "no group is named \"%s\" here", conf->group);
		return -1;
	}
	*gid = found->gr_gid;
	return 0;
}

/* The folder of a path, in `out`; false: it is the working directory. */
static bool folder_of(const char *path, char out[EG_CONF_SOCKET_MAX + 1])
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	snprintf(out, EG_CONF_SOCKET_MAX + 1, "%.*s", (int)(slash - path), path);
	return true;
}

void eg_control_socket_check(const struct eg_conf_control *conf, struct eg_errs *errs)
{
	char folder[EG_CONF_SOCKET_MAX + 1], parent[EG_CONF_SOCKET_MAX + 1];
	struct stat st;
	gid_t gid;

	if (!conf->socket)
		return;
	find_group(conf, &gid, errs);
	if (folder_of(conf->socket, folder) && stat(folder, &st) &&
	    (errno != ENOENT || (folder_of(folder, parent) && stat(parent, &st))))
		report(conf, errs, "%s", strerror(errno));
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, path, strlen(path)); /* it fits: lib/conf has checked */
	return address;
}

/* Does a process answer there? 0: no, and the name is free to take. */
static int check_unused(const struct eg_conf_control *conf, struct eg_errs *errs)
{
	struct sockaddr_un address = address_of(conf->socket);
	struct stat st;
	int fd, err;

	if (lstat(conf->socket, &st))
		return errno == ENOENT ? 0 : report(conf, errs, "%s", strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return report(conf, errs, "exists and is not a socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return report(conf, errs, "%s", strerror(errno));
	err = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	if (err == ECONNREFUSED)
		return 0; /* nobody listens: its process is gone */
	return report(conf, errs, "%s",
		      !err || err == EAGAIN ? "another process serves it" : strerror(err));
}

/* A listening socket named `name`, with its mode and group. */
static int make(struct eg_control_socket *made, const char *name,
		const struct eg_conf_control *conf, gid_t gid)
{
	struct sockaddr_un address = address_of(name);
	mode_t mask;
	struct stat st;
	int err;

	if (!lstat(name, &st) && S_ISSOCK(st.st_mode))
		unlink(name); /* of a process that was killed while it was here */
	made->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made->fd < 0)
		return -1;
	mask = umask(0777); /* nobody connects before the group is right */
	err = bind(made->fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (err)
		return -1;
	if (lstat(name, &st) || (gid != (gid_t)-1 && chown(name, (uid_t)-1, gid)) ||
	    chmod(name, conf->mode) || listen(made->fd, EG_CONTROL_CLIENTS_MAX)) {
		err = errno;
		unlink(name);
		errno = err;
		return -1;
	}
	made->dev = st.st_dev;
	made->ino = st.st_ino;
	return 0;
}

int eg_control_socket_open(struct eg_control_socket *made, const struct eg_conf_control *conf,
			   struct eg_errs *errs)
{
	char folder[EG_CONF_SOCKET_MAX + 1], name[EG_CONF_SOCKET_MAX + sizeof(NEW)];
	gid_t gid;

	*made = (struct eg_control_socket){.fd = -1};
	if (find_group(conf, &gid, errs))
		return -1;
	if (folder_of(conf->socket, folder) && mkdir(folder, 0755) && errno != EEXIST)
		return report(conf, errs, "%s: %s", folder, strerror(errno));
	if (check_unused(conf, errs))
		return -1;
	snprintf(name, sizeof(name), "%s" NEW, conf->socket);
	made->path = strdup(conf->socket);
	if (made->path && !make(made, name, conf, gid)) {
		if (!rename(name, conf->socket))
			return 0;
		report(conf, errs, "%s", strerror(errno));
		unlink(name);
	} else {
		report(conf, errs, "%s", made->path ? strerror(errno) : "out of memory");
	}
	if (made->fd >= 0)
		close(made->fd);
	free(made->path);
	*made = (struct eg_control_socket){.fd = -1};
	return -1;
}

void eg_control_socket_close(struct eg_control_socket *made)
{
	struct stat st;

	if (made->fd < 0)
		return;
	if (!lstat(made->path, &st) && st.st_dev == made->dev && st.st_ino == made->ino)
		unlink(made->path);
	close(made->fd);
	free(made->path);
	*made = (struct eg_control_socket){.fd = -1};
}
