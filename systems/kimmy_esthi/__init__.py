"""Kimmy Esthi, an esthetician's appointment booking: the service, and its stress test."""
