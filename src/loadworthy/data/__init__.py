"""Test data: rows that are made up, and rows from files and databases."""
