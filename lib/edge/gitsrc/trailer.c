/* Line by line; a message that names anything twice is nobody's. */
#include "edge/gitsrc/trailer.h"

void trailer_write(struct buf *message, struct str subject, const struct trailer *t)
{
    buf_printf(message, STR_FMT "\n\nHlmesh-App: " STR_FMT "\nHlmesh-Lease: %llu\n",
               STR_ARG(subject), STR_ARG(t->app), (unsigned long long)t->epoch);
    buf_printf(message, "Hlmesh-Agent: " STR_FMT "\n", STR_ARG(t->agent));
    if (t->revision.len > 0)
        buf_printf(message, "Hlmesh-Revision: " STR_FMT "\n", STR_ARG(t->revision));
}

bool trailer_read(struct str message, struct trailer *out)
{
    struct str rest = str_trim(message);
    size_t app_count = 0, lease_count = 0;

    *out = (struct trailer){0};
    for (size_t at; (at = str_find(rest, STR("\n\n"), 0)) != SIZE_MAX;)
        rest = str_sub(rest, at + 2, rest.len);
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');

        if (str_starts(line, STR("Hlmesh-App: "))) {
            out->app = str_trim(str_sub(line, 12, line.len));
            app_count++;
        } else if (str_starts(line, STR("Hlmesh-Lease: "))) {
            if (!str_to_u64(str_trim(str_sub(line, 14, line.len)), &out->epoch))
                return false;
            lease_count++;
        }
    }
    return app_count == 1 && lease_count == 1 && out->app.len > 0 && out->epoch > 0;
}
