"""The pages of the register. One page is one file of ``pages``, with its template beside it."""
