"""A page on which a reader moves the attention of a text and sees the answer change."""
