"""The pages, each for whoever has the permission to see what it shows."""
