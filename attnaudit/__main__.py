"""`python -m attnaudit`."""

from attnaudit.cli.main import main

main()
