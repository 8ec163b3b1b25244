#ifndef GP_TOOLS_REPORT_PAGE_H
#define GP_TOOLS_REPORT_PAGE_H

/* The fixed parts of the page. They hold nothing that came from a log; the
   page's policy allows exactly these by their digests. */

extern const char report_page_style[];
extern const char report_page_script[];

#endif
