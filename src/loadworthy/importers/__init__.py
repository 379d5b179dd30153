"""Plans made from what there is already: descriptions of APIs, recordings, command lines, other tools' tests."""
