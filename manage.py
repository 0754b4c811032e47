#!/usr/bin/env python
"""Command line of a checkout; an installed copy has the same under the name `parley`."""

from gateway_project.command_line import main

if __name__ == "__main__":
    main()
