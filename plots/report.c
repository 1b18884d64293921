#include "plots/report.h"

#include "plots/figure.h"
#include "plots/html.h"
#include "report_css.h"
#include "report_js.h"

#include <stdarg.h>
#include <stdlib.h>

void ebjr_report_begin(FILE *page, const char *title, const char *subtitle,
                       const struct ebjr_report_section *sections, size_t count)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
          "base-uri 'none'; form-action 'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n"
          "<title>",
          page);
    ebjr_html_text(page, title);
    fprintf(page,
            "</title>\n<style>\n%s</style>\n</head>\n<body>\n"
            "<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header>\n<h1 dir=\"auto\">",
            ebjr_report_css);
    ebjr_html_text(page, title);
    fputs("</h1>\n<p class=\"subtitle\" dir=\"auto\">", page);
    ebjr_html_text(page, subtitle);
    fputs("</p>\n<button type=\"button\" id=\"theme\" hidden>Dark theme</button>\n</header>\n"
          "<nav aria-label=\"Contents\">\n<ul>\n",
          page);
    for (size_t i = 0; i < count; i++) {
        fprintf(page, "<li><a href=\"#%s\">", sections[i].id);
        ebjr_html_text(page, sections[i].heading);
        fputs("</a></li>\n", page);
    }
    fputs("</ul>\n</nav>\n<main id=\"main\" tabindex=\"-1\">\n", page);
}

int ebjr_report_end(FILE *page, const struct ebjr_slider *explorer, const char *program)
{
    int status = 0;
    fputs("</main>\n<footer><p>Made by ", page);
    ebjr_html_text(page, program);
    fputs(" from a store of outputs. This file needs no network.</p></footer>\n", page);
    if (explorer) {
        fputs("<script type=\"application/json\" id=\"explorer-data\">\n", page);
        status = ebjr_slider_write(page, explorer);
        fputs("</script>\n", page);
    }
    fprintf(page, "<script>\n%s</script>\n</body>\n</html>\n", ebjr_report_js);
    return status;
}

void ebjr_report_section_begin(FILE *page, const struct ebjr_report_section *section)
{
    fprintf(page, "<section id=\"%s\" aria-labelledby=\"%s-heading\">\n<h2 id=\"%s-heading\">",
            section->id, section->id, section->id);
    ebjr_html_text(page, section->heading);
    fputs("</h2>\n", page);
}

void ebjr_report_section_end(FILE *page)
{
    fputs("</section>\n", page);
}

/* Text between two tags. */
static void write_between(FILE *page, const char *before, const char *after, const char *text)
{
    fputs(before, page);
    ebjr_html_text(page, text);
    fputs(after, page);
}

/* The same, formatted first: the whole is quoted, whatever it is made of. */
static void write_formatted(FILE *page, const char *before, const char *after, const char *format,
                            va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    write_between(page, before, after, text ? text : format);
    free(text);
}

void ebjr_report_paragraph(FILE *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_formatted(page, "<p>", "</p>\n", format, arguments);
    va_end(arguments);
}

void ebjr_report_item(FILE *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_formatted(page, "<li>", "</li>\n", format, arguments);
    va_end(arguments);
}

void ebjr_report_command(FILE *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_formatted(page, "<pre tabindex=\"0\"><code>", "</code></pre>\n", format, arguments);
    va_end(arguments);
}

void ebjr_report_facts_begin(FILE *page)
{
    fputs("<dl class=\"facts\">\n", page);
}

void ebjr_report_fact(FILE *page, const char *name, const char *value, const char *remark)
{
    write_between(page, "<div><dt>", "</dt>", name);
    write_between(page, "<dd><strong>", "</strong>", value);
    write_between(page, " <span>", "</span></dd></div>\n", remark);
}

void ebjr_report_facts_end(FILE *page)
{
    fputs("</dl>\n", page);
}

void ebjr_report_figures_begin(FILE *page)
{
    fputs("<div class=\"figures\">\n", page);
}

void ebjr_report_figures_end(FILE *page)
{
    fputs("</div>\n", page);
}

int ebjr_report_figure(FILE *page, const char *id, const char *caption, const char *path)
{
    fprintf(page,
            "<figure id=\"%s\">\n<div class=\"scroll picture\" role=\"region\" tabindex=\"0\" "
            "aria-labelledby=\"%s-caption\">\n",
            id, id);
    int status = ebjr_figure_inline(page, path, id, caption);
    fprintf(page, "</div>\n<figcaption id=\"%s-caption\">", id);
    write_between(page, "", "</figcaption>\n</figure>\n", caption);
    return status;
}

void ebjr_report_explorer(FILE *page)
{
    fputs("<noscript><p>The slider needs JavaScript; all else here does without.</p></noscript>\n"
          "<div id=\"explorer\" hidden>\n<div class=\"controls\">\n"
          "<p><label for=\"explorer-score\">Score</label>\n"
          "<select id=\"explorer-score\"></select></p>\n"
          "<p class=\"wide\"><label for=\"explorer-slider\">Threshold: from all to the student, to "
          "all to the teacher</label>\n"
          "<input type=\"range\" id=\"explorer-slider\" min=\"0\" step=\"1\"></p>\n"
          "<p><button type=\"button\" id=\"explorer-best\">Most accurate</button>\n"
          "<button type=\"button\" id=\"explorer-mark\" hidden>Policy</button></p>\n</div>\n"
          "<div class=\"scroll picture\" role=\"region\" tabindex=\"0\" "
          "aria-labelledby=\"explorer-caption\" id=\"explorer-chart\"></div>\n"
          "<p class=\"caption\" id=\"explorer-caption\"></p>\n"
          "<dl class=\"facts\" id=\"explorer-figures\" aria-live=\"polite\"></dl>\n"
          "<div id=\"explorer-eval\">\n<p>The same from the command line:</p>\n"
          "<pre tabindex=\"0\"><code id=\"explorer-command\"></code></pre>\n</div>\n</div>\n",
          page);
}
