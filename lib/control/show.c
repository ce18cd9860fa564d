#include "control/show.h"

static eg_view_fn *const views[] = {
#define X(symbol, name, text) [EG_SHOW_##symbol] = eg_view_##name,
	EG_CONTROL_SHOWS(X)
#undef X
};

struct json_object *eg_page_row_at(struct eg_page *page, uint64_t at)
{
	if (!page->left) {
		if (!page->next)
			page->next = at;
		return NULL;
	}
	page->left--;
	return eg_json_row(page->rows);
}

struct json_object *eg_page_row(struct eg_page *page)
{
	uint64_t at = page->at++;

	return at < page->from ? NULL : eg_page_row_at(page, at);
}

struct json_object *eg_show(const struct eg_show_source *source, enum eg_control_show what,
			    uint64_t from, unsigned limit)
{
	struct eg_page page = {
		.source = source,
		.snap = eg_publisher_read(source->ctl->publisher),
		.result = json_object_new_object(),
		.from = from,
		.left = limit,
	};

	if (!page.result)
		return NULL;
	eg_json_text(page.result, "show", eg_control_show_name(what));
	eg_json_u64(page.result, "generation", page.snap ? page.snap->generation : 0);
	eg_json_real(page.result, "uptime_s",
		     (double)(eg_mono_ns() - source->ctl->started_ns) / EG_NS_PER_S);
	page.rows = eg_json_array(page.result, "rows");
	if (!page.rows) {
		json_object_put(page.result);
		return NULL;
	}
	views[what](&page);
	if (page.next)
		eg_json_u64(page.result, "next", page.next);
	return page.result;
}
