"""Deployment: the farm's two databases, who may use them, and the design documents of `views/` and `couchapp/`."""

from server.deploy.charts import fetch as fetch_charts
from server.deploy.pushing import Pushed, push

__all__ = ["Pushed", "fetch_charts", "push"]
