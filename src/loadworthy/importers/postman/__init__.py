"""Plans from Postman collections."""
