/*
 * The report: one HTML file that needs nothing else, neither network nor other files. It is written
 * from top to bottom: begin, sections with what stands in them, end. What stands in a section (a
 * table, paragraphs) may also be written by others. It knows nothing of stores.
 *
 * All texts are quoted for HTML here. A write that fails is seen by ferror on the file.
 */
#ifndef EBJR_PLOTS_REPORT_H
#define EBJR_PLOTS_REPORT_H

#include "plots/slider.h"

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_report_section {
    const char *id; /* "latency": what a link points to */
    const char *heading;
};

/* The head, the title, a line below it, and links to the sections that will follow. */
void ebjr_report_begin(FILE *page, const char *title, const char *subtitle,
                       const struct ebjr_report_section *sections, size_t count);

/* The scripts' data, where there is an explorer (else NULL), the scripts and the end; `program` is
 * who made it. Errors: EBJR_ENOMEM. */
int ebjr_report_end(FILE *page, const struct ebjr_slider *explorer, const char *program);

void ebjr_report_section_begin(FILE *page, const struct ebjr_report_section *section);
void ebjr_report_section_end(FILE *page);

void ebjr_report_paragraph(FILE *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line of a list; the caller writes <ul> and </ul>. */
void ebjr_report_item(FILE *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A command to copy. */
void ebjr_report_command(FILE *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Figures in large print: begin, each with its name and a remark, end. */
void ebjr_report_facts_begin(FILE *page);
void ebjr_report_fact(FILE *page, const char *name, const char *value, const char *remark);
void ebjr_report_facts_end(FILE *page);

/* Pictures side by side, where there is room: begin, figures, end. */
void ebjr_report_figures_begin(FILE *page);
void ebjr_report_figures_end(FILE *page);

/* A picture with a caption, inlined from an SVG file (figure.h). Errors: those of
 * ebjr_figure_inline. */
int ebjr_report_figure(FILE *page, const char *id, const char *caption, const char *path);

/* Where the explorer will be: slider, chart and figures, which the script brings to life. */
void ebjr_report_explorer(FILE *page);

#ifdef __cplusplus
}
#endif
#endif
