/* Starting DPDK: the configuration's eal.args, the arguments that the configuration implies
 * (lcores, devices, memory), and those after -- on the command line, which take precedence. */
#include "port/eal.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "base/vec.h"
#include "port/driver.h"
#include "port/interface.h"

/* Enough for jumbo buffers, a capture and several workers. Without hugepages, EAL's default is 64
 * MiB. */
#define MEGABYTES 1024

struct argv {
	EG_VEC(char *) v;
	bool failed;
};

static void add(struct argv *argv, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct argv *argv, const char *fmt, ...)
{
	struct eg_buf text = {0};
	char **slot = eg_vec_add(&argv->v);
	va_list ap;

	va_start(ap, fmt);
	eg_buf_vadd(&text, fmt, ap);
	va_end(ap);
	if (slot)
		*slot = text.v;
	if (!slot || !text.v)
		argv->failed = true;
}

/* "--lcores" of "--lcores=1,2" and of "--lcores"; "-l" of "-l1,2". */
static size_t name_len(const char *arg)
{
	return arg[0] == '-' && arg[1] == '-' ? strcspn(arg, "=") : 2;
}

static bool same_option(const char *arg, const char *name)
{
	return name_len(arg) == strlen(name) && !strncmp(arg, name, strlen(name));
}

static bool has(const struct argv *argv, const char *name)
{
	eg_vec_foreach (arg, &argv->v) {
		if (same_option(*arg, name))
			return true;
	}
	return false;
}

/* These options may be given several times and accumulate; EAL accepts any other only once. */
static bool repeats(const char *arg)
{
	static const char *const many[] = {"--vdev",  "-a", "--allow",    "-b",
					   "--block", "-d", "--log-level"};

	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++) {
		if (same_option(arg, many[i]))
			return true;
	}
	return false;
}

static bool overridden(const char *arg, char **args, int n_args)
{
	if (arg[0] != '-' || repeats(arg))
		return false;
	for (int i = 0; i < n_args; i++) {
		if (args[i][0] == '-' && name_len(args[i]) == name_len(arg) &&
		    !strncmp(args[i], arg, name_len(arg)))
			return true;
	}
	return false;
}

static void merge(struct argv *argv, const struct eg_config *config, char **args, int n_args)
{
	bool skipping = false;

	add(argv, "espgate");
	eg_vec_foreach (arg, &config->eal_args) {
		/* A dropped option takes its separate value with it. */
		if ((*arg)[0] == '-')
			skipping = overridden(*arg, args, n_args);
		if (!skipping)
			add(argv, "%s", *arg);
	}
	for (int i = 0; i < n_args; i++)
		add(argv, "%s", args[i]);
}

/* Free pages of one size, "hugepages-2048kB", in MiB. */
static unsigned long free_megabytes(const char *root, const char *size)
{
	unsigned long kilobytes = 0, pages = 0;
	char path[512];
	FILE *file;

	if (sscanf(size, "hugepages-%lukB", &kilobytes) != 1)
		return 0;
	snprintf(path, sizeof(path), "%s/%s/free_hugepages", root, size);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * kilobytes / 1024;
}

/* DPDK's error for a shortage of pages is not helpful: check first. */
static unsigned long hugepages_megabytes(void)
{
	static const char root[] = "/sys/kernel/mm/hugepages";
	DIR *dir = opendir(root);
	struct dirent *entry;
	unsigned long sum = 0;

	while (dir && (entry = readdir(dir)))
		sum += free_megabytes(root, entry->d_name);
	if (dir)
		closedir(dir);
	return sum;
}

static void add_memory(struct argv *argv, struct eg_errs *errs)
{
	bool no_huge = has(argv, "--no-huge");

	if (!no_huge && !has(argv, "--huge-dir") && !has(argv, "-m") &&
	    !has(argv, "--socket-mem") && hugepages_megabytes() < MEGABYTES) {
		eg_warning(errs, NULL, "eal",
			   "%lu MiB of hugepages are free, less than %d: running with --no-huge, "
			   "slower",
			   hugepages_megabytes(), MEGABYTES);
		add(argv, "--no-huge");
		no_huge = true;
	}
	if (no_huge && !has(argv, "-m") && !has(argv, "--socket-mem"))
		add(argv, "-m%d", MEGABYTES);
	/* Nothing is shared with other processes, and nothing is left behind by a kill -9. */
	if (no_huge && !has(argv, "--no-shconf"))
		add(argv, "--no-shconf");
	if (no_huge && !has(argv, "--file-prefix"))
		add(argv, "--file-prefix=espgate%d", (int)getpid());
	if (!no_huge && !has(argv, "--file-prefix") && !has(argv, "--huge-dir"))
		add(argv, "--in-memory");
}

