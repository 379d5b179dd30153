"""Test data: rows from files and databases, or made up, and written down. Handing them out is the users' business."""
