/* Directories as left by ConfigMap mounts, git-sync and careless users, and text that Kubernetes
 * allows and YAML does not. */
#include "k8s_tests.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static char root[] = "/tmp/eg-directory-XXXXXX";

static const char *in_root(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

/* Injects faults into a directory listing. Linked with --wrap=readdir and --wrap=readdir64, the
 * name of readdir() with large file support. */
static struct {
	void (*before)(void); /* called once, before the first name is read */
	bool fail;            /* an I/O error */
	size_t n_more;        /* extra names */
} listing;

typedef struct dirent *(*readdir_fn)(DIR *dir);

static struct dirent *next_entry(DIR *dir, readdir_fn real)
{
	static struct dirent more = {.d_name = "notes.txt"};
	void (*before)(void) = listing.before;

	listing.before = NULL;
	if (before)
		before();
	if (listing.n_more) {
		listing.n_more--;
		return &more;
	}
	if (listing.fail)
		errno = EIO;
	return listing.fail ? NULL : real(dir);
}

struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);
struct dirent *__real_readdir64(DIR *dir);
struct dirent *__wrap_readdir64(DIR *dir);

struct dirent *__wrap_readdir(DIR *dir)
{
	return next_entry(dir, __real_readdir);
}

struct dirent *__wrap_readdir64(DIR *dir)
{
	return next_entry(dir, __real_readdir64);
}

/* A file with a namespace of that name. */
static void write_ns(const char *file, const char *ns)
{
	FILE *f = fopen(in_root(file), "w");

	assert_non_null(f);
	fprintf(f, "{apiVersion: v1, kind: Namespace, metadata: {name: %s}}\n", ns);
	assert_int_equal(fclose(f), 0);
}

static void make_directory(const char *name)
{
	assert_int_equal(mkdir(in_root(name), 0700), 0);
}

static void make_link(const char *to, const char *name)
{
	assert_int_equal(symlink(to, in_root(name)), 0);
}

/* Asserts the namespaces in a directory, in reading order, and the messages, one per line, without
 * the root's name. */
static void expect(const char *directory, const char *namespaces, const char *messages)
{
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(&cluster, &errs);
	struct eg_buf names = {0}, text = {0};
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, directory);
	eg_k8s_add_path(k8s, path);
	eg_k8s_finish(k8s);
	eg_buf_add(&names, "%s", "");
	eg_buf_add(&text, "%s", "");
	eg_vec_foreach (ns, &cluster.namespaces)
		eg_buf_add(&names, "%s ", eg_sym_text(&cluster.syms, ns->name));
	eg_vec_foreach (msg, &errs.msgs) {
		const char *at = strstr(msg->text, root);

		assert_non_null(at);
		eg_buf_add(&text, "%.*s%s\n", (int)(at - msg->text), msg->text,
			   at + strlen(root) + 1);
	}
	assert_string_equal(names.v, namespaces);
	assert_string_equal(text.v, messages);
	eg_buf_free(&names);
	eg_buf_free(&text);
	eg_k8s_free(k8s);
	eg_cluster_free(&cluster);
	eg_errs_free(&errs);
}

static void test_directories(void **state)
{
	(void)state;
	/* written by hand */
	make_directory("plain");
	make_directory("plain/b");
	make_directory("plain/b/deep");
	make_directory("plain/.git");
	write_ns("plain/z.yaml", "z");
	write_ns("plain/a.yml", "a");
	write_ns("plain/b/c.json", "c");
	write_ns("plain/b/deep/d.yaml", "d");
	write_ns("plain/.git/hidden.yaml", "hidden");
	write_ns("plain/notes.txt", "no");
	expect("plain", "a c d z ", "");
	/* a mounted ConfigMap: links to a directory that the next version replaces */
	make_directory("map");
	make_directory("map/..2024_01_01");
	make_directory("map/..2024_01_01/sub");
	write_ns("map/..2024_01_01/a.yaml", "a");
	write_ns("map/..2024_01_01/sub/b.yaml", "b");
	make_link("..2024_01_01", "map/..data");
	make_link("..data/a.yaml", "map/a.yaml");
	make_link("..data/sub", "map/sub");
	expect("map", "a b ", "");
	/* git-sync: a link to a worktree, and older worktrees */
	make_directory("git");
	make_directory("git/.worktrees");
	make_directory("git/.worktrees/1");
	make_directory("git/.worktrees/2");
	write_ns("git/.worktrees/1/a.yaml", "old");
	write_ns("git/.worktrees/2/a.yaml", "new");
	make_link(".worktrees/2", "git/current");
	expect("git", "new ", "");
	expect("git/current", "new ", "");
	/* loops, and one directory with two names */
	make_directory("loop");
	make_directory("loop/a");
	write_ns("loop/a/x.yaml", "x");
	make_link("..", "loop/a/up");
	make_link(".", "loop/self");
	make_link("a", "loop/twin");
	expect("loop", "x ",
	       "warning: loop/a/up: leads to a directory that has already been read\n"
	       "warning: loop/self: leads to a directory that has already been read\n"
	       "warning: loop/twin: leads to a directory that has already been read\n");
	/* not a file, or no longer there */
	make_directory("odd");
	write_ns("odd/a.yaml", "a");
	assert_int_equal(mkfifo(in_root("odd/fifo.yaml"), 0600), 0);
	assert_int_equal(mkfifo(in_root("odd/fifo"), 0600), 0);
	make_link("/dev/zero", "odd/zero.yaml");
	make_link("nowhere", "odd/gone.yaml");
	make_link("nowhere", "odd/gone");
	expect("odd", "a ",
	       "odd/fifo.yaml: is a FIFO, not a file\n"
	       "odd/gone.yaml: cannot open: No such file or directory\n"
	       "odd/zero.yaml: is a device, not a file\n");
	expect("odd/fifo.yaml", "", "odd/fifo.yaml: is a FIFO, not a file\n");
	expect("none", "", "none: cannot open: No such file or directory\n");
	make_directory("empty");
	make_directory("empty/empty");
	expect("empty", "", "empty: warning: no *.yaml, *.yml or *.json in this directory\n");
}

