"""``python -m loadworthy`` is the command ``loadworthy``."""

from loadworthy.cli.main import main

if __name__ == "__main__":
    main()
