/* What the reader of simple YAML takes, it takes as libyaml does: the same events at the same
 * places, up to where it stops. */
#include "core/value/yaml_simple.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends have no place that anybody looks at. */
static int note(void *context, const yaml_event_t *event)
{
    struct buf *out = context;
    bool has_place = event->type == YAML_SCALAR_EVENT || event->type == YAML_SEQUENCE_START_EVENT ||
                     event->type == YAML_MAPPING_START_EVENT;

    if (event->type == YAML_STREAM_START_EVENT || event->type == YAML_STREAM_END_EVENT)
        return 0;
    buf_printf(out, "%d", event->type);
    if (has_place)
        buf_printf(out, " at %zu:%zu", event->start_mark.line, event->start_mark.column);
    if (event->type == YAML_SCALAR_EVENT) {
        HL_ASSERT(!event->data.scalar.tag && !event->data.scalar.anchor);
        buf_printf(out, " %d \"", event->data.scalar.plain_implicit);
        buf_add_bytes(out, (const char *)event->data.scalar.value, event->data.scalar.length);
    }
    buf_add_byte(out, '\n');
    return 0;
}

/* 0, or 1 if libyaml refuses the text. */
static int note_libyaml(struct str text, struct buf *out)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool is_over = false;
    int refused = 0;

    HL_ASSERT(yaml_parser_initialize(&parser));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    while (!is_over && !refused) {
        refused = !yaml_parser_parse(&parser, &event);
        if (refused)
            break;
        is_over = event.type == YAML_STREAM_END_EVENT;
        refused = event.type == YAML_ALIAS_EVENT || note(out, &event) != 0;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return refused;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(buf_deinit) struct buf simple = {0};
    HL_CLEANUP(buf_deinit) struct buf whole = {0};
    struct str text = {(const char *)data, size};

    if (size == 0 || yaml_simple_read(text, note, &simple) != 0)
        return 0;
    HL_ASSERT(note_libyaml(text, &whole) == 0);
    HL_ASSERT(str_eq(buf_str(&simple), buf_str(&whole)));
    return 0;
}
