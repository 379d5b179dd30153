"""The service: contacts, a calendar, telephony and live connections of a cemetery."""
