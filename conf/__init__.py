"""The configuration files: one folder is one group, one file one choice of it.

They ship inside the wheel, and ``scenarios.compose`` reads them by package name. Defaults of
single parameters live with the dataclasses (``sim.config``, ``scenarios.schema``), so a file here
holds only what its choice changes.
"""
