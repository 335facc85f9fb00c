"""Result → page and pictures."""
