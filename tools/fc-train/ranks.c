/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/ranks.h"

#include <stdlib.h>

#include "base/mem.h"
#include "text/json.h"

struct hello {
	struct train_crew_opts opts;
	struct train_shape shape; /* no strings */
	enum fc_compute compute;  /* "auto" might be another where the processor is */
	bool offload;
	uint64_t n_config;
};

void train_ranks_lead(struct fc_comm *comm, const struct train_crew_opts *o,
    const struct train_shape *s, struct fc_nn *nn, const struct fc_params *p)
{
	struct fc_buf config = FC_BUF_INIT;
	fc_json_dump(&config, p->model.cfg.json);
	struct hello h = {*o, *s, fc_nn_compute(nn), fc_nn_home(nn) != nn, config.n};
	h.shape.config = h.shape.model = NULL;
	h.shape.lora = NULL;
	fc_comm_share(comm, &h, sizeof h);
	fc_comm_share(comm, config.p, config.n);
	fc_buf_release(&config);
}

static int follow(struct fc_comm *comm, const struct hello *h, const char *device,
    const char *config, struct fc_err *e)
{
	struct fc_nn *nn;
	struct fc_params *p;
	struct train_crew *crew;
	if (fc_nn_open(&nn, device, h->compute, e) < 0)
		return -1;
	if (h->offload)
		fc_nn_offload(nn);
	if (fc_params_blank(&p, config, nn, e) < 0) {
		fc_nn_close(nn);
		return -1;
	}
	p->n_keep = h->shape.layers_kept;
	int ret = train_crew_open(&crew, &h->opts, comm, nn, p, e);
	if (ret == 0)
		ret = train_footprint_rehearse(&h->shape, crew, nn, p, e);
	if (ret == 0)
		ret = train_crew_serve(crew, e);
	train_crew_close(crew);
	fc_params_free(p);
	fc_nn_close(nn);
	return ret;
}

int train_ranks_follow(struct fc_comm *comm, const char *device, struct fc_err *e)
{
	struct hello h;
	fc_comm_share(comm, &h, sizeof h);
	char *config = fc_malloc(h.n_config + 1);
	fc_comm_share(comm, config, h.n_config);
	config[h.n_config] = 0;
	const int ret = follow(comm, &h, device, config, e);
	free(config);
	return ret;
}
