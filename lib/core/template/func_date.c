/* sprig's functions of times. */
#include "core/template/func.h"

const struct function functions_date[] = {{NULL, NULL, NULL}};
