"""A console for people who debug: calls as they are typed, answers as they are read. No domain in it.

`words` reads lines, `calls` makes typed calls of them, `render` and `manual` put answers and documentation
into words, `completion` proposes what may be typed, `link` keeps a connection, `shell` is the console itself.
"""
