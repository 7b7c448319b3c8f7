"""Questions over the farm's views: what the command line, the report and the export all ask, asked in one way."""
