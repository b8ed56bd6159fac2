from attnaudit.report.html.page import html_page as html_page
