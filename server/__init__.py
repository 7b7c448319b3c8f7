"""The service side: embedded store, deployment, report and the crashfarm command."""
