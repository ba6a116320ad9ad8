"""From photos to a crop set: find, align, leave out, split."""
