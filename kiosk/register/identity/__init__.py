"""Who the kiosks are: names used twice, trusted keys, and the register's own key."""
