"""PDF: what is printed on its pages, put together as lines, columns, tables and paragraphs."""
