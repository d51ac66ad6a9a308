/* SPDX-License-Identifier: MIT */
/* P-256's group law in Jacobian coordinates, and points as they stand on the wire. */
#include "lib/crypto/p256_point.h"

static const struct p256_fe curve_b = { { 0xd89cdf6229c4bddf, 0xacf005cd78843090,
					  0xe5a220abf7212ed6, 0xdc30061d04874834 } };

static bool is_on_curve(const struct p256_affine *p)
{
	struct p256_fe left, right, x3;

	p256_fe_sqr(&p->y, &left);
	p256_fe_sqr(&p->x, &right);
	p256_fe_mul(&right, &p->x, &right);
	p256_fe_add(&p->x, &p->x, &x3);
	p256_fe_add(&x3, &p->x, &x3);
	p256_fe_sub(&right, &x3, &right);
	p256_fe_add(&right, &curve_b, &right);
	p256_fe_sub(&left, &right, &left);
	return p256_fe_is_zero(&left) != 0;
}

/*
 * RFC 9846, 4.3.8.2: the uncompressed form only, and the checks of SP 800-56A, 5.6.2.3: coordinates
 * in range, on the curve. Infinity has no such form, and the cofactor is 1.
 */
bool p256_point_from_bytes(const uint8_t *in, size_t len, struct p256_affine *p)
{
	struct p256_affine t;

	if (len != P256_POINT_BYTES || in[0] != 4)
		return false;
	if (!p256_fe_from_bytes(in + 1, &t.x) || !p256_fe_from_bytes(in + 33, &t.y))
		return false;
	if (!is_on_curve(&t))
		return false;
	*p = t;
	return true;
}

void p256_point_to_bytes(const struct p256_affine *p, uint8_t out[static P256_POINT_BYTES])
{
	out[0] = 4;
	p256_fe_to_bytes(&p->x, out + 1);
	p256_fe_to_bytes(&p->y, out + 33);
}

void p256_point_to_affine(const struct p256_point *p, struct p256_affine *r)
{
	struct p256_fe inverse, square;

	p256_fe_invert(&p->z, &inverse);
	p256_fe_sqr(&inverse, &square);
	p256_fe_mul(&p->x, &square, &r->x);
	p256_fe_mul(&square, &inverse, &square);
	p256_fe_mul(&p->y, &square, &r->y);
}

/*
 * With a = -3: m = 3 (x - z^2) (x + z^2), s = 4 x y^2, and x' = m^2 - 2 s, y' = m (s - x') - 8 y^4,
 * z' = 2 y z. No exception: infinity gives infinity, and no point has y = 0, for n is odd.
 */
void p256_point_double(const struct p256_point *a, struct p256_point *r)
{
	struct p256_fe yy, zz, m, s, t;

	p256_fe_sqr(&a->z, &zz);
	p256_fe_add(&a->x, &zz, &m);
	p256_fe_sub(&a->x, &zz, &t);
	p256_fe_mul(&m, &t, &t);
	p256_fe_add(&t, &t, &m);
	p256_fe_add(&m, &t, &m);
	p256_fe_add(&a->y, &a->y, &t); /* 2 y */
	p256_fe_mul(&t, &a->z, &r->z);
	p256_fe_sqr(&t, &yy); /* 4 y^2 */
	p256_fe_mul(&yy, &a->x, &s);
	p256_fe_sqr(&m, &r->x);
	p256_fe_sub(&r->x, &s, &r->x);
	p256_fe_sub(&r->x, &s, &r->x);
	p256_fe_sqr(&yy, &yy); /* 16 y^4 */
	p256_fe_halve(&yy, &yy);
	p256_fe_sub(&s, &r->x, &s);
	p256_fe_mul(&m, &s, &m);
	p256_fe_sub(&m, &yy, &r->y);
}

/*
 * With u = x z'^2 and s = y z'^3 of either point: h = u2 - u1, q = s2 - s1, and
 * x3 = q^2 - h^3 - 2 u1 h^2, y3 = q (u1 h^2 - x3) - s1 h^3, z3 = z1 z2 h.
 */
static void add_common(const struct p256_fe *u1, const struct p256_fe *s1, struct p256_fe *h,
		       struct p256_fe *q, struct p256_point *r)
{
	struct p256_fe hh, v;

	p256_fe_sub(h, u1, h);
	p256_fe_sub(q, s1, q);
	p256_fe_mul(&r->z, h, &r->z);
	p256_fe_sqr(h, &hh);
	p256_fe_mul(u1, &hh, &v);
	p256_fe_mul(h, &hh, &hh);
	p256_fe_sqr(q, &r->x);
	p256_fe_sub(&r->x, &hh, &r->x);
	p256_fe_sub(&r->x, &v, &r->x);
	p256_fe_sub(&r->x, &v, &r->x);
	p256_fe_sub(&v, &r->x, &v);
	p256_fe_mul(q, &v, &v);
	p256_fe_mul(s1, &hh, &hh);
	p256_fe_sub(&v, &hh, &r->y);
}

static void move_point(const struct p256_point *a, uint64_t mask, struct p256_point *r)
{
	p256_fe_move(&a->x, mask, &r->x);
	p256_fe_move(&a->y, mask, &r->y);
	p256_fe_move(&a->z, mask, &r->z);
}

void p256_point_add(const struct p256_point *a, const struct p256_point *b, struct p256_point *r)
{
	struct p256_fe zz1, zz2, u1, u2, s1, s2;
	struct p256_point sum;

	p256_fe_sqr(&a->z, &zz1);
	p256_fe_sqr(&b->z, &zz2);
	p256_fe_mul(&a->x, &zz2, &u1);
	p256_fe_mul(&b->x, &zz1, &u2);
	p256_fe_mul(&a->z, &zz1, &zz1);
	p256_fe_mul(&b->z, &zz2, &zz2);
	p256_fe_mul(&a->y, &zz2, &s1);
	p256_fe_mul(&b->y, &zz1, &s2);
	p256_fe_mul(&a->z, &b->z, &sum.z);
	add_common(&u1, &s1, &u2, &s2, &sum);
	move_point(a, p256_fe_is_zero(&b->z), &sum);
	move_point(b, p256_fe_is_zero(&a->z), &sum);
	*r = sum;
}

void p256_point_add_affine(const struct p256_point *a, const struct p256_affine *b,
			   uint64_t b_is_infinity, struct p256_point *r)
{
	const struct p256_point b_point = { b->x, b->y, p256_fe_one };
	struct p256_fe zz, u2, s2;
	struct p256_point sum;

	p256_fe_sqr(&a->z, &zz);
	p256_fe_mul(&b->x, &zz, &u2);
	p256_fe_mul(&zz, &a->z, &zz);
	p256_fe_mul(&b->y, &zz, &s2);
	sum.z = a->z;
	add_common(&a->x, &a->y, &u2, &s2, &sum);
	move_point(&b_point, p256_fe_is_zero(&a->z), &sum);
	move_point(a, b_is_infinity, &sum);
	*r = sum;
}