static void test_depth(void **state)
{
	struct eg_buf path = {0}, messages = {0};

	(void)state;
	eg_buf_add(&path, "deep");
	make_directory("deep");
	for (int i = 0; i < EG_K8S_DIRECTORY_DEPTH_MAX; i++) {
		eg_buf_add(&path, "/d");
		make_directory(path.v);
	}
	eg_buf_add(&messages,
		   "%s: directories are nested too deeply\n"
		   "deep: warning: no *.yaml, *.yml or *.json in this directory\n",
		   path.v);
	expect("deep", "", messages.v);
	eg_buf_free(&path);
	eg_buf_free(&messages);
}

/* Each inside an annotation's value or key, as in kubectl's JSON and YAML. */
static void test_text(void **state)
{
	static const char *const annotations[] = {
		"{\"a\": \"\\u0000\", \"b\": \"x\\u0000y\\0\"}",
		"{\"a\": \"\\ud83d\\ude00 and \\uD83D alone\"}",
		"{\"a\": \"DEL \x7f, C1 \xc2\x80 \xc2\x9f, NEL \xc2\x85\"}",
		"{\"a\": \"\xef\xbb\xbf and \xef\xbf\xbe \xef\xbf\xbf\"}",
		"{\"a\\u0000\": 1, \"a\x7f\": 2, \"a\\ud800\": 3, \"a\xef\xbf\xbd\": 4}",
		"{\"a\": \"\\\\ud83d\", \"b\": '\\ud83d', \"c\": \"\xf0\x9f\x98\x80\"}",
	};
	struct eg_cluster cluster = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(annotations); i++)
		for (int mark = 0; mark < 2; mark++) {
			struct eg_buf text = {0};

			eg_buf_add(&text,
				   "%s{apiVersion: v1, kind: Namespace, metadata: {name: a, "
				   "annotations: %s}}\n---\n%s{apiVersion: v1, kind: Namespace, "
				   "metadata: {name: b}}\n",
				   mark ? "\xef\xbb\xbf" : "", annotations[i],
				   mark ? "\xef\xbb\xbf" : "");
			read_cluster(text.v, &cluster, "");
			assert_int_equal(cluster.namespaces.n, 2);
			eg_cluster_free(&cluster);
			eg_buf_free(&text);
		}
	/* The replacement is neither a valid name nor a valid label, and is reported at its
	 * position. */
	read_cluster(
		"{apiVersion: v1, kind: Namespace, metadata: {annotations: {a: \"\x7f\"}, name: "
		"\"a\x7f\"}}\n",
		&cluster,
		"t:1:75: Namespace a\xef\xbf\xbd: metadata.name: \"a\xef\xbf\xbd\" is not a "
		"valid name (a-z, 0-9, - and .)\n");
	eg_cluster_free(&cluster);
	read_cluster(
		"{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {b: "
		"\"c\\u0000\"}}}\n",
		&cluster,
		"t:1:67: Namespace a: metadata.labels.b: \"c\xef\xbf\xbd\" is not a valid label "
		"value\n");
	eg_cluster_free(&cluster);
}

/* Replace ..data with another version, like a kubelet. */
static void swap_data(void)
{
	char to[512];

	make_link("..v2", "swapped/..tmp");
	snprintf(to, sizeof(to), "%s/swapped/..data", root);
	assert_int_equal(rename(in_root("swapped/..tmp"), to), 0);
}

/* A mix of two versions is refused, and so is an incomplete listing. */
static void test_listing(void **state)
{
	(void)state;
	make_directory("swapped");
	make_directory("swapped/..v1");
	make_directory("swapped/..v2");
	write_ns("swapped/..v1/a.yaml", "a");
	write_ns("swapped/..v2/a.yaml", "a");
	make_link("..v1", "swapped/..data");
	make_link("..data/a.yaml", "swapped/a.yaml");
	expect("swapped", "a ", "");
	listing.before = swap_data;
	expect("swapped", "a ", "swapped: was replaced while being read: reload again\n");
	expect("swapped", "a ", "");
	listing.fail = true;
	expect("swapped", "", "swapped: Input/output error\n");
	listing.fail = false;
	listing.n_more = EG_K8S_DIRECTORY_FILES_MAX - 2; /* plus a.yaml; the others are hidden */
	expect("swapped", "a ", "");
	listing.n_more = EG_K8S_DIRECTORY_FILES_MAX - 1;
	expect("swapped", "a ", "");
	listing.n_more = EG_K8S_DIRECTORY_FILES_MAX;
	expect("swapped", "", "swapped: too many files in this directory\n");
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	struct eg_buf command = {0};
	int err;

	(void)state;
	eg_buf_add(&command, "rm -rf %s", root);
	err = system(command.v);
	eg_buf_free(&command);
	return err;
}

int run_directory_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_listing),
	};

	return cmocka_run_group_tests_name("k8s folders", tests, make_root, remove_root);
}
