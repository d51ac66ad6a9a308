/* SPDX-License-Identifier: MIT */
/* Which of our certificates a peer gets (RFC 9846, 4.5.1.2; RFC 6066, 3). */
#include <stdlib.h>
#include <string.h>

#include "lib/x509/identity.h"
#include "lib/x509/name.h"

static int compare(const void *key, const void *name)
{
	return strcmp(key, *(const char *const *)name);
}

static bool has_name(const struct x509_identity *identity, const char *name)
{
	if (identity->names_len == 0)
		return false;
	return bsearch(name, identity->names, identity->names_len, sizeof(*identity->names),
		       compare) != NULL;
}

static bool has_address(const struct x509_identity *identity, const struct x509_address *address)
{
	const struct x509_address *own;
	size_t i;

	for (i = 0; i < identity->addresses_len; i++) {
		own = &identity->addresses[i];
		if (own->len == address->len && memcmp(own->bytes, address->bytes, own->len) == 0)
			return true;
	}
	return false;
}

static enum x509_match match(const struct x509_identity *identity, const struct x509_reference *ref)
{
	char wildcard[X509_NAME_MAX + 2] = "*";
	const char *rest = strchr(ref->name, '.');

	if (ref->address.len)
		return has_address(identity, &ref->address) ? X509_MATCH_EXACT : X509_MATCH_NONE;
	if (has_name(identity, ref->name))
		return X509_MATCH_EXACT;
	if (!rest)
		return X509_MATCH_NONE;
	strcpy(wildcard + 1, rest);
	return has_name(identity, wildcard) ? X509_MATCH_WILDCARD : X509_MATCH_NONE;
}

enum x509_match x509_identity_matches(const struct x509_identity *identity, const char *name)
{
	struct x509_reference ref;

	return x509_reference_parse(name, &ref) ? match(identity, &ref) : X509_MATCH_NONE;
}

/* The curve that a scheme of TLS 1.3 is for; 0 for none. */
static uint16_t scheme_curve(uint16_t scheme)
{
	if (scheme == KTLS_SCHEME_ECDSA_SECP256R1_SHA256)
		return KTLS_GROUP_SECP256R1;
	return scheme == KTLS_SCHEME_ECDSA_SECP384R1_SHA384 ? KTLS_GROUP_SECP384R1 : 0;
}

static bool has(const uint16_t *list, size_t len, uint16_t number)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (list[i] == number)
			return true;
	}
	return false;
}

/* Sets *scheme to the first of the peer's that the identity's key can make, if there is one. */
static bool shared_scheme(const struct x509_identity *identity,
			  const struct ktls_engine_hello *hello, uint16_t *scheme)
{
	bool any_curve = hello->version == KTLS_TLS_1_2;
	size_t i;

	if (hello->curves && identity->curve != 0 &&
	    !has(hello->curves, hello->curves_len, identity->curve))
		return false;
	*scheme = 0;
	for (i = 0; i < hello->schemes_len && !hello->encryption; i++) {
		if (!has(identity->schemes, identity->schemes_len, hello->schemes[i]) ||
		    !(any_curve || scheme_curve(hello->schemes[i]) == identity->curve))
			continue;
		*scheme = hello->schemes[i];
		return true;
	}
	return hello->encryption && identity->decrypts;
}

/* The best so far among identities whose name fits equally. */
struct candidate {
	const struct x509_identity *identity;
	uint16_t scheme;
};

int x509_identity_choose(const struct x509_identity *const *list, size_t n,
			 const struct ktls_engine_hello *hello, bool strict,
			 const struct x509_identity **out, uint16_t *scheme)
{
	struct candidate first[X509_MATCH_EXACT + 1] = { { NULL, 0 } }, *found;
	enum x509_match how, best = X509_MATCH_NONE;
	bool named = hello->server_name[0] != '\0', is_name;
	struct x509_reference ref;
	uint16_t shared;
	size_t i;

	if (n == 0)
		return -KTLS_R_MISUSE;
	is_name = x509_reference_parse(hello->server_name, &ref);
	for (i = 0; i < n; i++) {
		how = is_name ? match(list[i], &ref) : X509_MATCH_NONE;
		best = how > best ? how : best;
		if (shared_scheme(list[i], hello, &shared) && !first[how].identity)
			first[how] = (struct candidate){ list[i], shared };
	}
	if (named && strict && best == X509_MATCH_NONE)
		return -KTLS_R_SERVER_NAME_UNKNOWN;
	found = &first[best];
	if (best == X509_MATCH_EXACT && !found->identity)
		found = &first[X509_MATCH_WILDCARD];
	if (!found->identity)
		return -KTLS_R_SCHEMES_NONE_SHARED;
	*out = found->identity;
	*scheme = found->scheme;
	return 0;
}
