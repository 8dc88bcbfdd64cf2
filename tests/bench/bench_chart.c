/*
 * What rendering costs within one process: a thousand small applications, each loaded and rendered
 * from its files, and the same chart again with its templates parsed already.
 *
 * Prints `figure NAME ours=… peer=none ratio=none unit=… limit=…`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/chart/release.h"

enum { APPLICATIONS = 1000 };

static const char helpers[] =
    "{{- define \"app.name\" -}}\n"
    "{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix \"-\" }}\n"
    "{{- end }}\n"
    "{{- define \"app.fullname\" -}}\n"
    "{{- if contains (include \"app.name\" .) .Release.Name }}{{ .Release.Name | trunc 63 }}\n"
    "{{- else }}{{ printf \"%s-%s\" .Release.Name (include \"app.name\" .) | trunc 63 }}{{ end }}\n"
    "{{- end }}\n"
    "{{- define \"app.labels\" -}}\n"
    "helm.sh/chart: {{ printf \"%s-%s\" .Chart.Name .Chart.Version | replace \"+\" \"_\" }}\n"
    "app.kubernetes.io/name: {{ include \"app.name\" . }}\n"
    "app.kubernetes.io/instance: {{ .Release.Name }}\n"
    "app.kubernetes.io/managed-by: {{ .Release.Service }}\n"
    "{{- end }}\n";
static const char deployment[] = "apiVersion: apps/v1\n"
                                 "kind: Deployment\n"
                                 "metadata:\n"
                                 "  name: {{ include \"app.fullname\" . }}\n"
                                 "  labels:\n"
                                 "    {{- include \"app.labels\" . | nindent 4 }}\n"
                                 "spec:\n"
                                 "  {{- if not .Values.autoscaling.enabled }}\n"
                                 "  replicas: {{ .Values.replicas }}\n"
                                 "  {{- end }}\n"
                                 "  template:\n"
                                 "    spec:\n"
                                 "      containers:\n"
                                 "      - name: {{ .Chart.Name }}\n"
                                 "        image: \"{{ .Values.image.repository }}:{{ "
                                 ".Values.image.tag | default \"latest\" }}\"\n"
                                 "        env:\n"
                                 "        {{- range $name, $value := .Values.env }}\n"
                                 "        - name: {{ $name }}\n"
                                 "          value: {{ $value | quote }}\n"
                                 "        {{- end }}\n"
                                 "        {{- with .Values.resources }}\n"
                                 "        resources:\n"
                                 "          {{- toYaml . | nindent 10 }}\n"
                                 "        {{- end }}\n";
static const char service[] = "apiVersion: v1\n"
                              "kind: Service\n"
                              "metadata:\n"
                              "  name: {{ include \"app.fullname\" . }}\n"
                              "  labels:\n"
                              "    {{- include \"app.labels\" . | nindent 4 }}\n"
                              "spec:\n"
                              "  type: {{ .Values.service.type }}\n"
                              "  ports:\n"
                              "  - port: {{ .Values.service.port }}\n";
static const char defaults[] = "replicas: 2\n"
                               "image: {repository: registry.example/app, tag: \"1.0\"}\n"
                               "autoscaling: {enabled: false}\n"
                               "service: {type: ClusterIP, port: 80}\n"
                               "env: {A: \"1\", B: two, C: \"3\"}\n"
                               "resources:\n"
                               "  requests: {cpu: 10m, memory: 32Mi}\n"
                               "  limits: {memory: 64Mi}\n";

#define TEXT(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct chart_file files[] = {
    {TEXT("Chart.yaml"), TEXT("apiVersion: v2\nname: app\nversion: 1.2.3\nappVersion: \"1.0\"\n")},
    {TEXT("values.yaml"), TEXT(defaults)},
    {TEXT("templates/_helpers.tpl"), TEXT(helpers)},
    {TEXT("templates/deployment.yaml"), TEXT(deployment)},
    {TEXT("templates/service.yaml"), TEXT(service)},
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct chart *load(struct arena *a)
{
    struct chart *c;
    struct err err;

    if (chart_load(a, files, HL_COUNT(files), NULL, NULL, &c, &err) < 0)
        hl_die("%s", err.text);
    return c;
}

static size_t render(struct arena *a, const struct chart *c, struct chart_trees *trees, int number)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct template_world world = {.now_s = 0};
    struct datum_map *values = datum_map_new(a);
    struct template_fault fault;
    struct release r;

    datum_map_set(a, values, STR("replicas"), datum_float(number));
    const struct release_request request = {
        .chart = c,
        .values = values,
        .release = {arena_printf(a, "app-%d", number), STR("default"), 1, false},
        .capabilities = &chart_capabilities_offline,
        .world = &world,
        .limits = &template_limits_default,
        .trees = trees};
    if (release_render(a, &request, &r, &fault) < 0)
        hl_die(STR_FMT, STR_ARG(fault.text));
    release_write(&text, &r, RELEASE_HOOKS);
    if (r.object_count != 2)
        hl_die("%zu objects", r.object_count);
    return text.len;
}

static void figure(const char *name, double ours, double limit)
{
    printf("figure %s ours=%.4g peer=none ratio=none unit=ms limit=%g%s\n", name, ours, limit,
           ours > limit ? " missed" : "");
}

int main(void)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(arena_freep) struct arena *kept = arena_new();
    HL_CLEANUP(chart_trees_freep) struct chart_trees *trees = chart_trees_new();

    double start = now_ms();
    for (int i = 0; i < APPLICATIONS; i++) {
        arena_reset(a);
        render(a, load(a), NULL, i);
    }
    figure("render_1000_small_applications", now_ms() - start, 2000);
    const struct chart *c = load(kept);
    render(kept, c, trees, 0);
    start = now_ms();
    for (int i = 0; i < APPLICATIONS; i++) {
        arena_reset(a);
        render(a, c, trees, i);
    }
    figure("render_1000_releases_of_one_chart", now_ms() - start, 1000);
    return 0;
}
