"""Deployment: the farm's databases, who may use them, and the design documents of `views/` and `couchapp/`."""

from server.deploy.charts import fetch as fetch_charts
from server.deploy.pushing import Pushed, door, push

__all__ = ["Pushed", "door", "fetch_charts", "push"]
