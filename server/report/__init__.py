"""The static report: a folder of plain files that needs no server and no JavaScript."""

from server.report.model import ReportSummary
from server.report.writing import write_report

__all__ = ["ReportSummary", "write_report"]