/* An lcore id that no worker has. */
static unsigned free_lcore_id(const struct eg_config *config, unsigned id)
{
	eg_vec_foreach (lcore, &config->lcores) {
		if (*lcore == id)
			return free_lcore_id(config, id + 1);
	}
	return id;
}

/* The first usable CPU that no worker is configured for, or -1. */
static int free_cpu(const struct eg_config *config, cpu_set_t *usable)
{
	sched_getaffinity(0, sizeof(*usable), usable);
	eg_vec_foreach (lcore, &config->lcores)
		CPU_CLR(*lcore, usable);
	for (int cpu = 0; cpu < RTE_MAX_LCORE; cpu++) {
		if (CPU_ISSET(cpu, usable))
			return cpu;
	}
	return -1;
}

/* Workers run on the configured lcores, or on each usable CPU except the control thread's. The
 * control thread gets a CPU without a worker, or shares one if there is no other. */
static void add_lcores(struct argv *argv, const struct eg_config *config)
{
	struct eg_buf workers = {0};
	cpu_set_t usable;
	int control;

	if (has(argv, "-l") || has(argv, "-c") || has(argv, "--lcores"))
		return;
	control = free_cpu(config, &usable);
	eg_vec_foreach (lcore, &config->lcores)
		eg_buf_add(&workers, ",%u", *lcore);
	for (int cpu = control + 1; !config->lcores.n && cpu < RTE_MAX_LCORE; cpu++) {
		if (CPU_ISSET(cpu, &usable))
			eg_buf_add(&workers, ",%d", cpu);
	}
	if (!workers.n)
		eg_buf_add(&workers, ",%d@%d", control + 1, control);
	if (control < 0)
		control = (int)config->lcores.v[0];
	add(argv, "--lcores=%u@%d%s", free_lcore_id(config, (unsigned)control), control, workers.v);
	add(argv, "--main-lcore=%u", free_lcore_id(config, (unsigned)control));
	eg_buf_free(&workers);
}

static void add_devices(struct argv *argv, const struct eg_config *config)
{
	bool pci = false;

	eg_vec_foreach (port, &config->ports) {
		struct eg_buf device = {0};

		if (!port->device)
			continue;
		if (eg_device_is_pci(port->device))
			pci = true;
		eg_interface_device_args(port, &device);
		add(argv, eg_device_is_pci(port->device) ? "--allow=%s" : "--vdev=%s", device.v);
		eg_buf_free(&device);
	}
	if (!pci && !has(argv, "-a") && !has(argv, "--allow") && !has(argv, "--no-pci"))
		add(argv, "--no-pci");
}

static void free_argv(struct argv *argv)
{
	eg_vec_foreach (arg, &argv->v)
		free(*arg);
	eg_vec_free(&argv->v);
}

/* EAL reorders and overwrites the pointers that it gets, and copies the strings that it stores. */
static int init(const struct argv *argv)
{
	char **scratch = calloc(argv->v.n + 1, sizeof(*scratch));
	int ret = -1;

	if (scratch && !argv->failed) {
		memcpy(scratch, argv->v.v, argv->v.n * sizeof(*scratch));
		ret = rte_eal_init((int)argv->v.n, scratch) < 0 ? -1 : 0;
	}
	free(scratch);
	return ret;
}

int eg_eal_start(const struct eg_config *config, char **args, int n_args, struct eg_errs *errs)
{
	struct argv argv = {0};
	int ret;

	merge(&argv, config, args, n_args);
	add_lcores(&argv, config);
	add_memory(&argv, errs);
	add_devices(&argv, config);
	if (!has(&argv, "--log-level")) {
		add(&argv, "--log-level=*:warning");
		add(&argv, "--log-level=lib.eal:error"); /* it warns about each page size that is
							    not configured */
	}
	if (!has(&argv, "--telemetry"))
		add(&argv, "--no-telemetry");
	ret = init(&argv);
	if (ret)
		eg_error(errs, NULL, "eal", "DPDK does not start: %s (DPDK's messages are above)",
			 rte_strerror(rte_errno));
	free_argv(&argv);
	return ret;
}
