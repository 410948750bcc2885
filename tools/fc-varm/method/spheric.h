/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_SPHERIC_H
#define FC_VARM_SPHERIC_H

#include <stdbool.h>

/* Coefficients of two vectors, at an angle of this cosine, for the point at part t of the way from
 * the first to the second; parallel ones are mixed linearly. */
struct arc {
	double first, second;
};
struct arc varm_spheric_arc(double cosine, bool parallel, double t);

#endif
