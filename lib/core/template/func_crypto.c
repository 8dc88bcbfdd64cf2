/* sprig's functions of randomness, keys and certificates. */
#include "core/template/func.h"

const struct function functions_crypto[] = {{NULL, NULL, NULL}};
