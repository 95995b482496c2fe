// SPDX-License-Identifier: GPL-2.0
/*
 * pilot show: what there is, in the form that is asked for.
 */
#include <string.h>

#include "view.h"

enum form {
	FORM_HUMAN,
	FORM_BRIEF,
	FORM_JSON,
	FORM_PROMETHEUS,
	FORM_PROMETHEUS_DEVICES,
	FORM_DUMP,
};

static const char *const words[] = {
	"--json", "--brief", "--prometheus", "dump", NULL
};

static int print(const struct views *views, enum form form)
{
	int ret = CLI_DONE;
	size_t i;

	switch (form) {
	case FORM_JSON:
		return show_json(views);
	case FORM_PROMETHEUS:
	case FORM_PROMETHEUS_DEVICES:
		return show_prometheus(views, form == FORM_PROMETHEUS);
	case FORM_BRIEF:
		return show_brief(views);
	default:
		break;
	}
	for (i = 0; i < views->n && !ret; i++) {
		if (form == FORM_DUMP) {
			show_dump(&views->v[i]);
			continue;
		}
		if (i)
			putchar('\n');
		ret = show_human(&views->v[i]);
	}
	return ret;
}

static int show(const struct pilot_dev *dev, enum form form)
{
	/* Thousands of peers are megabytes. */
	static char buffer[1 << 16];
	struct views views = { 0 };
	struct pilot_genl g;
	size_t i;
	int ret;

	if (!cli_width())
		setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (pilot_genl_open(&g) || views_read(&g, dev, &views)) {
		ret = cli_fail("%s", g.err.text);
	} else {
		for (i = 0; i < views.n; i++)
			if (views.v[i].torn)
				cli_warn("%s: peers came or went while they were listed",
					 cli_ifname(&views.v[i].d.dev));
		ret = print(&views, form);
	}
	views_free(&views);
	pilot_genl_close(&g);
	return ret;
}

static int run(int argc, char **argv)
{
	const char *given = NULL, *name = NULL;
	enum form form = FORM_HUMAN;
	struct pilot_error err;
	struct pilot_dev dev;
	int i;

	for (i = 1; i < argc; i++) {
		const char *arg = argv[i];
		enum form one;

		if (!strcmp(arg, "-j") || !strcmp(arg, "--json"))
			one = FORM_JSON;
		else if (!strcmp(arg, "-b") || !strcmp(arg, "--brief"))
			one = FORM_BRIEF;
		else if (!strcmp(arg, "--prometheus"))
			one = FORM_PROMETHEUS;
		else if (!strcmp(arg, "--prometheus=devices"))
			one = FORM_PROMETHEUS_DEVICES;
		else if (name && !strcmp(arg, "dump"))
			one = FORM_DUMP;
		else if (arg[0] == '-')
			return cli_usage(&cmd_show, "there is no option \"%.40s\"%s", arg,
					 cli_did_you_mean(arg, words));
		else if (name)
			return cli_usage(&cmd_show, "unexpected argument \"%.40s\"%s", arg,
					 cli_did_you_mean(arg, words));
		else
			one = FORM_HUMAN;

		if (one == FORM_HUMAN) {
			name = arg;
			continue;
		}
		if (given && one != form)
			return cli_usage(&cmd_show, "either %s or %s", given, arg);
		given = arg;
		form = one;
	}
	if (name && cli_parse_dev(name, &dev, &err))
		return cli_bad_value(&cmd_show, &err);
	return show(name ? &dev : NULL, form);
}

const struct cli_command cmd_show = {
	.name = "show",
	.usage = "show [DEV] [-b|--brief] [-j|--json] [--prometheus[=devices]]\n"
		 "show DEV dump",
	.summary = "show devices and their peers (without a command, too)",
	.help = "  -b, --brief   a line per peer\n"
		"  -j, --json    as JSON, described by pilot.schema.json\n"
		"  --prometheus  as metrics, in Prometheus' text format; =devices leaves out\n"
		"                those of peers\n"
		"  dump          tab separated, for scripts\n",
	.run = run,
};
