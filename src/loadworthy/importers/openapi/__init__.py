"""Plans from OpenAPI 3 documents: a flow for each thing that an API keeps."""
