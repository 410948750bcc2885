/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json_write.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

int fc_json_write(const char *path, const json_t *v, struct fc_err *e)
{
	char *text = json_dumps(v, JSON_INDENT(2) | JSON_REAL_PRECISION((size_t)fc_json_digits(v)));
	int ret = -1, fd = text ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
	if (!text)
		fc_fail(e, "%s: not UTF-8", path);
	else if (fd < 0)
		fc_fail(e, "create %s:", path);
	else
		ret = fc_write_all(fd, text, strlen(text), path, e);
	if (ret == 0)
		ret = fc_write_all(fd, "\n", 1, path, e);
	if (fd >= 0 && close(fd) < 0 && ret == 0)
		ret = fc_fail(e, "close %s:", path);
	free(text);
	return ret;
}
