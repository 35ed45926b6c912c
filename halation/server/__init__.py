"""The page's server: songs made on request, a library of them, and the page itself.

Read ``models.py`` (what is said over HTTP), ``app.py`` (the routes), ``jobs.py`` (the queue),
``library.py`` (what is kept), ``guard.py`` (who is let in).
"""
