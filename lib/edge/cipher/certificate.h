/* Keys and certificates: the part of cipher_openssl that certificate.c does; see
 * core/template/crypto.h. */
#ifndef HL_EDGE_CIPHER_CERTIFICATE_H
#define HL_EDGE_CIPHER_CERTIFICATE_H

#include "core/template/crypto.h"

HL_MUST int certificate_make(struct arena *a, const struct certificate_request *request,
                             struct certificate *out, struct err *err);
HL_MUST int certificate_new_key(struct arena *a, struct str type, struct str *out, struct err *err);
HL_MUST int certificate_check(struct str cert, struct str key, struct err *err);

#endif
