/* lib/conf: text, tree and checked configuration. */
#include "conf_tests.h"

#include <time.h>

#include "base/buf.h"

void assert_messages(struct eg_errs *errs, const char *lines)
{
	struct eg_buf all = {0};

	eg_buf_add(&all, "%s", "");
	eg_vec_foreach (msg, &errs->msgs)
		eg_buf_add(&all, "%s\n", msg->text);
	assert_string_equal(all.v, lines);
	eg_buf_free(&all);
	eg_errs_free(errs);
}

void seed_random(void)
{
	const char *given = getenv("EG_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);

	print_message("EG_SEED=%u\n", seed);
	srandom(seed);
}

struct eg_tree read_tree(const char *text)
{
	struct eg_errs errs = {0};
	struct eg_tree tree;
	int ret = eg_tree_read_text(text, strlen(text), "t", &eg_tree_limits_config, &tree, &errs);

	assert_messages(&errs, "");
	assert_int_equal(ret, 0);
	return tree;
}

int main(void)
{
	return run_tree_tests() + run_tree_random_tests() + run_tree_hostile_tests() +
	       run_read_tests() + run_prefix_index_tests() + run_config_tests() +
	       run_config_error_tests() + run_config_peer_tests() + run_config_subnet_tests() +
	       run_config_encrypt_tests() + run_config_lifetime_tests() +
	       run_config_kernel_tests() + run_config_vlan_tests() + run_restart_key_tests();
}
