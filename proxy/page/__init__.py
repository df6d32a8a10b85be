"""The page: money at a glance for whoever runs it, and `/my` for whoever holds a key.

desk       what the page works with in one worker
gate       who may see what, and the headers on every answer
view       one page or form
visit      one request, once it is known whose it is
part       a piece of a page that asks for itself again
"""

from proxy.page.desk import Desk
from proxy.page.routes import page_routes

__all__ = ["Desk", "page_routes"]
