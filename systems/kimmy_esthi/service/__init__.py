"""The booking API: `app.create_app(database)`."""
