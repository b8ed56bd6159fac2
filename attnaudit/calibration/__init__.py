"""Models of which it is known what their attention does, and what the rules must find on them."""
