/* Detects failed dumps. Missing objects fail open: no policy isolates an unknown pod, and a lost
 * policy isolates nothing. */
#include "k8s/reader.h"

int eg_k8s_check_file(struct eg_k8s *k8s, const struct eg_tree *tree, const char *path)
{
	const struct eg_pos pos = {.file = path};

	if (tree->blank)
		eg_error(k8s->errs, &pos, NULL,
			 "is empty, as after a failed dump (delete the file if it is meant to be "
			 "empty)");
	else if (tree->open_end)
		eg_error(k8s->errs, &pos, NULL,
			 "is truncated: its last line has no newline (add one if the file is "
			 "complete)");
	else if (!tree->n_docs)
		eg_warning(k8s->errs, &pos, NULL, "contains no objects");
	if (!tree->blank && !tree->open_end)
		return 0;
	k8s->failed = true;
	return -1;
}

void eg_k8s_report_status(struct eg_k8s *k8s, const struct eg_node *object)
{
	const struct eg_node *message = eg_node_get(object, "message");

	eg_k8s_error(k8s, object, "kind Status is an error from the API server, not an object: %s",
		     message && message->kind == EG_NODE_SCALAR ? message->text : "no message");
}
