"""Build a crop set from photos: find and align faces, remove duplicates, split."""
