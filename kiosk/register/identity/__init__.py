"""Who the kiosks are: whether two use one name, and whose signature is trusted."""
